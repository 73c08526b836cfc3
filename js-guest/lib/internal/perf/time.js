// The clock of the timeline, and the steps of the guest's start on it. Must not know entries' kinds.
'use strict';

const native = internalBinding('process');
const { state } = require('internal/process/lifecycle');
const { PerformanceEntry, kMake } = require('internal/perf/entries');

const now = () => native.now(0) - state.startedAt;
const timeOrigin = () => native.now(1) - now();

// main.js notes them: the guest's start reached its entry, its process object, its module loader and its script.
const STEPS = ['nodeStart', 'v8Start', 'environment', 'bootstrapComplete'];
const step = (name) => (state.steps?.[STEPS.indexOf(name)] ?? 0) - (state.steps ? state.startedAt : 0);

class PerformanceNodeTiming extends PerformanceEntry {
  constructor() {
    super(kMake, 'node', 'node', 0, 0);
    const getters = {
      name: () => 'node',
      entryType: () => 'node',
      startTime: () => 0,
      duration: now,
      nodeStart: () => step('nodeStart'),
      v8Start: () => step('v8Start'),
      bootstrapComplete: () => step('bootstrapComplete'),
      environment: () => step('environment'),
      loopStart: () => (state.loopAt === 0 ? -1 : state.loopAt - state.startedAt),
      loopExit: () => (state.exitAt === 0 ? -1 : state.exitAt - state.startedAt),
      idleTime: () => Math.max(0, loopTimes().idle),
    };
    for (const [name, get] of Object.entries(getters)) Object.defineProperty(this, name, { enumerable: true, configurable: true, get });
  }

  toJSON() { return { ...this }; }
}

// What the guest did not compute, it waited: its CPU time is the host's figure.
function loopTimes() {
  if (state.loopAt === 0) return { idle: 0, active: 0 };
  const active = Math.max(0, native.now(2) - state.loopCpu);
  return { idle: Math.max(0, native.now(0) - state.loopAt - active), active };
}

function eventLoopUtilization(earlier, before) {
  const times = loopTimes();
  if (times.idle + times.active === 0) return { idle: 0, active: 0, utilization: 0 };
  const from = before ?? earlier;
  const of = before === undefined ? times : earlier;
  const idle = of.idle - (from?.idle ?? 0), active = of.active - (from?.active ?? 0);
  return { idle, active, utilization: active / (idle + active) };
}

const isStep = (name) => STEPS.includes(name) || ['loopStart', 'loopExit'].includes(name);

module.exports = { PerformanceNodeTiming, eventLoopUtilization, isStep, now, timeOrigin };
