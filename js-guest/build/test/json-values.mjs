// JSON texts from a seed, for json.test.mjs: records that repeat with changes, tables, odd keys, odd numbers, odd
// characters, any spacing. Knows nothing of the guest.

const KEYS = ['id', 'name', 'items', 'a', 'b', 'c', 'description', 'created_at', 'x'.repeat(70), '', '0', '1', '17',
  '2147483647', '2147483648', '4294967294', '4294967295', '-1', '01', '1.5', '__proto__', 'constructor', 'toJSON',
  'length', 'ключ', 'é', '日本', '\ud83d\ude00', '\ud800', 'a"b', 'a\\b', 'tab\t', 'nul\0', 'eightchr', 'nine char'];
const CHARACTERS = ['a', 'z', ' ', 'é', 'ÿ', 'я', '日', '\ud83d\ude00', '\ud800', '\udc00', '"', '\\', '/', '\n', '\t',
  '\b', '\f', '\r', '\0', '\u001f', '\u007f', '\u2028', 'plain run of text'];
const BREAKS = ['', '}', ']', ',', ':', '"', '\\', '{', '[', '\u0001', '\n', 'x', '-', '.', 'e', '0', 'tru', '+', "'",
  '\ud800', '\u00a0', '\0', '//', 'NaN', '\\u12', '\\x'];

export class Values {
  constructor(seed) {
    this.state = (seed * 2654435761) >>> 0 || 1;
    this.forms = [];
  }

  below(n) {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % n;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  space() {
    return this.below(6) ? '' : this.pick([' ', '\n', '\t', '\r\n', '  ', '\r']);
  }

  text() {
    return this.space() + this.value(0) + this.space();
  }

  value(depth) {
    const kind = this.below(depth > 4 ? 5 : 9);
    if (kind === 0) return this.pick(['true', 'false', 'null']);
    if (kind < 3) return this.number();
    if (kind < 5) return this.string();
    if (kind < 6) return this.array(depth, () => this.value(depth + 1));
    if (kind < 7) return this.record(this.keys(), depth);
    // One form again and again, as rows of a table come, and now and then a row with more or fewer keys.
    const keys = this.form();
    return this.array(depth, () => this.record(this.below(4) ? keys : this.changed(keys), depth + 1));
  }

  array(depth, element) {
    const list = Array.from({ length: this.below(depth ? 5 : 12) }, element);
    return `[${this.space()}${list.join(`${this.space()},${this.space()}`)}${this.space()}]`;
  }

  record(keys, depth) {
    const members = keys.map((key) => `${this.quote(key)}${this.space()}:${this.space()}${this.value(depth + 2)}`);
    return `{${this.space()}${members.join(`${this.space()},${this.space()}`)}${this.space()}}`;
  }

  keys() {
    const count = this.below(40) ? this.below(7) : 60 + this.below(20);
    return Array.from({ length: count }, () => (this.below(5) ? this.pick(KEYS) : `k${this.below(99)}`));
  }

  form() {
    if (this.forms.length < 12) this.forms.push(this.keys());
    return this.pick(this.forms);
  }

  changed(keys) {
    const copy = [...keys];
    copy.splice(this.below(copy.length + 1), this.below(2), ...(this.below(2) ? [this.pick(KEYS)] : []));
    return copy;
  }

  string() {
    let text = '';
    for (let n = this.below(this.below(8) ? 6 : 40); n > 0; n--) {
      text += this.below(3) ? 'word ' : this.pick(CHARACTERS);
    }
    return this.quote(text);
  }

  // Escaped where it must be, and sometimes where it need not.
  quote(text) {
    let quoted = '';
    for (const c of text.split('')) {
      const code = c.charCodeAt(0);
      if (!this.below(12)) quoted += `\\u${code.toString(16).padStart(4, '0')}`;
      else if (c === '"' || c === '\\' || code < 32) quoted += JSON.stringify(c).slice(1, -1);
      else quoted += c === '/' && this.below(2) ? '\\/' : c;
    }
    return `"${quoted}"`;
  }

  digits(count) {
    return Array.from({ length: count }, () => this.below(10)).join('');
  }

  number() {
    const sign = this.below(3) ? '' : '-';
    const short = String(this.below(10 ** (1 + this.below(9))));
    const whole = this.below(3) ? short : `${1 + this.below(9)}${this.digits(this.below(24))}`;
    const kind = this.below(6);
    if (kind < 2) return sign + whole;
    if (kind === 2) return `${sign}${this.below(1000)}.${this.digits(1 + this.below(3))}`;
    if (kind === 3) return `${sign}0.${'0'.repeat(this.below(9))}${this.digits(1 + this.below(18))}`;
    if (kind === 4) return sign + String(this.below(2 ** 31) / 2 ** this.below(40));
    const fraction = this.below(2) ? '' : `.${this.digits(1 + this.below(20))}`;
    const exponent = this.pick(['e', 'E', 'e+', 'E+', 'e-', 'E-']) + this.below(this.below(4) ? 30 : 400);
    return sign + whole + fraction + exponent;
  }

  // A valid text with one thing taken out, put in or cut off.
  broken() {
    const text = this.text();
    const at = this.below(text.length + 1);
    if (!this.below(4)) return text.slice(0, at);
    return text.slice(0, at) + this.pick(BREAKS) + text.slice(at + this.below(2));
  }
}
