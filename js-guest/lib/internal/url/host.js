// The host of a URL as the WHATWG standard reads it: domains (IDNA), IPv4 in its many spellings, IPv6. Answers null for
// what is none. IDNA's mapping is lower case and Unicode's NFKC, without the table of UTS 46: few characters differ.
'use strict';

const punycode = require('punycode');

const FORBIDDEN_HOST = /[\0\t\n\r #/:<>?@[\\\]^|]/;
const FORBIDDEN_DOMAIN = /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7F]/;

function percentDecode(text) {
  if (!text.includes('%')) return text;
  return require('querystring').unescapeBuffer(Buffer.from(text).toString('latin1')).toString();
}

// '\u00AD' and its like vanish from names.
const IGNORED = /[\u00AD\u200B\u2060\uFEFF\uFE00-\uFE0F]/g;

function domainToASCII(domain) {
  if (/^[a-z0-9.-]*$/.test(domain) && !domain.includes('xn--')) return domain;
  const mapped = domain.replace(IGNORED, '').normalize('NFKC').toLowerCase().normalize('NFC')
    .replace(/[\u3002\uFF0E\uFF61]/g, '.');
  const labels = [];
  for (const label of mapped.split('.')) {
    const made = labelToASCII(label);
    if (made === null) return null;
    labels.push(made);
  }
  return labels.join('.');
}

function labelToASCII(label) {
  if (label.startsWith('xn--')) {
    try {
      const unicode = punycode.decode(label.slice(4));
      if (unicode === '' || !/[^\0-\x7F]/.test(unicode) || unicode.normalize('NFC') !== unicode) return null;
      return label;
    } catch {
      return null;
    }
  }
  if (!/[^\0-\x7F]/.test(label)) return label;
  if (/^\p{M}/u.test(label) || /[\uD800-\uDFFF\uFFFD\u200E\u200F\u202A-\u202E]/u.test(label)) return null;
  return `xn--${punycode.encode(label)}`;
}

function domainToUnicode(domain) {
  return domain.split('.').map((label) => {
    if (!label.startsWith('xn--')) return label;
    try {
      return punycode.decode(label.slice(4));
    } catch {
      return label;
    }
  }).join('.');
}

function ipv4Number(text) {
  if (text === '') return NaN;
  if (/^0x[0-9a-f]*$/i.test(text)) return text.length === 2 ? 0 : parseInt(text.slice(2), 16);
  if (text.length > 1 && text[0] === '0') return /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
  return /^[0-9]+$/.test(text) ? parseInt(text, 10) : NaN;
}

function endsInNumber(domain) {
  const parts = domain.split('.');
  if (parts[parts.length - 1] === '') {
    if (parts.length === 1) return false;
    parts.pop();
  }
  const last = parts[parts.length - 1];
  return /^[0-9]+$/.test(last) || /^0x[0-9a-f]*$/i.test(last);
}

function parseIPv4(domain) {
  const parts = domain.split('.');
  if (parts[parts.length - 1] === '' && parts.length > 1) parts.pop();
  if (parts.length > 4) return null;
  const numbers = parts.map(ipv4Number);
  if (numbers.some(Number.isNaN)) return null;
  const last = numbers.pop();
  if (numbers.some((number) => number > 255) || last >= 256 ** (4 - numbers.length)) return null;
  let address = last;
  numbers.forEach((number, i) => { address += number * 256 ** (3 - i); });
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

function parseIPv6(text) {
  let tail = [];
  const four = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (four !== null) {
    const bytes = four[2].split('.');
    if (bytes.some((byte) => byte > 255 || (byte.length > 1 && byte[0] === '0'))) return null;
    tail = [bytes[0] * 256 + +bytes[1], bytes[2] * 256 + +bytes[3]];
    text = four[1].endsWith('::') ? four[1] : four[1].slice(0, -1);
  }
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const pieces = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (pieces.flat().some((piece) => !/^[0-9a-f]{1,4}$/i.test(piece))) return null;
  const numbers = pieces.map((half) => half.map((piece) => parseInt(piece, 16)));
  numbers[numbers.length - 1].push(...tail);
  const count = numbers.flat().length;
  if (numbers.length === 1) return count === 8 ? numbers[0] : null;
  if (count > 7) return null;
  return [...numbers[0], ...new Array(8 - count).fill(0), ...numbers[1]];
}

function ipv6Text(pieces) {
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && pieces[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
  }
  const hex = (list) => list.map((piece) => piece.toString(16)).join(':');
  if (best.start === -1) return hex(pieces);
  return `${hex(pieces.slice(0, best.start))}::${hex(pieces.slice(best.start + best.length))}`;
}

function parseHost(input, isOpaque, encodeControls) {
  if (input[0] === '[') {
    if (!input.endsWith(']')) return null;
    const pieces = parseIPv6(input.slice(1, -1));
    return pieces === null ? null : `[${ipv6Text(pieces)}]`;
  }
  if (isOpaque) return FORBIDDEN_HOST.test(input) ? null : encodeControls(input);
  const domain = domainToASCII(percentDecode(input));
  if (domain === null || domain === '' || FORBIDDEN_DOMAIN.test(domain)) return null;
  return endsInNumber(domain) ? parseIPv4(domain) : domain;
}

module.exports = { parseHost, domainToASCII, domainToUnicode };
