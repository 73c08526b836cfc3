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

// A name's addresses, as { address, family }, IPv4 first. Names are not resolved, but for the one everybody has.
const LOCAL = [{ address: '127.0.0.1', family: 4 }, { address: '::1', family: 6 }];

function addressesOf(name) {
  return name.toLowerCase() === 'localhost' ? LOCAL : [];
}

// The address that a host stands for, when one is enough; any family but 4 and 6 is either.
function numericHost(host, family) {
  if (isIP(host)) return host;
  return addressesOf(`${host}`).find((each) => (family !== 4 && family !== 6) || each.family === family)?.address;
}

function notFound(hostname) {
  const error = new Error(`getaddrinfo ENOTFOUND ${hostname} (names are not resolved: give a numeric address)`);
  return Object.assign(error, { errno: -3008, code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname });
}

// A port as text or number, or false.
function toNumber(value) {
  const number = Number(value);
  return number >= 0 ? number : false;
}

module.exports = { isIP, isIPv4, isIPv6, parseRecord, addressesOf, numericHost, notFound, toNumber };
