// node:cluster. Every process begins as a primary; one that a primary has started as its worker becomes a worker before its
// program runs (internal/cluster/child). Must not know how either works.
'use strict';

const EventEmitter = require('events');
const { Worker } = require('internal/cluster/worker');

const cluster = new EventEmitter();
module.exports = cluster;

Object.assign(cluster, { Worker, SCHED_NONE: 1, SCHED_RR: 2 });
require('internal/cluster/primary').install(cluster);
