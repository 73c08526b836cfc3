// What may follow what has been typed: commands, modules to require, names in scope, properties of a chain of names. Looks
// values up and calls no function but getters on the way. Must not know terminals.
'use strict';

const vm = require('vm');

const WORD = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
const CHAIN = /(?:[\p{ID_Start}$_][\p{ID_Continue}$]*\.)*[\p{ID_Start}$_]?[\p{ID_Continue}$]*$/u;

// The names of an object and of what it inherits from, a group each.
function namesOf(value) {
  const groups = [];
  for (let at = Object(value); at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
    groups.push(Object.getOwnPropertyNames(at).filter((name) => WORD.test(name)));
  }
  return groups;
}

function lookUp(repl, chain) {
  try {
    return repl.useGlobal ? vm.runInThisContext(chain) : vm.runInContext(chain, repl.context);
  } catch {
    return undefined;
  }
}

function candidates(repl, text) {
  const dot = text.lastIndexOf('.');
  if (dot === -1) return namesOf(repl.context).map((names) => names.map(String));
  const value = lookUp(repl, text.slice(0, dot));
  return value === undefined || value === null ? [] : namesOf(value).map((names) => names.map((name) => `${text.slice(0, dot)}.${name}`));
}

// Groups of those that fit, with a '' between two.
function fitting(groups, text) {
  const seen = new Set(), all = [];
  for (const group of groups) {
    const fit = group.filter((name) => name.startsWith(text) && !seen.has(name)).sort();
    fit.forEach((name) => seen.add(name));
    if (fit.length === 0) continue;
    if (all.length > 0) all.push('');
    all.push(...fit);
  }
  return all;
}

function complete(repl, line, callback) {
  const command = /^\s*\.(\w*)$/.exec(line);
  if (command !== null) {
    callback(null, [Object.keys(repl.commands).filter((name) => name.startsWith(command[1])).sort(), command[1]]);
    return;
  }
  const wanted = /\brequire\s*\(\s*(['"`])([\w@./:-]*)$/.exec(line);
  if (wanted !== null) {
    callback(null, [require('module').builtinModules.filter((name) => name.startsWith(wanted[2])).sort(), wanted[2]]);
    return;
  }
  const [text] = CHAIN.exec(line);
  if (text === '' && line.trim() === '' && line !== '') callback(null, [[], undefined]);
  else callback(null, [fitting(candidates(repl, text), text), text]);
}

module.exports = { complete };
