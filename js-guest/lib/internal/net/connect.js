// How a net.Socket connects: one address, or several in turn until one answers (RFC 8305, as Node does it). Each address
// is judged by the host just before it is connected, whatever found it. Must not know how names are resolved: `dns` or
// the script's own `lookup` does that.
'use strict';

const native = internalBinding('stream');
const { Socket, emitClose, WINDOW, kHandle, kObject, kPeer, kLocal, kOwed, kClosing, kRefed, kNoDelay, kKeepAlive,
  kKeepAliveDelay, kIsPipe, kTimer, kBytesRead, kBytesWritten, letSleep } = require('internal/net/socket');
const { NodeAggregateError, exceptionWithHostPort, codes: {
  ERR_INVALID_ADDRESS_FAMILY, ERR_INVALID_ARG_TYPE, ERR_INVALID_IP_ADDRESS, ERR_MISSING_ARGS, ERR_SOCKET_CONNECTION_TIMEOUT,
} } = require('internal/errors');
const { validateBoolean, validateFunction, validateInt32, validateNumber, validatePort, validateString } =
  require('internal/validators');
const { isIP } = require('internal/net/address');
const { EACCES, denied } = require('internal/net/denied');
const { connectFlag, option, kNormalized, normalizeArgs } = require('internal/net/options');
const perf = require('internal/net/observe');

const kAttempt = Symbol('kAttempt');
const OWN_ADDRESS = 1; // flag of STREAM_CLOSED
const ETIMEDOUT = -110;
const LEAST_TIMEOUT = 10;

// What scripts may set for all sockets.
const defaults = { autoSelectFamily: true, attemptTimeout: 250 };

Socket.prototype.connect = function(...args) {
  const [options, cb] = Array.isArray(args[0]) && args[0][kNormalized] ? args[0] : normalizeArgs(args);
  const { path } = options;
  if (options.port === undefined && (path === undefined || path === null)) {
    throw new ERR_MISSING_ARGS(['options', 'port', 'path']);
  }
  if (Object.hasOwn(this, 'write')) delete this.write;
  if (this.destroyed) startAnew(this);
  const pipe = Boolean(path);
  this[kIsPipe] = pipe;
  if (cb !== null) this.once('connect', cb);
  this.connecting = true;
  if (pipe) {
    validateString(path, 'options.path');
    connectNow(this, { address: path, port: -1 });
  } else {
    lookUpAndConnect(this, options);
  }
  return this;
};

// A socket that was destroyed may connect once more.
function startAnew(socket) {
  if (socket[kClosing]) {
    native.detachObject(socket[kClosing]);
    process.nextTick(emitClose, socket, socket._hadError);
  }
  socket[kClosing] = socket[kHandle] = socket[kOwed] = socket[kBytesRead] = socket[kBytesWritten] = 0;
  socket[kObject] = socket[kPeer] = socket[kLocal] = null;
  socket._undestroy();
}

function checkedPort(port) {
  if (port === undefined) return 0;
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw new ERR_INVALID_ARG_TYPE('options.port', ['number', 'string'], port);
  }
  validatePort(port);
  return port | 0;
}

function attemptTimeout(value) {
  if (value === undefined || value === null) return defaults.attemptTimeout;
  validateInt32(value, 'options.autoSelectFamilyAttemptTimeout', 1);
  return Math.max(value, LEAST_TIMEOUT);
}

const FAMILIES = { IPv4: 4, IPv6: 6 };

function lookUpAndConnect(socket, options) {
  const { localAddress, localPort } = options;
  const host = options.host || 'localhost';
  if (localAddress && !isIP(localAddress)) throw new ERR_INVALID_IP_ADDRESS(localAddress);
  if (localPort) validateNumber(localPort, 'options.localPort');
  const to = { host, port: checkedPort(options.port), localAddress, localPort };
  let { autoSelectFamily } = options;
  if (autoSelectFamily === undefined || autoSelectFamily === null) autoSelectFamily = defaults.autoSelectFamily;
  else validateBoolean(autoSelectFamily, 'options.autoSelectFamily');
  const timeout = attemptTimeout(options.autoSelectFamilyAttemptTimeout);
  const family = isIP(host);
  if (family) {
    process.nextTick(() => {
      if (socket.connecting) connectNow(socket, { ...to, address: host, family });
    });
    return;
  }
  if (options.lookup !== undefined && options.lookup !== null) validateFunction(options.lookup, 'options.lookup');
  const dns = require('dns');
  const wish = { family: FAMILIES[options.family] ?? options.family, hints: options.hints || 0 };
  const anyFamily = wish.family !== 4 && wish.family !== 6;
  if (anyFamily && wish.hints === 0) wish.hints = dns.ADDRCONFIG;
  socket._host = host;
  const lookup = options.lookup || dns.lookup;
  if (autoSelectFamily && anyFamily && !localAddress) lookUpSeveral(socket, lookup, wish, to, timeout, options);
  else lookUpOne(socket, lookup, wish, to, options);
}

function destroySoon(socket, error) {
  process.nextTick(() => socket.destroy(error));
}

function lookUpOne(socket, lookup, wish, to, options) {
  lookup(to.host, wish, (error, address, family) => {
    socket.emit('lookup', error, address, family, to.host);
    if (!socket.connecting) return;
    if (error) destroySoon(socket, error);
    else if (!isIP(address)) destroySoon(socket, new ERR_INVALID_IP_ADDRESS(address));
    else if (family !== 4 && family !== 6) destroySoon(socket, new ERR_INVALID_ADDRESS_FAMILY(family, options.host, options.port));
    else connectNow(socket, { ...to, address, family });
  });
}

