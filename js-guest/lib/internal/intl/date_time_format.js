// Dates and times in English, in UTC or in the zone that the script's dates are in. Other zones and calendars it refuses. Must
// not know where a zone's offsets come from: Date does.
'use strict';

const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');
const { callable, choose, finish, readOptions, resolve } = require('internal/intl/locales');

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November',
  'December'];
const STYLES = ['full', 'long', 'medium', 'short'];
const UTC_NAMES = new Set(['UTC', 'GMT', 'ETC/UTC', 'ETC/GMT', 'ETC/UCT', 'ETC/ZULU', 'UCT', 'ZULU']);
const NUMERIC = ['numeric', '2-digit'];
const NAMES = ['narrow', 'short', 'long'];
const DATE_STYLES = {
  full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  long: { year: 'numeric', month: 'long', day: 'numeric' },
  medium: { year: 'numeric', month: 'short', day: 'numeric' },
  short: { year: '2-digit', month: 'numeric', day: 'numeric' },
};
const TIME_STYLES = {
  full: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'long' },
  long: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
  medium: { hour: 'numeric', minute: '2-digit', second: '2-digit' },
  short: { hour: 'numeric', minute: '2-digit' },
};
const FIELDS = {
  weekday: NAMES, era: [], year: NUMERIC, month: [...NUMERIC, ...NAMES], day: NUMERIC, dayPeriod: [], hour: NUMERIC,
  minute: NUMERIC, second: NUMERIC, timeZoneName: ['short', 'long', 'shortOffset', 'longOffset'],
};

const isUtc = (name) => UTC_NAMES.has(name.toUpperCase());

// The zone that Date counts in.
const localZone = () => 'UTC';

function readZone(value) {
  if (value === undefined) return localZone();
  const name = String(value);
  if (isUtc(name)) return 'UTC';
  if (name !== localZone()) throw new RangeError(`Invalid time zone specified: ${name}`);
  return name;
}

