// The object Intl: English alone, no zones but UTC and the script's own. What is not here is not pretended: each of the other
// services throws ERR_METHOD_NOT_IMPLEMENTED when it is made. Must not know how anything is formatted.
'use strict';

const { canonicalList } = require('internal/intl/locales');
const { stub } = require('internal/missing');

const SERVICES = {
  Collator: 'internal/intl/collator', DateTimeFormat: 'internal/intl/date_time_format',
  NumberFormat: 'internal/intl/number_format', PluralRules: 'internal/intl/plural_rules',
  Segmenter: 'internal/intl/segmenter',
};
const MISSING = ['DisplayNames', 'ListFormat', 'Locale', 'RelativeTimeFormat'];

const Intl = {
  getCanonicalLocales(locales) { return canonicalList(locales); },
  supportedValuesOf: stub('Intl', 'supportedValuesOf'),
};
for (const [name, id] of Object.entries(SERVICES)) Intl[name] = require(id)[name];
for (const name of MISSING) Intl[name] = stub('Intl', name);
for (const name of Object.keys(Intl)) Object.defineProperty(Intl, name, { enumerable: false });
Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl', configurable: true });

module.exports = { Intl };
