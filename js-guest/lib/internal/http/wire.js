// A ServerResponse that no connection of the host's stands behind: a script has made it and given it a stream to write to
// (`assignSocket`). It is framed as messages of clients are (_http_outgoing), by a writer of its own. Knows no server.
'use strict';

const { OutgoingMessage } = require('_http_outgoing');

const kWriter = Symbol('kWriter');

class Writer extends OutgoingMessage {
  constructor(res, socket) {
    super();
    this.res = res;
    this.socket = socket;
    this.letGo = null;
  }

  _implicitHeader() {
    const { res } = this;
    if (!res.headersSent) res._implicitHeader();
    for (const name of ['shouldKeepAlive', 'useChunkedEncodingByDefault', 'sendDate', '_hasBody', '_removedConnection',
                        '_removedContLen', '_removedTE', '_trailer']) {
      this[name] = res[name];
    }
    const [line, ...lines] = res._header.slice(0, -4).split('\r\n');
    const fields = lines.map((one) => [one.slice(0, one.indexOf(':')), one.slice(one.indexOf(':') + 2)]);
    this._storeHeader(`${line}\r\n`, fields);
  }

  _writeRaw(data, encoding, cb) {
    const { socket } = this;
    return socket && !socket.destroyed && socket.writable !== false ? socket.write(data, encoding, cb) : false;
  }
}

// As the enum in glue/http.h has it.
const WRITE = 0, END = 1, CORK = 2, UNCORK = 3;

function act(res, what, chunk, encoding, cb) {
  const writer = res[kWriter];
  switch (what) {
    case WRITE: return writer.write(chunk, encoding, cb);
    case END:
      writer._trailer = res._trailer;
      writer.end(chunk, encoding, cb);
      res.finished = true;
      return res;
    case CORK: return writer.cork();
    case UNCORK: return writer.uncork();
    default: return writer.flushHeaders();
  }
}

// From now on the stream is what the response writes to.
function assign(res, socket) {
  const writer = res[kWriter] = new Writer(res, socket);
  const onDrain = () => res.emit('drain');
  const onClose = () => {
    if (res.destroyed && res._closed) return;
    res.destroyed = res._closed = true;
    res.emit('close');
  };
  socket.on('drain', onDrain);
  socket.on('close', onClose);
  writer.on('prefinish', () => res.emit('prefinish'));
  writer.on('finish', () => res.emit('finish'));
  writer.on('error', (error) => res.emit('error', error));
  writer.letGo = () => {
    socket.removeListener('drain', onDrain);
    socket.removeListener('close', onClose);
  };
  res._wired = true;
}

function detach(res) {
  const writer = res[kWriter];
  if (!writer) return;
  writer.letGo();
  writer.socket = null;
}

module.exports = { act, assign, detach };
