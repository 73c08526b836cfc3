//! Descriptors beyond the standard ones that children are given: what a parent gave can be used under its number, in each of
//! Node's ways, and nothing else can. It must not know how they travel.
#![cfg(target_os = "linux")]
mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use support::{Finished, file, finish, folder, piped, skep};

/// Runs a script of a file that starts itself again.
fn run(options: &[&str], code: &str) -> Finished {
    let folder = folder();
    file(&folder, "text.txt", "of a file");
    let path = file(&folder, "main.js", code);
    let mut command = skep();
    command.arg("run").args(options).arg(format!("--allow-fs={}:rw", folder.display())).arg(path);
    finish(piped(&mut command).spawn().expect("the program starts"))
}

fn says(done: &Finished, lines: &[&str]) {
    assert_eq!((done.code, done.out.lines().collect::<Vec<_>>()), (Some(0), lines.to_vec()), "{}", done.err);
}

#[test]
fn a_child_reads_and_writes_what_it_was_given_at_once() {
    let done = run(
        &["--allow-fork=1"],
        "const { fork } = require('child_process'), fs = require('fs');
         if (process.send) {
           const bytes = Buffer.alloc(64);
           fs.writeSync(4, 'from the child');
           console.log(bytes.toString('utf8', 0, fs.readSync(4, bytes)), fs.fstatSync(4).isSocket());
           console.log(fs.readFileSync(5, 'utf8'));
           const code = (act) => { try { return act(); } catch (e) { return e.code; } };
           console.log(code(() => fs.writeSync(4, 'x', 3)), code(() => fs.ftruncateSync(4, 0)), code(() => fs.fchmodSync(4, 0)));
           fs.closeSync(4);
           console.log(code(() => fs.writeSync(4, 'x')), code(() => fs.readSync(6, bytes)), code(() => fs.writeSync(3, 'x')), code(() => fs.readSync(99, bytes)));
           console.log(fs.openSync(__filename), fs.openSync(__filename));
           process.disconnect();
         } else {
           const given = fs.openSync(__dirname + '/text.txt');
           const child = fork(__filename, { stdio: [0, 1, 2, 'ipc', 'overlapped', given, 'ignore'] });
           child.stdio[4].on('data', (data) => child.stdio[4].end('from the parent')).setEncoding('utf8');
           child.on('close', (code) => console.log(code, child.stdio.map((s) => s && s.constructor.name).join()));
         }",
    );
    let lines =
        ["from the parent true", "of a file", "ESPIPE EBADF EBADF", "EBADF EBADF EBADF EBADF", "4 6", "0 ,,,,Socket,,"];
    says(&done, &lines);
}

#[test]
fn a_child_has_streams_of_what_it_was_given() {
    let done = run(
        &["--allow-fork=1"],
        "const { fork } = require('child_process'), fs = require('fs'), net = require('net');
         if (process.send) {
           const socket = new net.Socket({ fd: 4 });
           console.log(socket._handle.fd);
           socket.on('data', (data) => socket.end('echo ' + data)).on('close', () => {
             try { fs.fstatSync(4); } catch (e) { console.log(e.code); }
             fs.createReadStream(null, { fd: 5 }).on('data', (data) => console.log(String(data))).on('close', () => {
               fs.createWriteStream(null, { fd: 6 }).end('written', () => process.disconnect());
             });
           });
           for (const fd of [3, 7, 8, 99]) try { new net.Socket({ fd }); } catch (e) { console.log(fd, e.code); }
         } else {
           const child = fork(__filename, { stdio: [0, 1, 2, 'ipc', 'pipe', 'pipe', 'pipe', fs.openSync(__filename)] });
           for (const at of [4, 6]) child.stdio[at].on('data', (data) => console.log(at, String(data)));
           child.stdio[4].write('one');
           child.stdio[5].end('two');
           child.on('close', (code) => console.log(code));
         }",
    );
    let err = "ERR_INVALID_FD_TYPE";
    let wrong = [3, 7, 8, 99].map(|fd| format!("{fd} {err}"));
    let mut lines: Vec<&str> = vec!["4"];
    lines.extend(wrong.iter().map(String::as_str));
    // The parent's and the child's lines come by ways of their own.
    let mut found: Vec<&str> = done.out.lines().collect();
    lines.extend(["EBADF", "two", "4 echo one", "6 written", "0"]);
    found.sort_unstable();
    lines.sort_unstable();
    assert_eq!((done.code, found), (Some(0), lines), "{}", done.err);
}

#[test]
fn what_was_given_is_handed_on_and_nothing_else_is() {
    let done = run(
        &["--allow-fork=2"],
        "const { fork, spawn } = require('child_process'), fs = require('fs');
         const again = (word, stdio) => spawn(process.execPath, [__filename, word], { stdio });
         switch (process.argv[2]) {
           case undefined: {
             const child = again('one', ['ignore', 1, 2, 'pipe']);
             child.stdio[3].on('data', (data) => console.log(String(data)));
             break;
           }
           case 'one': {
             const refused = (stdio) => { try { return again('two', stdio).on('error', () => {}).pid; } catch (e) { return e.code; } };
             console.log(refused([0, 1, 2, 'inherit', 7]), refused([0, 1, 2, 'inherit', 'inherit']), refused([0, 1, 2, 4]));
             again('two', ['ignore', 1, 2, 'ignore', 'inherit', 3].map((v, i) => i === 4 ? 'ignore' : v));
             break;
           }
           default:
             fs.writeSync(5, 'from two');
             try { fs.writeSync(3, 'x'); } catch (e) { console.log(e.code); }
         }",
    );
    // What the last one says comes by two ways.
    let mut lines: Vec<&str> = done.out.lines().collect();
    lines.sort_unstable();
    assert_eq!((done.code, lines), (Some(0), vec!["EBADF", "EBADF EBADF EBADF", "from two"]), "{}", done.err);
}

