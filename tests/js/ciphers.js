// crypto's ciphers: what they give, in pieces and whole, and how they refuse; what it prints is checked by
// tests/e2e_library.rs, and Node 20 prints the same. Must not know how anything is encrypted.
'use strict';

const crypto = require('crypto');

process.removeAllListeners('warning');
process.on('warning', () => {});

const key16 = Buffer.from('0123456789abcdef'), key32 = Buffer.alloc(32, 7), iv = Buffer.alloc(16, 3), nonce = Buffer.alloc(12, 5);
const CHACHA = 'chacha20-poly1305';

function say(name, act) {
  let told;
  try {
    told = act();
    if (Buffer.isBuffer(told)) told = told.toString('hex');
    else if (typeof told === 'object' && told !== null) told = JSON.stringify(told);
  } catch (e) {
    told = [e.name, e.message, e.code, e.library, e.reason].join(' | ').replace(/\n.*/gs, '');
  }
  console.log(`${name}: ${told}`);
}

const seal = (name, key, iv, options) => crypto.createCipheriv(name, key, iv, options);
const open = (name, key, iv, options) => crypto.createDecipheriv(name, key, iv, options);
const whole = (cipher, text = 'hello') => Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag?.() ?? Buffer.alloc(0)]);
const cbc = () => seal('aes-128-cbc', key16, iv), gcm = (options) => seal('aes-128-gcm', key16, nonce, options);
const openCbc = () => open('aes-128-cbc', key16, iv), openGcm = (options) => open('aes-128-gcm', key16, nonce, options);
const ended = (cipher) => { cipher.final(); return cipher; };

// Arguments.
for (const args of [['aes-999-cbc', key16, iv], [5, key16, iv], ['aes-128-cbc', 5, iv], ['aes-128-cbc', key16, 5], ['aes-128-cbc', key16],
  ['aes-128-cbc', key32, iv], ['aes-128-cbc', key16, nonce], ['aes-128-cbc', key16, null], ['aes-128-ecb', key16, iv],
  ['aes-128-gcm', key16, ''], ['aes-128-gcm', key16, null], [CHACHA, key32, Buffer.alloc(13)], [CHACHA, key32, ''], [CHACHA, key16, nonce],
  ['aes-128-ctr', key16, nonce], ['aes-128-cbc', '30'.repeat(16), iv, { encoding: 5 }]]) {
  say(`seal ${args[0]} ${args[1]?.length} ${args[2]?.length}`, () => seal(...args));
  say(`open ${args[0]} ${args[1]?.length} ${args[2]?.length}`, () => open(...args));
}
for (const length of [0, 3, 4, 8, 12, 13, 15, 16, 17, -1, 'a', 1.5, null]) {
  say(`gcm, a tag of ${length}`, () => whole(gcm({ authTagLength: length })));
  say(`${CHACHA}, a tag of ${length}`, () => whole(seal(CHACHA, key32, nonce, { authTagLength: length })));
}
say('ecb without an iv', () => { const c = seal('aes-128-ecb', key16, null); return c.update('hello', 'utf8', 'hex') + c.final('hex'); });
say('text as key and iv', () => { const c = seal('aes-128-cbc', '0123456789abcdef', '0123456789abcdef'); return c.update('x', 'utf8', 'base64') + c.final('base64'); });
say('a key in hex', () => { const c = seal('aes-128-cbc', '30'.repeat(16), iv, { encoding: 'hex' }); return c.update('x', 'utf8', 'base64') + c.final('base64'); });

// Padding.
const bare = (cipher) => cipher.setAutoPadding(false);
const all = (cipher, bytes) => Buffer.concat([cipher.update(bytes), cipher.final()]);
say('sealed without padding, not a block', () => all(bare(cbc()), 'hello'));
say('bad padding', () => all(openCbc(), Buffer.alloc(32)));
say('half a block', () => all(openCbc(), Buffer.alloc(31)));
say('nothing', () => openCbc().final());
say('nothing, without padding', () => bare(openCbc()).final());
say('half a block, without padding', () => all(bare(openCbc()), Buffer.alloc(31)));
say('the same object', () => { const c = cbc(); return c.setAutoPadding() === c; });
say('setAutoPadding late', () => ended(cbc()).setAutoPadding());

