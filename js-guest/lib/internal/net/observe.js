// What performance observers are told of connections and look-ups: a seam, so that net and dns need not know perf_hooks.
'use strict';

let hooks = null;

module.exports = {
  // perf_hooks gives { observed(type), now(), record(type, name, startTime, detail) }.
  register(given) { hooks = given; },
  observed: (type) => hooks !== null && hooks.observed(type),
  start: () => hooks.now(),
  stop(type, name, startTime, detail) { hooks?.record(type, name, startTime, detail); },
};
