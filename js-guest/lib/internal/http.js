// Names that the parts of http share. Knows nothing else.
'use strict';

module.exports = {
  kOutHeaders: Symbol('kOutHeaders'),
  kNeedDrain: Symbol('kNeedDrain'),
  kSocket: Symbol('kSocket'),
  kBytesWritten: Symbol('kBytesWritten'),
  kUniqueHeaders: Symbol('kUniqueHeaders'),
  utcDate: () => new Date().toUTCString(),
};
