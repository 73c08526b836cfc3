// A resolver's queries: to each name server in turn by UDP, by TCP when the answer is too long for that, again after a
// time-out. Each query has a socket, and so a port, of its own: an answer is hard to forge. Must not know the shapes in
// which scripts get answers.
'use strict';

const { denied, EACCES } = require('internal/net/denied');
const { isIP } = require('internal/net/address');
const { native, event } = require('internal/dns/udp');
const wire = require('internal/dns/wire');
const streams = internalBinding('stream');
const { state } = require('internal/process/lifecycle');

const TIMEOUT = 2000, TRIES = 4, PORT = 53;
const CODES = { 1: 'EFORMERR', 2: 'ESERVFAIL', 3: 'ENOTFOUND', 4: 'ENOTIMP', 5: 'EREFUSED' };
// Another server may know better.
const ASK_ON = new Set(['ESERVFAIL', 'ENOTIMP', 'EREFUSED', 'EFORMERR']);

// One question until it is answered: done(code or error or null, records).
class Query {
  constructor(channel, name, type, done) {
    Object.assign(this, { channel, name, type, done, attempt: 0, socket: 0, timer: null, tcp: null, last: 'ECONNREFUSED' });
    this.servers = channel.servers.slice();
  }

  // The next server, or the first one once more.
  next(code) {
    this.letGo();
    if (code !== undefined) this.last = code;
    const { servers, channel } = this;
    if (servers.length === 0 || this.attempt >= servers.length * channel.tries) {
      this.end(this.last, []);
      return;
    }
    const round = Math.floor(this.attempt / servers.length);
    [this.family, this.host, this.port] = servers[this.attempt++ % servers.length];
    this.id = require('crypto').randomBytes(2).readUInt16BE(0);
    this.bytes = wire.encodeQuery(this.id, this.name, this.type);
    if (this.bytes === undefined) {
      this.end('EBADNAME', []);
      return;
    }
    this.timer = setTimeout(() => this.next('ETIMEOUT'), Math.max(1, channel.timeout) * 2 ** Math.min(round, 10));
    this.open();
  }

  open() {
    const local = this.family === 6 ? this.channel.local6 : this.channel.local4;
    const socket = native.bind(local, 0, 0);
    if (socket < 0) {
      this.fail(socket);
      return;
    }
    this.socket = socket;
    native.attachObject(socket, this);
    const connected = native.connect(socket, this.host, this.port);
    const sent = connected < 0 ? connected : native.send(socket, this.bytes, '', 0);
    if (sent < 0) this.fail(sent);
  }

  // A refusal of the policy is for the script to see; another server is under the same policy.
  fail(errno) {
    if (errno !== EACCES) {
      process.nextTick(() => this.next('ECONNREFUSED'));
      return;
    }
    const error = denied('connect', { address: this.host, port: this.port });
    process.nextTick(() => this.end(error, []));
  }

  onUdp(kind, value) {
    if (kind === event.MESSAGE) this.receive(value);
    else if (kind === event.CLOSED && this.socket) this.next('ECONNREFUSED');
    else if ((kind === event.SENT || kind === event.CONNECTED || kind === event.ERROR) && value !== 0) this.next('ECONNREFUSED');
  }

  receive(bytes) {
    if (this.channel === null) return;
    let answer;
    try {
      answer = wire.decodeAnswer(bytes, this.id, this.name, this.type);
    } catch (error) {
      if (!(error instanceof wire.BadMessage)) throw error;
      this.end('EBADRESP', []);
      return;
    }
    if (answer === null) return; // an answer to somebody else's question: the right one may still come
    const code = CODES[answer.rcode] ?? (answer.rcode === 0 ? null : 'ESERVFAIL');
    if (answer.truncated && this.tcp === null) this.askByTcp();
    else if (ASK_ON.has(code)) this.next(code);
    else this.end(code, answer.records);
  }

  askByTcp() {
    const { bytes, host, port } = this;
    const tcp = this.tcp = require('net').connect({ host, port });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length, 0);
    let got = Buffer.alloc(0);
    tcp.on('connect', () => tcp.write(Buffer.concat([length, bytes])));
    tcp.on('data', (chunk) => {
      got = Buffer.concat([got, chunk]);
      if (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0)) this.receive(got.subarray(2, 2 + got.readUInt16BE(0)));
    });
    const lost = () => { if (this.tcp === tcp) this.next('ECONNREFUSED'); };
    tcp.on('error', lost);
    tcp.on('end', lost);
  }

  letGo() {
    clearTimeout(this.timer);
    if (this.socket) {
      native.detachObject(this.socket);
      streams.close(this.socket);
      this.socket = 0;
    }
    const { tcp } = this;
    this.tcp = null;
    tcp?.destroy();
  }

  end(error, records) {
    if (this.channel === null) return;
    this.letGo();
    this.channel.queries.delete(this);
    this.channel = null;
    process.nextTick(this.done, error, records);
  }
}

// What `_handle` of a Resolver is.
class Channel {
  constructor(timeout, tries) {
    this.timeout = timeout < 0 ? TIMEOUT : timeout;
    this.tries = tries ?? TRIES;
    this.list = null;
    this.local4 = '0.0.0.0';
    this.local6 = '::';
    this.queries = new Set();
  }

  // Those of the system, unless a script has set its own: asked for late, as an image outlives a machine.
  get servers() {
    if (this.list === null) {
      const found = (state.info?.nameservers ?? []).map((host) => [isIP(host), host, PORT]);
      this.list = found.length > 0 ? found : [[4, '127.0.0.1', PORT]];
    }
    return this.list;
  }

  getServers() {
    return this.servers.map(([, host, port]) => [host, port]);
  }

  // Answers why not, or undefined.
  setServers(list) {
    if (this.queries.size > 0) return 'There are pending queries.';
    this.list = list;
    return undefined;
  }

  setLocalAddress(address, second) {
    const families = [address, second].filter((text) => text !== undefined).map(isIP);
    if (families.includes(0) || families[0] === families[1]) throw new Error('Invalid IP address.');
    for (const text of [address, second]) {
      if (isIP(text ?? '') === 4) this.local4 = text;
      else if (isIP(text ?? '') === 6) this.local6 = text;
    }
  }

  // Answers later, always.
  query(name, type, done) {
    if (/(^|\.)onion\.?$/i.test(name)) {
      process.nextTick(done, 'ENOTFOUND', []); // RFC 7686: nobody is to be asked
      return;
    }
    const query = new Query(this, name, type, done);
    this.queries.add(query);
    query.next();
  }

  cancel() {
    for (const query of [...this.queries]) query.end('ECANCELLED', []);
  }
}

module.exports = { Channel, TRIES };
