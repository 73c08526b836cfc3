// What performance observers are told of connections and look-ups. Must not know who connects.
'use strict';

const timeline = require('internal/perf/observe');
const { PerformanceNodeEntry, kMake } = require('internal/perf/entries');
const { now } = require('internal/perf/time');

module.exports = {
  observed: (type) => timeline.hasObserver(type),
  start: now,
  stop(type, name, startTime, detail) {
    if (timeline.hasObserver(type)) {
      timeline.enqueue(new PerformanceNodeEntry(kMake, name, type, startTime, now() - startTime, detail));
    }
  },
};
