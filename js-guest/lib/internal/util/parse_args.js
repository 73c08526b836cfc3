// util.parseArgs: a command line by a table of options. Must not look at process.argv unless it is given no args.
'use strict';

const {
  codes: {
    ERR_INVALID_ARG_VALUE, ERR_PARSE_ARGS_INVALID_OPTION_VALUE, ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL,
    ERR_PARSE_ARGS_UNKNOWN_OPTION,
  },
} = require('internal/errors');
const {
  validateArray, validateBoolean, validateBooleanArray, validateObject, validateString, validateStringArray, validateUnion,
} = require('internal/validators');

const own = (object, key, otherwise) => (Object.hasOwn(object, key) ? object[key] ?? otherwise : otherwise);

function defaultArgs() {
  const { execArgv, argv } = process;
  if (execArgv.some((arg) => ['-e', '--eval', '-p', '--print'].includes(arg))) return argv.slice(1);
  return argv.slice(2);
}

const longOfShort = (short, options) =>
  Object.keys(options).find((long) => own(options[long], 'short') === short) ?? short;
const isOption = (options, name) => Object.hasOwn(options, name);
const typeOf = (options, name) => (isOption(options, name) ? options[name].type : undefined);

// The command line as tokens: options with their raw names, positionals, '--'.
function tokenize(args, options) {
  const tokens = [];
  const rest = args.map((arg, index) => ({ arg, index }));
  while (rest.length > 0) {
    const { arg, index } = rest.shift();
    if (arg === '--') {
      tokens.push({ kind: 'option-terminator', index });
      for (const later of rest) tokens.push({ kind: 'positional', index: later.index, value: later.arg });
      break;
    }
    if (/^-[^-]$/.test(arg)) {
      takeLong(tokens, rest, longOfShort(arg[1], options), arg, index, options);
    } else if (/^-[^-]./.test(arg)) {
      const long = longOfShort(arg[1], options);
      if (typeOf(options, long) === 'string') {
        tokens.push({ kind: 'option', name: long, rawName: `-${arg[1]}`, index, value: arg.slice(2), inlineValue: true });
      } else {
        // -abc is -a -b -c, until one of them takes the rest for its value.
        const group = [];
        for (let i = 1; i < arg.length; i++) {
          const isLast = i === arg.length - 1;
          const takesRest = typeOf(options, longOfShort(arg[i], options)) === 'string' && !isLast;
          group.push({ arg: `-${takesRest ? arg.slice(i) : arg[i]}`, index });
          if (takesRest) break;
        }
        rest.unshift(...group);
      }
    } else if (/^--[^=]+=/s.test(arg) && !arg.startsWith('--=')) {
      const middle = arg.indexOf('=');
      const name = arg.slice(2, middle);
      tokens.push({ kind: 'option', name, rawName: `--${name}`, index, value: arg.slice(middle + 1), inlineValue: true });
    } else if (arg.length > 2 && arg.startsWith('--')) {
      takeLong(tokens, rest, arg.slice(2), arg, index, options);
    } else {
      tokens.push({ kind: 'positional', index, value: arg });
    }
  }
  return tokens;
}

function takeLong(tokens, rest, name, rawName, index, options) {
  let value;
  let inlineValue;
  if (typeOf(options, name) === 'string' && rest.length > 0) {
    value = rest.shift().arg;
    inlineValue = false;
  }
  tokens.push({ kind: 'option', name, rawName, index, value, inlineValue });
}

const looksLikeOption = (value) => typeof value === 'string' && value.length > 1 && value[0] === '-';

function checkUsage(options, token, allowPositionals) {
  if (!isOption(options, token.name)) throw new ERR_PARSE_ARGS_UNKNOWN_OPTION(token.rawName, allowPositionals);
  const { type } = options[token.name];
  const short = own(options[token.name], 'short');
  const shown = `${short ? `-${short}, ` : ''}--${token.name}`;
  if (type === 'string' && typeof token.value !== 'string') {
    throw new ERR_PARSE_ARGS_INVALID_OPTION_VALUE(`Option '${shown} <value>' argument missing`);
  }
  if (type === 'boolean' && token.value != null) {
    throw new ERR_PARSE_ARGS_INVALID_OPTION_VALUE(`Option '${shown}' does not take an argument`);
  }
}

function checkAmbiguity(token) {
  if (token.inlineValue || !looksLikeOption(token.value)) return;
  const example = token.rawName.startsWith('--') ? `'${token.rawName}=-XYZ'` :
    `'--${token.name}=-XYZ' or '${token.rawName}-XYZ'`;
  throw new ERR_PARSE_ARGS_INVALID_OPTION_VALUE(
    `Option '${token.rawName}' argument is ambiguous.\nDid you forget to specify the option argument for ` +
    `'${token.rawName}'?\nTo specify an option argument starting with a dash use ${example}.`);
}

function store(name, value, options, values) {
  if (name === '__proto__') return;
  const stored = value ?? true;
  if (isOption(options, name) && own(options[name], 'multiple')) (values[name] ??= []).push(stored);
  else values[name] = stored;
}

function checkOptions(options) {
  validateObject(options, 'options');
  for (const [name, option] of Object.entries(options)) {
    validateObject(option, `options.${name}`);
    validateUnion(own(option, 'type'), `options.${name}.type`, ['string', 'boolean']);
    if (Object.hasOwn(option, 'short')) {
      validateString(option.short, `options.${name}.short`);
      if (option.short.length !== 1) {
        throw new ERR_INVALID_ARG_VALUE(`options.${name}.short`, option.short, 'must be a single character');
      }
    }
    const multiple = own(option, 'multiple', false);
    if (Object.hasOwn(option, 'multiple')) validateBoolean(option.multiple, `options.${name}.multiple`);
    const value = own(option, 'default');
    if (value === undefined) continue;
    const check = { string: [validateString, validateStringArray], boolean: [validateBoolean, validateBooleanArray] };
    check[option.type][multiple ? 1 : 0](value, `options.${name}.default`);
  }
}

function parseArgs(config = {}) {
  const args = own(config, 'args') ?? defaultArgs();
  const strict = own(config, 'strict', true);
  const allowPositionals = own(config, 'allowPositionals', !strict);
  const returnTokens = own(config, 'tokens', false);
  const options = own(config, 'options', { __proto__: null });
  validateArray(args, 'args');
  validateBoolean(strict, 'strict');
  validateBoolean(allowPositionals, 'allowPositionals');
  validateBoolean(returnTokens, 'tokens');
  checkOptions(options);
  const tokens = tokenize(args, options);
  const result = { values: { __proto__: null }, positionals: [] };
  if (returnTokens) result.tokens = tokens;
  for (const token of tokens) {
    if (token.kind === 'option') {
      if (strict) {
        checkUsage(options, token, allowPositionals);
        checkAmbiguity(token);
      }
      store(token.name, token.value, options, result.values);
    } else if (token.kind === 'positional') {
      if (!allowPositionals) throw new ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL(token.value);
      result.positionals.push(token.value);
    }
  }
  for (const [name, option] of Object.entries(options)) {
    const value = own(option, 'default');
    if (value !== undefined && result.values[name] === undefined && name !== '__proto__') result.values[name] = value;
  }
  return result;
}

module.exports = { parseArgs };
