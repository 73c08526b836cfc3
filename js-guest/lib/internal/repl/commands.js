// The REPL's own words: .break, .clear, .exit, .help, .save and .load. Each is called on its REPLServer. Must not know how
// anything is evaluated.
'use strict';

const fs = require('fs');

function say(repl, text) {
  repl.output.write(`${text}\n`);
  repl.displayPrompt();
}

module.exports = {
  break: {
    help: 'Sometimes you get stuck, this gets you out',
    action() {
      this.clearBufferedCommand();
      this.displayPrompt();
    },
  },
  clear: {
    help: 'Break, and also clear the local context',
    action() {
      this.clearBufferedCommand();
      if (!this.useGlobal) {
        this.output.write('Clearing context...\n');
        this.resetContext();
      }
      this.displayPrompt();
    },
  },
  exit: {
    help: 'Exit the REPL',
    action() { this.close(); },
  },
  help: {
    help: 'Print this help message',
    action() {
      const names = Object.keys(this.commands).sort(), width = Math.max(...names.map(({ length }) => length));
      const lines = names.map((name) => `.${name.padEnd(width + 3)}${this.commands[name].help ?? ''}`.trimEnd());
      say(this, `${lines.join('\n')}\n\nPress Ctrl+C to abort current expression, Ctrl+D to exit the REPL`);
    },
  },
  save: {
    help: 'Save all evaluated commands in this REPL session to a file',
    action(file) {
      let told = `Session saved to: ${file}`;
      try {
        fs.writeFileSync(file, `${[...this.history].reverse().join('\n')}\n`);
      } catch {
        told = `Failed to save: ${file}`;
      }
      say(this, told);
    },
  },
  load: {
    help: 'Load JS from a file into the REPL session',
    action(file) {
      let text;
      try {
        text = fs.readFileSync(file, 'utf8');
      } catch {
        say(this, `Failed to load: ${file}`);
        return;
      }
      for (const line of text.split('\n')) this.emit('line', line);
    },
  },
};
