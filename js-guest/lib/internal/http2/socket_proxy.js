// `session.socket`: a socket that can be asked, and not moved under its session. Knows no protocol.
'use strict';

const { codes: { ERR_HTTP2_NO_SOCKET_MANIPULATION, ERR_HTTP2_SOCKET_UNBOUND } } = require('internal/errors');

const FORBIDDEN = new Set(['emit', 'end', 'pause', 'read', 'resume', 'write', 'setEncoding', 'setKeepAlive', 'setNoDelay']);
const OF_SESSION = new Set(['setTimeout', 'ref', 'unref']);

// `current` answers the socket, or undefined when the session has let it go.
function handlerOf(session, current) {
  const live = () => {
    const socket = current();
    if (socket === undefined) throw new ERR_HTTP2_SOCKET_UNBOUND();
    return socket;
  };
  return {
    has: (target, name) => Reflect.has(live(), name),
    get(target, name) {
      if (OF_SESSION.has(name)) return session[name].bind(session);
      if (name === 'destroy') return session.destroy.bind(session);
      if (FORBIDDEN.has(name)) throw new ERR_HTTP2_NO_SOCKET_MANIPULATION();
      const socket = live(), value = socket[name];
      return typeof value === 'function' ? value.bind(socket) : value;
    },
    set(target, name, value) {
      if (OF_SESSION.has(name) || name === 'destroy') session[name] = value;
      else if (FORBIDDEN.has(name)) throw new ERR_HTTP2_NO_SOCKET_MANIPULATION();
      else live()[name] = value;
      return true;
    },
    getPrototypeOf: () => Reflect.getPrototypeOf(live()),
  };
}

function proxyOf(session, socket) {
  const { kSocket } = require('internal/http2/session');
  return new Proxy(socket, handlerOf(session, () => session[kSocket]));
}

module.exports = { proxyOf };
