//! Standard input, as a script's user meets it: a pipe or a file, read when asked for and no sooner, and never what keeps a
//! script alive that has no interest in it.
mod support;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;
use support::{file, finish, folder, piped, signal, skep};

/// A script whose input is a pipe that stays open while the writing end is held.
fn start(code: &str) -> (Child, ChildStdin) {
    let path = file(&folder(), "main.js", code);
    let mut child = piped(skep().arg("run").arg(path)).stdin(Stdio::piped()).spawn().expect("the program starts");
    let input = child.stdin.take().expect("it is a pipe");
    (child, input)
}

/// What a script prints that is given these bytes and then the end.
fn fed(code: &str, bytes: &[u8]) -> String {
    let (child, mut input) = start(code);
    input.write_all(bytes).expect("the pipe takes it");
    drop(input);
    let done = finish(child);
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""));
    done.out
}

#[test]
fn every_way_of_reading_gets_all_of_it() {
    let told = "process.stdin.setEncoding('utf8').on('data', d => console.log(d)).on('end', () => console.log('end'))";
    assert_eq!(fed(told, "grüß".as_bytes()), "grüß\nend\n");
    assert_eq!(fed(told, b""), "end\n");
    assert_eq!(fed("process.stdin.pipe(process.stdout)", b"piped"), "piped");
    let lines = "require('readline').createInterface({ input: process.stdin }).on('line', l => console.log(`[${l}]`))";
    assert_eq!(fed(lines, b"a\nb\nc"), "[a]\n[b]\n[c]\n");
    let counted = "(async () => { let n = 0; for await (const c of process.stdin) n += c.length; console.log(n) })()";
    assert_eq!(fed(counted, &vec![b'x'; 60_000]), "60000\n");
    for whole in ["0", "'/dev/stdin'"] {
        assert_eq!(fed(&format!("console.log(require('fs').readFileSync({whole}, 'utf8'))"), b"whole"), "whole\n");
    }
}

#[test]
fn a_file_is_read_to_its_end() {
    let here = folder();
    let data = file(&here, "data", &"x".repeat(200_000));
    let script = file(
        &here,
        "main.js",
        "let n = 0; process.stdin.on('data', d => n += d.length).on('end', () => console.log(n))",
    );
    let input = File::open(data).expect("it was written");
    let done = finish(piped(skep().arg("run").arg(script)).stdin(input).spawn().expect("the program starts"));
    assert_eq!(done.out, "200000\n");
}

#[test]
fn a_script_without_interest_neither_reads_nor_waits() {
    for code in [
        "",
        "process.stdin",
        "process.stdin.on('data', () => {}).unref()",
        "process.stdin.on('data', () => {}).pause()",
        "process.stdin.on('data', () => {}); process.stdin.destroy()",
        "process.stdin.on('data', () => {}); setImmediate(() => process.exit())",
    ] {
        let (child, _open) = start(code);
        assert_eq!(finish(child).code, Some(0), "{code}");
    }
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe can be made");
    writer.write_all(b"untouched").expect("a pipe takes it");
    drop(writer);
    let script = file(&folder(), "main.js", "process.stdin.isTTY");
    let theirs = reader.try_clone().expect("it can be shared");
    assert_eq!(finish(piped(skep().arg("run").arg(script)).stdin(theirs).spawn().expect("it starts")).code, Some(0));
    let mut rest = String::new();
    reader.read_to_string(&mut rest).expect("it is text");
    assert_eq!(rest, "untouched");
}

#[test]
fn what_comes_in_pieces_is_told_in_pieces() {
    let (mut child, mut input) = start("process.stdin.on('data', d => process.stdout.write(d))");
    let mut out = child.stdout.take().expect("it is a pipe");
    for word in [b"one", b"two"] {
        input.write_all(word).expect("the pipe takes it");
        let mut got = [0; 3];
        out.read_exact(&mut got).expect("it answers before the end");
        assert_eq!(&got, word);
    }
    drop(input);
    assert_eq!(finish(child).code, Some(0));
}

/// Node's own way of signals: one that nobody listens for ends a program wherever it is, any other waits until there is an ear.
#[test]
fn a_signal_ends_what_waits_for_input_at_once() {
    let waits = "console.log('waits');
      setTimeout(() => { require('fs').readSync(0, Buffer.alloc(1)); console.log('read'); setTimeout(() => {}, 100); }, 10);";
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let (mut child, _open) = start(waits);
        until_it_waits(&mut child);
        signal(child.id(), name);
        let done = finish(child);
        assert_eq!((done.code, done.out.as_str()), (Some(128 + number), ""), "{}", done.err);
    }
    let (mut child, mut input) = start(&format!("process.once('SIGTERM', () => console.log('told')); {waits}"));
    until_it_waits(&mut child);
    // One that does not read yet is told at once.
    std::thread::sleep(Duration::from_secs(1));
    signal(child.id(), "TERM");
    std::thread::sleep(Duration::from_millis(50));
    input.write_all(b"x").expect("it still reads");
    let done = finish(child);
    assert_eq!((done.code, done.out.as_str()), (Some(0), "read\ntold\n"), "{}", done.err);
}

/// It has said so, and had time to begin.
fn until_it_waits(child: &mut Child) {
    let mut said = [0; 6];
    child.stdout.as_mut().expect("it is a pipe").read_exact(&mut said).expect("it says so");
    assert_eq!(&said, b"waits\n");
    std::thread::sleep(Duration::from_millis(100));
}
