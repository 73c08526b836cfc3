// UDP sockets that several processes have: what the rest of the library may ask of a dgram.Socket, by names that scripts do
// not have. Must not know who shares.
'use strict';

module.exports = {
  kAdopt: Symbol('kAdopt'), // of the class: (type, handle) a Socket that is bound already
  kBound: Symbol('kBound'), // (handle, release): bound from elsewhere; release is called when it closes
  kHandleOf: Symbol('kHandleOf'), // (): its handle, or 0
  kRest: Symbol('kRest'), // (): once bound it reads nothing
  // In a cluster's worker: who asks the primary, as share(socket, { address, port, ... }).
  asker: { share: null },
};
