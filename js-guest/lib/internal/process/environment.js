// process.env: the variables that were granted, text as in Node, changes the script's own. A variable that the host has and
// did not grant says so when it is read, and which grant is missing. Must not know the host's names: it asks about one.
'use strict';

const native = internalBinding('process');
const { codes: { ERR_ACCESS_DENIED } } = require('internal/errors');

// What programs look for on their way up to choose a look, a mode or a default, and do well without: these are unset where
// they are not granted. docs/rationale.md says how the list was made.
const QUIET = new Set([
  'BABEL_ENV', 'NODE_ENV', 'NODE_PATH', 'NODE_OPTIONS', 'NODE_DEBUG', 'NODE_NO_WARNINGS', 'NODE_PENDING_DEPRECATION',
  'NODE_V8_COVERAGE', 'NODE_EXTRA_CA_CERTS', 'NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_CHANNEL_FD', 'NODE_UNIQUE_ID',
  'NODE_INSPECTOR_IPC', 'NODE_DISABLE_COLORS', 'NODE_TEST_CONTEXT', 'DEBUG', 'NO_DEPRECATION', 'TRACE_DEPRECATION',
  'READABLE_STREAM', 'CI', 'CI_NAME', 'CONTINUOUS_INTEGRATION', 'TEAMCITY_VERSION', 'NO_COLOR', 'FORCE_COLOR', 'CLICOLOR',
  'CLICOLOR_FORCE', 'COLORTERM', 'TERM', 'COLUMNS', 'LINES', 'HOME', 'USERPROFILE', 'HOMEPATH', 'HOMEDRIVE', 'APPDATA',
  'LOCALAPPDATA', 'TMPDIR', 'TMP', 'TEMP', 'PATH', 'PATHEXT', 'PWD', 'SHELL', 'COMSPEC', 'EDITOR', 'USER', 'USERNAME',
  'LOGNAME', 'LNAME', 'HOSTNAME', 'LANG', 'LANGUAGE', 'TZ', 'OSTYPE', 'WSL_DISTRO_NAME', 'WT_SESSION', 'TMUX', 'SSH_TTY',
]);
const QUIET_PREFIX = /^(?:DEBUG_|LC_|TERM_|XDG_|npm_|VSCODE_|GITHUB_|GITLAB_)/;

const toText = (value) => {
  if (typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string');
  return `${value}`;
};

let typeWarned = false;

function warnOfType() {
  if (typeWarned || !process.execArgv.includes('--pending-deprecation')) return;
  typeWarned = true;
  process.emitWarning('Assigning any value other than a string, number, or boolean to a process.env property is deprecated. ' +
    'Please make sure to convert the value to a string before setting process.env with it.', 'DeprecationWarning', 'DEP0104');
}

const WANTED = "'process.env' only accepts a configurable, writable, and enumerable data descriptor";
const badDefinition = (message) =>
  require('internal/modules/errors').make(TypeError, 'ERR_INVALID_OBJECT_DEFINE_PROPERTY', message);

const traps = {
  set(target, key, value) {
    if (typeof value === 'object' || typeof value === 'function' || value === undefined) warnOfType();
    target[toText(key)] = toText(value);
    return true;
  },
  defineProperty(target, key, descriptor) {
    if ('value' in descriptor) {
      if (!descriptor.configurable || !descriptor.writable || !descriptor.enumerable) {
        throw badDefinition(WANTED);
      }
      target[toText(key)] = toText(descriptor.value);
      return true;
    }
    if (!('get' in descriptor) && !('set' in descriptor)) throw badDefinition(WANTED);
    throw badDefinition("'process.env' does not accept an accessor(getter/setter) descriptor");
  },
};

// Where the host has variables that were not granted: only reading one by its name tells; `in`, keys and spread do not.
function hidingTraps() {
  const deleted = new Set();
  return {
    ...traps,
    get(target, key) {
      const value = target[key];
      if (value !== undefined || typeof key !== 'string' || QUIET.has(key) || deleted.has(key) || QUIET_PREFIX.test(key)) {
        return value;
      }
      const why = native.askVariable(key);
      if (why !== undefined) throw new ERR_ACCESS_DENIED(why);
      return undefined;
    },
    deleteProperty(target, key) {
      if (typeof key === 'string') deleted.add(key);
      return delete target[key];
    },
  };
}

const environment = (info) => new Proxy(info.env ?? {}, info.envHidden ? hidingTraps() : traps);

module.exports = { environment };