#[test]
fn a_program_is_given_them_too() {
    let done = run(
        &["--allow-run=sh"],
        "const { spawn } = require('child_process');
         const child = spawn('sh', ['-c', 'read line <&3; echo \"$line\" >&4'], { stdio: ['ignore', 1, 2, 'pipe', 'pipe'] });
         child.stdio[4].on('data', (data) => console.log(String(data).trim()));
         child.stdio[3].end('there and back\\n');",
    );
    says(&done, &["there and back"]);
}

#[test]
fn what_never_becomes_ready_holds_nobody_up_beyond_its_end() {
    let done = run(
        &["--allow-fork=4"],
        "const { fork } = require('child_process'), fs = require('fs');
         if (process.send) {
           const one = Buffer.alloc(1), nothing = () => {};
           const ways = {
             reads: () => fs.readSync(4, one),
             writes: () => fs.writeSync(4, Buffer.alloc(8 << 20)),
             exits: () => { fs.read(4, one, 0, 1, null, nothing); setTimeout(() => process.exit(7), 50); },
             ends: () => fs.read(4, one, 0, 1, null, nothing),
           };
           process.send('up', () => setTimeout(ways[process.argv[2]], 10));
         } else {
           const said = [];
           for (const how of ['reads', 'writes', 'exits', 'ends']) {
             const child = fork(__filename, [how], { stdio: [0, 1, 2, 'ipc', 'pipe'] });
             child.on('message', () => how === 'exits' || setTimeout(() => child.kill(), 150));
             child.on('exit', (code, signal) => {
               child.stdio[4].destroy();
               if (said.push(`${how} ${code} ${signal}`) === 4) console.log(said.sort().join('\\n'));
             });
           }
         }",
    );
    says(&done, &["ends null SIGTERM", "exits 7 null", "reads null SIGTERM", "writes null SIGTERM"]);
}

#[test]
fn who_waits_for_one_descriptor_reads_others_meanwhile() {
    let done = run(
        &["--allow-fork=1"],
        "const { fork } = require('child_process'), fs = require('fs');
         if (process.send) {
           const bytes = Buffer.alloc(64);
           fs.read(4, bytes, 0, 1, null, (error, count) => console.log('4', error, count));
           fs.read(5, bytes, 1, 63, null, (error, count) => {
             console.log('5', String(bytes.subarray(1, 1 + count)));
             process.stdin.once('data', (data) => { console.log('0', String(data)); process.send('read'); process.disconnect(); });
           });
         } else {
           const child = fork(__filename, { stdio: ['pipe', 1, 2, 'ipc', 'pipe', 'pipe'] });
           setTimeout(() => child.stdio[5].write('of another'), 50);
           setTimeout(() => child.stdin.write('of the input'), 100);
           child.on('message', () => { child.stdio[4].end(); child.stdin.end(); });
         }",
    );
    says(&done, &["5 of another", "0 of the input", "4 null 0"]);
}

/// Writes a mebibyte to a descriptor that nobody reads, and answers meanwhile what comes on its input.
const WRITER: &str = "const { fork } = require('child_process'), fs = require('fs');
  const bytes = Buffer.alloc(1 << 20, 'x');
  const write = (at) => fs.write(4, bytes, at, bytes.length - at, null, (error, count) => {
    if (error) throw error;
    if (at + count < bytes.length) write(at + count);
  });
  if (process.send) {
    write(0);
    process.stdin.once('data', (data) => process.send(String(data), () => process.stdin.destroy()));
  } else {
    const child = fork(__filename, { stdio: ['pipe', 1, 2, 'ipc', way] });
    setTimeout(() => child.stdin.write('of the input'), 20);
    child.on('message', (text) => { heard(text, child); child.disconnect(); });
  }";

#[test]
fn what_is_being_written_to_a_socket_keeps_its_writer_alive() {
    let rest = "const way = 'pipe';
      const heard = (text, { stdio: { 4: socket } }) => {
        let got = 0;
        socket.on('data', (data) => { got += data.length; }).on('end', () => console.log(text, got));
      };";
    says(&run(&["--allow-fork=1"], &format!("{rest}{WRITER}")), &["of the input 1048576"]);
}

#[test]
fn what_is_written_to_a_full_pipe_holds_up_nothing_else() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe can be made");
    let code = format!("const way = 1, heard = (text) => console.error(text); {WRITER}");
    let path = file(&folder(), "main.js", &code);
    let mut command = skep();
    command.args(["run", "--allow-fork=1"]).arg(path).stdout(writer).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    drop(command);
    let mut errors = BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    assert!(errors.any(|line| line == "of the input"), "it is heard while nobody reads the pipe");
    let mut all = Vec::new();
    reader.read_to_end(&mut all).expect("it can be read");
    assert_eq!((all.len(), support::wait(&mut child).code()), (1 << 20, Some(0)));
}
