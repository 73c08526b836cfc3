// A process that was started with a channel: `process.send`, 'message' and 'disconnect', and what its parent wants it to be.
// Must not know who the parent is.
'use strict';

const native = internalBinding('child');
const ipc = require('internal/child_process/ipc');

const HEARS = new Set(['message', 'disconnect']);

function setup(info) {
  if (typeof info?.execPath === 'string') process.argv[0] = process.execPath = info.execPath;
  const handle = native.parent();
  if (handle <= 0) return;
  const mode = info?.serialization === 'advanced' ? 'advanced' : 'json';
  // Nonsense from the parent: there is nobody to work for.
  const { channel } = ipc.open(process, handle, mode, { onBroken: () => process.exit(1), onClosed() {} });
  const { control } = channel;
  control.count();
  process.on('newListener', (name) => { if (HEARS.has(name)) control.hold(); });
  process.on('removeListener', (name) => { if (HEARS.has(name)) control.release(); });
  if (Number.isInteger(info?.worker)) require('internal/cluster/child').setup(info.worker);
}

module.exports = { setup };