function lookUpSeveral(socket, lookup, wish, to, timeout, options) {
  lookup(to.host, { ...wish, all: true }, (error, addresses) => {
    if (!socket.connecting) return;
    if (error) {
      socket.emit('lookup', error, undefined, undefined, to.host);
      destroySoon(socket, error);
      return;
    }
    const usable = { 4: [], 6: [] };
    let first = 0;
    for (const { address, family } of addresses) {
      socket.emit('lookup', error, address, family, to.host);
      if (!socket.connecting) return;
      if (!isIP(address) || (family !== 4 && family !== 6)) continue;
      usable[family].push({ address, family });
      first ||= family;
    }
    if (first === 0) {
      const { address, family } = addresses[0] ?? {};
      destroySoon(socket, isIP(address) ? new ERR_INVALID_ADDRESS_FAMILY(family, options.host, options.port) :
        new ERR_INVALID_IP_ADDRESS(address));
      return;
    }
    connectInTurn(socket, inTurn(usable[first], usable[first === 4 ? 6 : 4]), to, timeout);
  });
}

// One of each family in turn, the family that was named first in front.
function inTurn(these, those) {
  const list = [];
  for (let i = 0; i < Math.max(these.length, those.length); i++) {
    if (i < these.length) list.push(these[i]);
    if (i < those.length) list.push(those[i]);
  }
  return list;
}

function connectInTurn(socket, addresses, to, timeout) {
  if (addresses.length === 1) {
    connectNow(socket, { ...to, ...addresses[0] });
    return;
  }
  socket.autoSelectFamilyAttemptedAddresses = [];
  tryNext(socket, { addresses, at: 0, to, timeout, errors: [], timer: null });
}

function tryNext(socket, round) {
  clearTimeout(round.timer);
  if (round.at === round.addresses.length) {
    socket.destroy(round.errors.length > 0 ? new NodeAggregateError(round.errors) : new ERR_SOCKET_CONNECTION_TIMEOUT());
    return;
  }
  const target = { ...round.to, ...round.addresses[round.at++], round };
  socket.autoSelectFamilyAttemptedAddresses.push(`${target.address}:${target.port}`);
  if (!connectNow(socket, target)) return;
  if (round.at < round.addresses.length) round.timer = setTimeout(giveUp, round.timeout, socket, target);
}

// This address has had its time: the next one's turn.
function giveUp(socket, target) {
  const handle = socket[kHandle];
  if (!socket.connecting || socket[kAttempt] !== target) return;
  native.detachObject(handle);
  native.close(handle);
  socket[kHandle] = 0;
  target.round.errors.push(connectError(ETIMEDOUT, 0, target));
  tryNext(socket, target.round);
}

// ---- One attempt ----

function localEnd({ localAddress, localPort, family }) {
  if (localAddress || !localPort) return localAddress || '';
  return family === 6 ? '::' : '0.0.0.0';
}

// Answers whether an attempt is under way.
function connectNow(socket, target) {
  socket[kAttempt] = target;
  target.startTime = perf.observed('net') ? perf.start() : 0;
  const flags = (socket[kNoDelay] ? connectFlag.NO_DELAY : 0) | (socket.isPaused() ? connectFlag.PAUSED : 0);
  const handle = native.connect(target.address, target.port, flags, localEnd(target), target.localPort || 0);
  if (handle < 0) {
    failed(socket, target, handle === EACCES ? denied('connect', where(target)) : connectError(handle, 0, target));
    return false;
  }
  if (flags & connectFlag.PAUSED) socket[kOwed] = WINDOW;
  socket[kHandle] = handle;
  if (socket[kObject] !== null) socket[kObject].id = handle;
  native.attachObject(handle, socket);
  if (!socket[kRefed]) native.ref(handle, false);
  if (socket.timeout) {
    clearTimeout(socket[kTimer]);
    native.option(handle, option.TIMEOUT, socket.timeout);
  }
  return true;
}

function where({ address, port }) {
  return port > 0 ? { address, port } : { address };
}

function connectError(errno, flags, target) {
  const { address, port, localAddress, localPort } = target;
  if (flags & OWN_ADDRESS) return exceptionWithHostPort(errno, 'bind', localEnd(target), localPort);
  const local = localAddress && localPort ? `${localAddress}:${localPort}` : undefined;
  const error = exceptionWithHostPort(errno, 'connect', address, port < 0 ? undefined : port, local);
  return local ? Object.assign(error, { localAddress, localPort }) : error;
}

function failed(socket, target, error) {
  if (target.round === undefined) {
    process.nextTick(() => socket.destroy(error));
    return;
  }
  target.round.errors.push(error);
  if (socket.connecting) tryNext(socket, target.round);
}

// The host: this attempt has come to nothing.
Socket.prototype._failed = function(handle, errno, flags) {
  native.detachObject(handle);
  this[kHandle] = 0;
  const target = this[kAttempt];
  const error = connectError(-errno, flags, target);
  if (target.round === undefined) this.destroy(error);
  else failed(this, target, error);
};

// The host: connected.
Socket.prototype._opened = function(handle) {
  const target = this[kAttempt];
  if (this[kHandle] !== handle || !this.connecting || this.destroyed) return;
  clearTimeout(target.round?.timer);
  this[kAttempt] = null;
  this.connecting = false;
  if (this[kNoDelay] && this[kObject] !== null) this[kObject].setNoDelay(true);
  if (this[kKeepAlive]) this._handle.setKeepAlive(true, this[kKeepAliveDelay]);
  if (target.startTime && target.port > 0) {
    perf.stop('net', 'connect', target.startTime, { host: target.address, port: target.port });
  }
  this.emit('connect');
  this.emit('ready');
  if (this.destroyed) return;
  if (this.isPaused()) letSleep(this);
  else this.read(0);
};

module.exports = { defaults, LEAST_TIMEOUT };
