// One UDP socket of the host as an object with callbacks: what dgram and the resolver share. Must not know what a message
// means.
'use strict';

const native = internalBinding('datagram');

const event = { BOUND: 60, MESSAGE: 61, SENT: 62, CONNECTED: 63, ERROR: 64, CLOSED: 65 };
const flag = { IPV6_ONLY: 1, REUSE_ADDRESS: 2 };
const option = { BROADCAST: 1, TTL: 2, MULTICAST_TTL: 3, MULTICAST_LOOP: 4, RECV_BUFFER: 5, SEND_BUFFER: 6, RECEIVE: 7 };

// `owner` has onUdp(kind, value, flagsOrAddress, port).
native.setup((owner, kind, value, extra, port) => owner.onUdp(kind, value, extra, port));

module.exports = { native, event, flag, option };