// Pieces and encodings.
const inPieces = (cipher, pieces, encoding) => pieces.map((piece) => cipher.update(piece, 'utf8', encoding)).concat(cipher.final(encoding)).join();
const eights = (bytes) => Array.from({ length: bytes.length / 8 }, (_, at) => bytes.subarray(8 * at, 8 * at + 8));
const sealed = all(cbc(), 'z'.repeat(40));
say('in pieces', () => inPieces(cbc(), ['a', 'b'.repeat(15), 'c'.repeat(17), ''], 'hex'));
say('opened in pieces', () => inPieces(openCbc(), eights(sealed), 'utf8'));
say('opened in pieces, with its padding', () => inPieces(bare(openCbc()), eights(sealed), 'hex'));
say('final twice', () => ended(cbc()).final());
say('update after final', () => ended(cbc()).update('a'));
say('a number', () => cbc().update(5));
say('null', () => cbc().update(null));
say('odd hex', () => cbc().update('abc', 'hex'));
say('another encoding', () => { const c = cbc(); c.update('a', 'utf8', 'hex'); c.update('b', 'utf8', 'base64'); });
say('another encoding at the end', () => { const c = cbc(); c.update('a', 'utf8', 'hex'); return c.final('base64'); });
say('no encoding at the end', () => { const c = cbc(); c.update('a', 'utf8', 'hex'); return c.final(); });
say('an unknown encoding', () => cbc().update('a'.repeat(16), 'utf8', 'nope'));

// Tags and associated data.
say('cbc has no tag', () => ended(cbc()).getAuthTag());
say('cbc takes no associated data', () => cbc().setAAD(Buffer.alloc(3)));
say('cbc takes no tag', () => openCbc().setAuthTag(Buffer.alloc(16)));
say('no tag yet', () => gcm().getAuthTag());
for (const [name, make] of [['gcm', openGcm], [CHACHA, (options) => open(CHACHA, key32, nonce, options)]]) {
  say(`${name} without a tag`, () => all(make(), 'aa'));
  say(`${name} with a wrong tag`, () => all(make().setAuthTag(Buffer.alloc(16)), 'aa'));
  for (const length of [0, 3, 4, 5, 8, 11, 12, 16, 17]) {
    say(`${name}, given a tag of ${length}`, () => typeof make().setAuthTag(Buffer.alloc(length)));
    say(`${name}, given a tag of ${length} for 8`, () => typeof make({ authTagLength: 8 }).setAuthTag(Buffer.alloc(length)));
  }
}
say('a tag twice', () => openGcm().setAuthTag(Buffer.alloc(16)).setAuthTag(Buffer.alloc(16)));
say('a tag that is none', () => openGcm().setAuthTag(5));
say('a tag after the end', () => { const d = openGcm(); try { d.final(); } catch { /* no tag */ } d.setAuthTag(Buffer.alloc(16)); });
say('whose methods', () => [typeof gcm().setAuthTag, typeof openGcm().getAuthTag].join());
say('associated data late', () => { const c = gcm(); c.update('a'); c.setAAD(Buffer.from('aad')); });
say('associated data after the end', () => ended(gcm()).setAAD(Buffer.from('aad')));
say('associated data that is none', () => gcm().setAAD(5));
say('a length that is none', () => gcm().setAAD(Buffer.alloc(1), { plaintextLength: 'x' }));
say('associated data twice', () => ended(gcm().setAAD(Buffer.from('aa')).setAAD(Buffer.from('bb'))).getAuthTag());
say('gcm, final twice', () => ended(gcm()).final());
say('gcm, update after final', () => ended(gcm()).update('a'));
say('the counter wraps', () => whole(seal('aes-128-gcm', key16, Buffer.alloc(16, 255)), Buffer.alloc(100)));
say('bytes that change afterwards', () => {
  const key = Buffer.from(key16), start = Buffer.from(iv), text = Buffer.from('hello'), c = seal('aes-128-cbc', key, start);
  c.update(text);
  for (const bytes of [key, start, text]) bytes.fill(9);
  return c.final();
});

