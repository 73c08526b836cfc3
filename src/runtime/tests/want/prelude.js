// Around each path of `paths.js`: arms the countdown (`famine.rs`), runs the path, and says what it has come to. `FROM`, `TO` and `QUIET`
// are put in by the test. A path is ended by what it returns, by its promise, or by `done`.
'use strict';
globalThis.countdown = new Uint32Array(77777);
globalThis.secret = new Uint8Array(4096).fill(0xa7);
var said = false;
function end(word) {
  if (GIVEN_BACK) countdown[2] = 0;
  if (said) return;
  said = true;
  var counted = countdown[0], refused = countdown[3];
  process.stdout.write('\n@' + word + '\n#' + counted + ' ' + refused + '\n');
  process.exit(0);
}
function thrown(error) { if (GIVEN_BACK) countdown[2] = 0; end('THROWN ' + (error && error.name) + ': ' + (error && error.message)); }
function done(error, made) { if (error) thrown(error); else end('MADE ' + JSON.stringify(made)); }
process.on('exit', function () { end('NOTHING'); });
if (CAUGHT) process.on('uncaughtException', thrown);
var path = PATH;
countdown[3] = 0;
countdown[1] = FROM;
countdown[2] = TO;
countdown[0] = 0;
try {
  var made = path(done);
  if (made && typeof made.then === 'function') made.then(done.bind(null, null), thrown);
  else if (made !== undefined) done(null, made);
} catch (error) {
  if (!CAUGHT) throw error;
  thrown(error);
}
