// node:v8: serialization in V8's format. What tells of V8's own heap and flags has nothing to tell here and says so.
'use strict';

const { Serializer } = require('internal/v8/serializer');
const { Deserializer } = require('internal/v8/deserializer');
const { DefaultSerializer, DefaultDeserializer, serialize, deserialize } = require('internal/v8/defaults');
const { stub } = require('internal/missing');

const MISSING = `GCProfiler cachedDataVersionTag getHeapCodeStatistics getHeapSnapshot getHeapSpaceStatistics getHeapStatistics
  setFlagsFromString setHeapSnapshotNearHeapLimit stopCoverage takeCoverage writeHeapSnapshot`.split(/\s+/);

module.exports = { Serializer, Deserializer, DefaultSerializer, DefaultDeserializer, serialize, deserialize };
for (const name of MISSING) module.exports[name] = stub('v8', name);
