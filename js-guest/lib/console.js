// node:console and the global console. Until a script touches process.stdout or stderr, lines go straight to the host,
// so that a program which only logs never makes a stream. Must not know how lines are formatted.
'use strict';

const { Console, indented, kFormat, kGetInspectOptions, kGroupIndent, kWrite, prepare } =
  require('internal/console/constructor');
const { isUntouched } = require('internal/process/stdio');
const native = internalBinding('process');

const FDS = { stdout: 1, stderr: 2 };
const NO_COLORS = {};
// Streams that a script has put in with console._stdout = stream.
const replaced = { stdout: false, stderr: false };
const isDirect = (name) => !replaced[name] && isUntouched(name);

const globalConsole = { __proto__: {} };

for (const key of Reflect.ownKeys(Console.prototype)) {
  if (key === 'constructor') continue;
  const desc = { ...Object.getOwnPropertyDescriptor(Console.prototype, key) };
  if (typeof desc.value === 'function') {
    const { value } = desc;
    desc.value = typeof key === 'string' ? Object.defineProperty(value.bind(globalConsole), 'name', { value: key }) : value;
  }
  Object.defineProperty(globalConsole, key, desc);
}

prepare(globalConsole, true, 'auto');

for (const name of ['stdout', 'stderr']) {
  Object.defineProperty(globalConsole, `_${name}`, {
    configurable: true,
    enumerable: false,
    get() { return process[name]; },
    set(value) {
      replaced[name] = true;
      Object.defineProperty(globalConsole, `_${name}`, { value, writable: true, configurable: true });
    },
  });
}

const slowWrite = globalConsole[kWrite];
globalConsole[kWrite] = function(name, text) {
  if (isDirect(name)) native.log(FDS[name], indented(this[kGroupIndent], text));
  else slowWrite.call(this, name, text);
};

// A stream that nobody has made says only whether it is a terminal.
const slowOptions = globalConsole[kGetInspectOptions];
globalConsole[kGetInspectOptions] = function(name) {
  if (isDirect(name) && !require('internal/process/lifecycle').state.info?.tty?.[FDS[name]]) return NO_COLORS;
  return slowOptions.call(this, name);
};
for (const key of [kWrite, kGetInspectOptions, kFormat]) Object.defineProperty(globalConsole, key, { enumerable: false });

const nothing = () => undefined;
for (const key of ['profile', 'profileEnd', 'timeStamp']) {
  Object.defineProperty(globalConsole, key, {
    value: Object.defineProperty(() => nothing(), 'name', { value: key }), writable: true, configurable: true, enumerable: true,
  });
}

globalConsole.Console = Console;
Object.defineProperty(globalConsole, 'Console', { enumerable: false });
Object.defineProperty(globalThis, 'console', { value: globalConsole, writable: true, configurable: true, enumerable: false });

module.exports = globalConsole;