// What is told of them.
for (const name of ['aes128', 'AES-128-CBC', 'aes-256-gcm', 'id-aes256-GCM', CHACHA, 'ChaCha20-Poly1305', 'aes-128-ecb', 'aes-192-ctr', 'nope', 419, 895, 1018, {}]) {
  say(`info ${name}`, () => crypto.getCipherInfo(name));
}
for (const options of [{ ivLength: 5 }, { ivLength: 16 }, { keyLength: 16 }, { keyLength: 5 }, 5, { ivLength: 'a' }]) {
  for (const name of ['aes-128-cbc', 'aes-128-gcm', CHACHA]) say(`info ${name} ${JSON.stringify(options)}`, () => crypto.getCipherInfo(name, options));
}
say('listed', () => ['aes-128-cbc', 'aes128', 'id-aes256-GCM', CHACHA].every((name) => crypto.getCiphers().includes(name)));
say('classes', () => [crypto.Cipheriv('aes-128-cbc', key16, iv), crypto.Decipheriv('aes-128-cbc', key16, iv)].map((c) => c instanceof require('stream').Transform).join());

// From a password.
say('a password', () => { const c = crypto.createCipher('aes-256-cbc', 'pw'); return c.update('hello', 'utf8', 'hex') + c.final('hex'); });
say('a password and a tag', () => whole(crypto.createCipher('aes-256-gcm', 'pw')));
say('a password, back', () => all(crypto.createDecipher('aes-192-ctr', 'pw'), all(crypto.createCipher('aes-192-ctr', 'pw'), 'hello')).toString());
say('a password that is none', () => crypto.createCipher('aes-256-cbc', 5));

// Each cipher, in pieces of many sizes.
let seed = 42;
const below = (most) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % most;
const bytes = (count, step) => Buffer.from(Array.from({ length: count }, (_, at) => (at * step + (at >> 3)) & 255));

function through(cipher, data) {
  const out = [];
  for (let at = 0, size; at < data.length; at += size) {
    size = below(70);
    out.push(cipher.update(data.subarray(at, at + size)));
  }
  out.push(cipher.final());
  return [Buffer.concat(out), out.map(({ length }) => length).join()];
}

function check(name, iv) {
  const key = bytes(name === CHACHA ? 32 : Number(name.slice(4, 7)) / 8, 7), text = bytes(1000, 13), aad = Buffer.from('some aad');
  const cipher = seal(name, key, iv), decipher = open(name, key, iv), authentic = name.endsWith('gcm') || name === CHACHA;
  if (authentic) cipher.setAAD(aad);
  const [secret, sizes] = through(cipher, text);
  const tag = authentic ? cipher.getAuthTag() : Buffer.alloc(0);
  console.log(name, iv?.length ?? 0, crypto.createHash('sha1').update(secret).digest('hex'), tag.toString('hex'), sizes);
  if (authentic) decipher.setAAD(aad).setAuthTag(tag);
  const [back, others] = through(decipher, secret);
  console.log('  back', back.equals(text), others);
}

for (const bits of [128, 192, 256]) {
  for (const start of [iv, Buffer.alloc(16, 255)]) for (const mode of ['cbc', 'ctr']) check(`aes-${bits}-${mode}`, start);
  check(`aes-${bits}-ecb`, null);
  for (const start of [nonce, iv, Buffer.alloc(1, 9), Buffer.alloc(60, 1)]) check(`aes-${bits}-gcm`, start);
}
check(CHACHA, nonce);

// As streams.
const stream = cbc();
let text = '';
stream.setEncoding('hex').on('data', (piece) => { text += piece; }).on('end', () => {
  console.log('stream', text);
  const tagged = gcm({ authTagLength: 12 });
  tagged.on('data', (piece) => console.log('tagged', piece.toString('hex'))).on('end', () => console.log('tag', tagged.getAuthTag().toString('hex')));
  tagged.end('plain');
  open('aes-128-gcm', key16, nonce).on('error', (e) => console.log('stream error', e.message)).resume().end('aa');
});
stream.write('hello');
stream.end(' world'.repeat(5));