function readFields(given, required, defaults) {
  const dateStyle = choose(given, 'dateStyle', STYLES, undefined), timeStyle = choose(given, 'timeStyle', STYLES, undefined);
  const fields = {};
  for (const [name, values] of Object.entries(FIELDS)) {
    if (given[name] === undefined) continue;
    if (values.length === 0) throw new ERR_METHOD_NOT_IMPLEMENTED(`Intl.DateTimeFormat with ${name}`);
    fields[name] = choose(given, name, values, undefined);
  }
  if (given.fractionalSecondDigits !== undefined) {
    const digits = Number(given.fractionalSecondDigits);
    if (!(digits >= 1 && digits < 4)) throw new RangeError('fractionalSecondDigits value is out of range.');
    fields.fractionalSecondDigits = Math.floor(digits);
  }
  if (dateStyle !== undefined || timeStyle !== undefined) {
    const [other] = Object.keys(fields);
    if (other !== undefined) throw new TypeError(`Can't set option ${other} when ${dateStyle ? 'dateStyle' : 'timeStyle'} is used`);
    return { dateStyle, timeStyle, fields: { ...DATE_STYLES[dateStyle], ...TIME_STYLES[timeStyle] } };
  }
  const has = (names) => names.some((name) => fields[name] !== undefined);
  const asksDate = has(['weekday', 'year', 'month', 'day']), asksTime = has(['hour', 'minute', 'second', 'fractionalSecondDigits']);
  const isEmpty = !(required !== 'time' && asksDate) && !(required !== 'date' && asksTime);
  if (isEmpty && defaults !== 'time') Object.assign(fields, { year: 'numeric', month: 'numeric', day: 'numeric' });
  if (isEmpty && defaults !== 'date') Object.assign(fields, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
  return { fields };
}

const two = (number) => String(number).padStart(2, '0');

class DateTimeFormat {
  #locale;
  #zone;
  #cycle;
  #read;
  #format;

  constructor(locales, options, required = 'any', defaults = 'date') {
    const given = readOptions(options);
    this.#locale = resolve(locales);
    if (given.calendar !== undefined && !['gregory', 'iso8601'].includes(String(given.calendar))) {
      throw new ERR_METHOD_NOT_IMPLEMENTED(`Intl.DateTimeFormat with the calendar ${given.calendar}`);
    }
    const cycle = choose(given, 'hourCycle', ['h11', 'h12', 'h23', 'h24'], 'h12');
    this.#cycle = given.hour12 === undefined ? cycle : given.hour12 ? 'h12' : 'h23';
    this.#zone = readZone(given.timeZone);
    this.#read = readFields(given, required, defaults);
  }

  // [year, month, day, weekday, hour, minute, second, millisecond]
  #numbers(value) {
    const date = new Date(value === undefined ? Date.now() : Number(value));
    if (Number.isNaN(date.getTime())) throw new RangeError('Invalid time value');
    const part = (name) => (this.#zone === 'UTC' ? date[`getUTC${name}`]() : date[`get${name}`]());
    return ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'].map(part);
  }

  #dateParts([year, month, day, weekday]) {
    const { fields } = this.#read, parts = [], add = (type, value) => parts.push({ type, value });
    const literal = (value) => parts.length > 0 && add('literal', value);
    const named = fields.month !== undefined && !NUMERIC.includes(fields.month);
    const yearText = fields.year === '2-digit' ? two(year % 100) : String(year);
    if (fields.weekday) add('weekday', fields.weekday === 'long' ? DAYS[weekday] : DAYS[weekday].slice(0, fields.weekday === 'short' ? 3 : 1));
    if (fields.month) {
      literal(', ');
      add('month', !named ? (fields.month === 'numeric' ? String(month + 1) : two(month + 1))
        : fields.month === 'long' ? MONTHS[month] : MONTHS[month].slice(0, fields.month === 'short' ? 3 : 1));
    }
    if (fields.day) {
      literal(fields.month ? (named ? ' ' : '/') : ' ');
      add('day', fields.day === 'numeric' ? String(day) : two(day));
    }
    if (fields.year) {
      literal(!fields.month ? ' ' : !named ? '/' : fields.day ? ', ' : ' ');
      add('year', yearText);
    }
    return parts;
  }

  #timeParts([, , , , hour, minute, second, millisecond]) {
    const { fields } = this.#read, parts = [], add = (type, value) => parts.push({ type, value });
    const half = this.#cycle === 'h11' || this.#cycle === 'h12';
    if (fields.hour) {
      const shown = { h11: hour % 12, h12: hour % 12 || 12, h23: hour, h24: hour || 24 }[this.#cycle];
      const wide = fields.hour === '2-digit' || (!half && fields.minute !== undefined);
      add('hour', wide ? two(shown) : String(shown));
    }
    if (fields.minute) {
      if (parts.length > 0) add('literal', ':');
      add('minute', parts.length > 0 || fields.second ? two(minute) : String(minute));
    }
    if (fields.second) {
      if (parts.length > 0) add('literal', ':');
      add('second', parts.length > 0 || fields.second === '2-digit' ? two(second) : String(second));
    }
    if (fields.fractionalSecondDigits) {
      if (fields.second) add('literal', '.');
      add('fractionalSecond', String(millisecond).padStart(3, '0').slice(0, fields.fractionalSecondDigits));
    }
    if (fields.hour && half) {
      add('literal', ' ');
      add('dayPeriod', hour < 12 ? 'AM' : 'PM');
    }
    return parts;
  }

  #zoneName() {
    const kind = this.#read.fields.timeZoneName;
    if (kind === undefined) return undefined;
    if (this.#zone !== 'UTC') throw new ERR_METHOD_NOT_IMPLEMENTED('Intl.DateTimeFormat with timeZoneName');
    return { short: 'UTC', long: 'Coordinated Universal Time', shortOffset: 'GMT', longOffset: 'GMT' }[kind];
  }

  formatToParts(value) {
    const numbers = this.#numbers(value), date = this.#dateParts(numbers), time = this.#timeParts(numbers);
    const { dateStyle } = this.#read, zone = this.#zoneName();
    const between = dateStyle === 'full' || dateStyle === 'long' ? ' at ' : ', ';
    const parts = date.length > 0 && time.length > 0 ? [...date, { type: 'literal', value: between }, ...time] : [...date, ...time];
    if (zone) parts.push({ type: 'literal', value: time.length > 0 ? ' ' : ', ' }, { type: 'timeZoneName', value: zone });
    return parts;
  }

  get format() {
    this.#format ??= (value) => this.formatToParts(value).map((part) => part.value).join('');
    return this.#format;
  }

  resolvedOptions() {
    const { fields, dateStyle, timeStyle } = this.#read;
    const half = this.#cycle === 'h11' || this.#cycle === 'h12';
    const styles = { ...(dateStyle && { dateStyle }), ...(timeStyle && { timeStyle }) };
    return {
      locale: this.#locale, calendar: 'gregory', numberingSystem: 'latn', timeZone: this.#zone,
      ...(fields.hour && { hourCycle: this.#cycle, hour12: half }), ...(dateStyle || timeStyle ? styles : fields),
    };
  }
}

const dateMethod = (required, defaults) => function(locales, options) {
  const time = Date.prototype.getTime.call(this);
  return Number.isNaN(time) ? 'Invalid Date' : new DateTimeFormat(locales, options, required, defaults).format(time);
};

module.exports = {
  DateTimeFormat: callable(finish(DateTimeFormat, 'DateTimeFormat')),
  toLocaleDateString: dateMethod('date', 'date'),
  toLocaleString: dateMethod('any', 'all'),
  toLocaleTimeString: dateMethod('time', 'time'),
};
