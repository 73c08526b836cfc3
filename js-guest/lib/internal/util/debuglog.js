// util.debuglog: messages of a section that NODE_DEBUG names. Must not look at the environment before the first message,
// since the library is evaluated before there is one.
'use strict';

const { formatWithOptions } = require('internal/util/inspect');

function sectionTest() {
  const wanted = `${process.env?.NODE_DEBUG ?? ''}`;
  if (wanted === '') return () => false;
  const pattern = wanted.replace(/[|\\{}()[\]^$+?.]/g, '\\$&').replaceAll('*', '.*').replaceAll(',', '$|^');
  const regexp = new RegExp(`^${pattern}$`, 'i');
  return (section) => regexp.test(section);
}

function debuglog(section, callback) {
  let enabled;
  const isEnabled = () => (enabled ??= sectionTest()(section));
  let told = false;
  const log = (...args) => {
    if (!isEnabled()) return;
    if (!told) {
      told = true;
      callback?.(log);
    }
    const colors = process.stderr?.hasColors?.() ?? false;
    const text = formatWithOptions({ colors }, ...args);
    process.stderr.write(`${section.toUpperCase()} ${process.pid}: ${text}\n`);
  };
  Object.defineProperty(log, 'enabled', { get: isEnabled, configurable: true, enumerable: true });
  return log;
}

module.exports = { debuglog };
