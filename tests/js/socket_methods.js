// A socket's methods are replaced one by one, where they stand, after its fast way is warm: each is called. Prints what the
// server's side saw of each message. What Node prints is the same.
'use strict';
const net = require('net'), { Duplex, Readable } = require('stream'), EventEmitter = require('events');
let c, seen = [];
const s = net.createServer((socket) => { c = socket; c.on('data', (d) => { seen.push(typeof d); c.write(Buffer.from(d)); }); });
s.listen(0, '127.0.0.1', async () => {
  const client = net.connect(s.address().port, '127.0.0.1');
  const trip = (name) => new Promise((done) => {
    client.once('data', (d) => { console.log(name, String(d), seen.join()); seen = []; done(); });
    client.write(name[0]);
  });
  const spied = async (what, object, name) => {
    const had = Object.hasOwn(object, name), old = object[name];
    object[name] = function(...args) {
      if (this === c && (name !== 'emit' || args[0] === 'data')) seen.push(name);
      return old.apply(this, args);
    };
    await trip(what);
    if (had) object[name] = old; else delete object[name];
    await trip('plain');
  };
  for (let i = 0; i < 3; i++) await trip('warm');
  for (const name of ['push', 'emit', '_write']) await spied('own', c, name);
  for (const name of ['push', 'emit', '_write']) await spied('socket', net.Socket.prototype, name);
  for (const name of ['push', 'emit']) await spied('duplex', Duplex.prototype, name);
  for (const name of ['push', 'emit']) await spied('readable', Readable.prototype, name);
  await spied('emitter', EventEmitter.prototype, 'emit');
  c.pause();
  setTimeout(() => { seen.push('resumed'); c.resume(); }, 20);
  await trip('paused');
  c.cork();
  setTimeout(() => { seen.push('uncorked'); c.uncork(); }, 20);
  await trip('corked');
  c.setEncoding('latin1');
  await trip('encoded');
  console.log(c.bytesRead, c.bytesWritten, c.bytesRead === client.bytesWritten, c.bytesWritten === client.bytesRead);
  c.on('error', (error) => console.log(error.code));
  c.end();
  c.write(Buffer.from('late'));
  client.destroy();
  s.close();
});
