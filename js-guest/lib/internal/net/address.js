// IP addresses as text: which family, and the record `family port address` that the host answers with. Knows no
// socket.
'use strict';

const V4_PART = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const V4_TEXT = `(?:${V4_PART}\\.){3}${V4_PART}`;
const V4 = new RegExp(`^${V4_TEXT}$`);
const HEX = '[0-9a-fA-F]{1,4}';

function isIPv4(input) {
  return V4.test(`${input}`);
}

// At most one `::`, eight groups without it; the last two may be written as an IPv4 address; a zone may follow.
function isIPv6(input) {
  let text = `${input}`;
  const zone = text.indexOf('%');
  if (zone !== -1) {
    if (!/^[0-9a-zA-Z._:-]+$/.test(text.slice(zone + 1))) return false;
    text = text.slice(0, zone);
  }
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (let h = 0; h < halves.length; h++) {
    if (halves[h] === '') continue;
    const parts = halves[h].split(':');
    for (let i = 0; i < parts.length; i++) {
      const last = h === halves.length - 1 && i === parts.length - 1;
      if (last && isIPv4(parts[i])) groups += 2;
      else if (new RegExp(`^${HEX}$`).test(parts[i])) groups += 1;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

function isIP(input) {
  if (isIPv4(input)) return 4;
  return isIPv6(input) ? 6 : 0;
}

// `IPv4 8080 127.0.0.1` (the family may be a bare 4 or 6); anything else is a path or nothing.
function parseRecord(text) {
  if (typeof text !== 'string') return null;
  const [family, port, ...rest] = text.split(' ');
  const address = rest.join(' ');
  if (family === '4' || family === 'IPv4' || family === 'ipv4') return { address, family: 'IPv4', port: Number(port) };
  if (family === '6' || family === 'IPv6' || family === 'ipv6') return { address, family: 'IPv6', port: Number(port) };
  return { path: address };
}

// The words of an address: two of an IPv4 one, eight of an IPv6 one (its zone does not count).
function wordsOf(address) {
  if (isIPv4(address)) {
    const [a, b, c, d] = address.split('.').map(Number);
    return [a << 8 | b, c << 8 | d];
  }
  const zone = address.indexOf('%');
  const text = zone === -1 ? address : address.slice(0, zone);
  const part = (half) => (half ? half.split(':').flatMap((group) => (group.includes('.') ? wordsOf(group) : [parseInt(group, 16)])) : []);
  const [front, back] = text.split('::');
  const head = part(front), tail = part(back);
  return back === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill(0), ...tail];
}

// The first of the longest stretches of zeros, two at least, as [start, length].
function longestZeros(words) {
  let best = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && words[i + n] === 0) n++;
    if (n > best[1]) best = [i, n];
    i += n;
  }
  return best;
}

// An IPv6 address as it is commonly written (RFC 5952) from its words.
function textOf(words) {
  const [start, length] = longestZeros(words);
  if (start === 0 && (length === 6 || (length === 5 && words[5] === 0xffff))) {
    const v4 = words.slice(6).flatMap((word) => [word >> 8, word & 255]).join('.');
    if (length === 5) return `::ffff:${v4}`;
    if (words[6] !== 0) return `::${v4}`;
  }
  const text = (part) => part.map((word) => word.toString(16)).join(':');
  return start === -1 ? text(words) : `${text(words.slice(0, start))}::${text(words.slice(start + length))}`;
}

// An address as it is commonly written, without its zone.
function normalize(address) {
  return isIPv4(address) ? address : textOf(wordsOf(address));
}

// A port as text or number, or false.
function toNumber(value) {
  const number = Number(value);
  return number >= 0 ? number : false;
}

module.exports = { isIP, isIPv4, isIPv6, parseRecord, wordsOf, textOf, normalize, toNumber };
