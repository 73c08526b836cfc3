// How this build says what went wrong and what to do about it. Knows no other file of the build.

// A fault the reader can mend: shown without a stack trace.
export class BuildError extends Error {}

export function fail(what, ...todo) {
  throw new BuildError([what, ...todo.map((line) => `  ${line}`)].join('\n'));
}

const started = Date.now();

export function progress(text) {
  if (progress.quiet) return;
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`js-guest ${seconds}s  ${text}\n`);
}
progress.quiet = false;
