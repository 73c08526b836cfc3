//! Processes that scripts start: grants and counts, channels that bring nonsense, parents that die, and that nothing is
//! left behind (rows P01 to P10 of SECURITY-CASES). It must not know how Node's interface is written.
#![cfg(target_os = "linux")]
mod support;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::fs;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Command, Stdio};
use support::processes::{children, lives};
use support::{Server, eventually, file, finish, folder, piped, run_as, signal, skep};

/// Descriptor of its channel in a child.
const CHANNEL: i32 = 3;

/// Starts a script of a file (a child can be told to run the same), which says `UP` and numbers of processes.
fn start(options: &[&str], code: &str) -> Server {
    let path = file(&folder(), "main.js", code);
    let mut words = options.to_vec();
    words.push(path.to_str().expect("a path of ours is text"));
    Server::spawn(skep().args(words))
}

fn number(line: &str) -> u32 {
    line.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no number: {line}"))
}

#[test]
fn messages_both_ways_and_the_end() {
    let mut run = start(
        &["--allow-fork=2"],
        "const { fork } = require('child_process');
         if (process.send) {
           process.on('message', (m) => { process.send({ got: m, big: 'x'.repeat(3e6) }); });
           process.on('disconnect', () => process.exit(5));
         } else {
           const child = fork(__filename);
           child.send({ hello: [1, 'é'] });
           child.on('message', (m) => { console.log(JSON.stringify(m.got), m.big.length); child.disconnect(); });
           child.on('exit', (code, signal) => console.log('exit', code, signal));
           const other = fork(__filename);
           other.on('exit', (code, signal) => console.log('other', code, signal));
           other.kill('SIGKILL');
         }",
    );
    let mut lines = vec![run.line(), run.line(), run.line()];
    lines.sort();
    assert_eq!(lines, ["exit 5 null", "other null SIGKILL", "{\"hello\":[1,\"é\"]} 3000000"]);
    assert_eq!(run.end().code, Some(0));
}

#[test]
fn p02_nothing_is_started_without_a_grant() {
    let done = run_as(
        &[],
        "const cp = require('child_process');
         for (const start of [() => cp.spawn('/bin/sh'), () => cp.fork('/x.js'), () => cp.exec('true')]) {
           start().on('error', (e) => console.log(e.code, /--allow-(run|fork)/.test(e.message)));
         }
         console.log(cp.spawnSync('sh').error.code);",
    );
    assert_eq!(
        done.out, "ERR_ACCESS_DENIED\nERR_ACCESS_DENIED true\nERR_ACCESS_DENIED true\nERR_ACCESS_DENIED true\n",
        "{done:?}"
    );
}

#[test]
fn p02_a_program_is_granted_by_name_and_not_by_path() {
    let folder = folder();
    let fake = file(&folder, "echo", "#!/bin/sh\necho fake\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&fake, mode).expect("a test's file is ours");
    let code = format!(
        "const cp = require('child_process'), env = {{ PATH: '{}', LD_PRELOAD: '/no', NODE_OPTIONS: 'x' }};
         console.log(cp.spawnSync('echo', ['real'], {{ env }}).stdout.toString());
         console.log(cp.spawnSync('{}').error.code, cp.spawnSync('sh').error.code);
         console.log(cp.spawnSync('env', [], {{ env: {{ ...env, A: '1' }} }}).stdout.toString().includes('LD_PRELOAD'));",
        folder.display(),
        fake.display()
    );
    let done = run_as(&["--allow-run=echo,env"], &code);
    assert_eq!(done.out, "real\n\nERR_ACCESS_DENIED ERR_ACCESS_DENIED\nfalse\n", "{done:?}");
}

/// Each process starts one more, which starts one more.
const CHAIN: &str = "const { fork } = require('child_process');
     console.log('BORN');
     const child = fork(__filename);
     child.on('error', (e) => console.log(e.code));
     child.on('exit', () => {});";

#[test]
fn p01_the_whole_tree_is_counted() {
    for (options, born) in [(["--allow-fork=3"], 4), (["--allow-fork=100"], 9)] {
        let path = file(&folder(), "main.js", CHAIN);
        let done = finish(piped(skep().args(options).arg(&path)).spawn().expect("the program starts"));
        assert_eq!(done.out.matches("BORN").count(), born, "{options:?}: {done:?}");
        assert_eq!(done.out.matches("EAGAIN").count(), 1, "{options:?}: {done:?}");
        assert_eq!(done.code, Some(0));
    }
}

#[test]
fn p01_what_has_ended_is_given_back_and_waited_for() {
    let mut run = start(
        &["--allow-fork=1"],
        "const { fork } = require('child_process');
         if (process.send) process.exit(0);
         let left = 5;
         (function next() {
           fork(__filename).on('exit', (code) => { if (--left) next(); else console.log('UP ' + process.pid); });
         })();
         setTimeout(() => {}, 60000);",
    );
    let root = number(&run.line());
    let left = children(root);
    assert!(left.iter().all(|(_, state)| *state != 'Z'), "no zombie: {left:?}");
    // The nursery stays for the next one, and waits.
    assert!(left.len() <= 1, "{left:?}");
    run.signal("KILL");
    for (nursery, _) in left {
        eventually("the nursery ends with its parent", || !lives(nursery));
    }
}

#[test]
fn children_have_a_nursery_and_do_without_it_when_it_dies() {
    let mut run = start(
        &["--allow-fork=2"],
        "const { fork } = require('child_process');
         if (process.send) process.exit(7);
         setTimeout(() => {}, 60000);
         process.on('SIGUSR2', () => fork(__filename).on('exit', (code) => console.log('UP ' + code)).on('error', (e) => console.log('UP ' + e.code)));
         fork(__filename).on('exit', (code) => console.log('UP ' + code + ' ' + process.pid));",
    );
    let root = number(&run.line());
    let nursery = || children(root).first().map(|(pid, _)| *pid);
    let first = nursery().expect("it stays for the next child");
    signal(first, "KILL");
    eventually("it is waited for", || !children(root).iter().any(|(pid, _)| *pid == first));
    run.signal("USR2");
    assert_eq!(run.line(), "UP 7");
    let second = nursery().expect("there is another");
    assert_ne!(second, first);
    // One that does not answer is given up, with the child that may or may not be.
    signal(second, "STOP");
    run.signal("USR2");
    assert_eq!(run.line(), "UP EAGAIN");
    run.signal("USR2");
    assert_eq!(run.line(), "UP 7");
    assert!(!lives(second) && children(root).iter().all(|(_, state)| *state != 'Z'));
    run.signal("KILL");
}

/// Has a child send what no child of ours would: it is ended for it, its sibling and its parent go on.
fn is_ended_for(what: &str, send: impl FnOnce(&OwnedFd)) {
    let mut run = start(
        &["--allow-fork=2"],
        "const { fork } = require('child_process');
         if (process.send) { process.on('message', (m) => process.send(m)); process.send('up'); }
         else {
           let up = 0;
           const bad = fork(__filename), good = fork(__filename), told = () => { if (++up === 2) console.log('UP ' + bad.pid); };
           bad.on('message', told);
           bad.on('exit', (code, signal) => { console.log('bad', code, signal, bad.exitReason); good.send('still'); });
           good.on('message', (m) => {
             if (m === 'up') return told();
             process.on('SIGUSR2', () => good.disconnect());
             // The line is the word that it listens, so the listening is carried out before.
             setImmediate(() => console.log(m));
           });
         }",
    );
    let pid = number(&run.line());
    let process = Pid::from_raw(pid as i32).expect("not zero");
    let process = pidfd_open(process, PidfdFlags::empty()).expect("it lives");
    let channel = pidfd_getfd(process, CHANNEL, PidfdGetfdFlags::empty()).expect("tests may look into their children");
    send(&channel);
    drop(channel);
    assert_eq!(run.line(), "bad null SIGKILL protocol", "{what}");
    assert_eq!(run.line(), "still", "{what}");
    run.signal("USR2");
    let done = run.end();
    assert_eq!(done.code, Some(0), "{what}");
    assert!(done.err.contains("its channel brought"), "{what}: {}", done.err);
}

/// A frame's head and no payload.
fn frame(kind: u8, flags: u8, id: u64) -> Vec<u8> {
    [&0u32.to_le_bytes()[..], &[kind, flags, 0, 0], &id.to_le_bytes()].concat()
}

#[test]
fn p04_a_child_that_sends_nonsense_is_ended_and_its_parent_goes_on() {
    for nonsense in [
        vec![0xff; 64],
        [&5u32.to_le_bytes()[..], &[99, 0, 0, 0], &[0; 13]].concat(),
        // A frame that only a parent sends; one without its descriptor; the answer to no offer.
        [&4u32.to_le_bytes()[..], &[19, 0, 0, 0], &[0; 12]].concat(),
        frame(32, 1, 0),
        frame(5, 0, u64::MAX),
    ] {
        is_ended_for(&format!("{nonsense:?}"), |channel| {
            rustix::net::send(channel, &nonsense, rustix::net::SendFlags::NOSIGNAL).expect("there is room");
        });
    }
}

#[test]
fn p05_a_child_that_sends_descriptors_out_of_place_is_ended() {
    let passwd: OwnedFd = std::fs::File::open("/etc/passwd").expect("it is there").into();
    let (socket, _other) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let socket = OwnedFd::from(socket);
    let cases: [(&str, Vec<u8>, &OwnedFd, usize); 6] = [
        ("with a frame that has none", frame(6, 0, 0), &socket, 1),
        ("three with a frame of one", frame(32, 1, 1), &socket, 3),
        ("a file for a stream", frame(32, 1, 1), &passwd, 1),
        ("a stream for a listener", frame(32, 1, 2), &socket, 1),
        ("of no known kind", frame(32, 1, 77), &socket, 1),
        ("a flood", frame(32, 1, 1), &socket, 200),
    ];
    for (what, bytes, fd, count) in cases {
        is_ended_for(what, |channel| {
            let fds = vec![fd.as_fd(); count];
            let mut space = vec![std::mem::MaybeUninit::uninit(); 4096];
            let mut rights = rustix::net::SendAncillaryBuffer::new(&mut space);
            assert!(rights.push(rustix::net::SendAncillaryMessage::ScmRights(&fds)));
            let flags = rustix::net::SendFlags::NOSIGNAL;
            let sent = rustix::net::sendmsg(channel, &[std::io::IoSlice::new(&bytes)], &mut rights, flags);
            assert_eq!(sent, Ok(bytes.len()), "{what}");
        });
    }
}

#[test]
fn p04_a_child_of_nobody_or_of_a_parent_that_sends_nonsense_ends() {
    for nonsense in [&b""[..], b"nonsense nonsense nonsense", &[0; 40], &[255; 40]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skep"));
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let input = Stdio::from(OwnedFd::from(theirs));
        let child = command.arg("child").stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        drop(command);
        (&ours).write_all(nonsense).expect("there is room");
        ours.shutdown(std::net::Shutdown::Write).expect("it is connected");
        let done = finish(child.expect("the program starts"));
        assert_eq!(done.code, Some(1), "{nonsense:?}: {done:?}");
        assert!(done.err.contains("channel"), "{done:?}");
    }
}

#[test]
fn p09_a_parent_that_dies_takes_all_with_it() {
    let mut run = start(
        &["--allow-fork=4"],
        "const { fork } = require('child_process');
         console.log('UP ' + process.pid);
         process.on('SIGTERM', () => {});
         if (process.argv.length < 5) fork(__filename, process.argv.slice(2).concat('x'));
         if (process.argv.length < 4) setTimeout(() => {}, 1e9); else for (;;);",
    );
    let mut pids: Vec<u32> = (0..4).map(|_| number(&run.line())).collect();
    let root = pids.remove(pids.iter().position(|pid| *pid == run.pid()).expect("the root is among them"));
    support::signal(root, "KILL");
    eventually("all of the tree has ended", || !pids.iter().any(|pid| lives(*pid)));
}

#[test]
fn a_parent_that_ends_takes_its_children_with_it() {
    let mut run = start(
        &["--allow-fork=2"],
        "const { fork } = require('child_process');
         if (process.send) { process.send('up'); process.on('disconnect', () => {}); setInterval(() => {}, 1000); }
         else {
           let left = 2;
           for (let i = 0; i < 2; i++) {
             const child = fork(__filename);
             child.on('message', () => { console.log('UP ' + child.pid); if (!--left) process.exit(3); });
           }
         }",
    );
    let pids = [number(&run.line()), number(&run.line())];
    assert_eq!(run.end().code, Some(3));
    assert!(!pids.iter().any(|pid| lives(*pid)), "they were waited for");
}

#[test]
fn p03_a_child_inherits_nothing_but_its_order() {
    let mut run = start(
        &["--allow-fork=1"],
        "const { fork } = require('child_process');
         if (process.send) { console.log(process.env.A, process.env.HOME, process.argv.slice(2), process.execArgv);
           console.log('UP ' + process.pid); setTimeout(() => {}, 60000); }
         else fork(__filename, ['one'], { env: { A: 'b' }, execArgv: ['--no-warnings'] });",
    );
    assert_eq!(run.line(), "b undefined [ 'one' ] [ '--no-warnings' ]");
    let pid = number(&run.line());
    let environment = fs::read(format!("/proc/{pid}/environ")).expect("it lives");
    assert!(environment.is_empty(), "{:?}", String::from_utf8_lossy(&environment));
    let words = fs::read(format!("/proc/{pid}/cmdline")).expect("it lives");
    assert_eq!(words, b"skep\0child\0");
    run.signal("KILL");
}

#[test]
fn p10_signals_go_to_own_children_only() {
    let done = run_as(
        &["--allow-fork=1"],
        "for (const pid of [1, process.ppid, -1, -process.pid]) {
           try { process.kill(pid, 0); console.log('lives', pid); } catch (e) { console.log(e.code); }
         }
         console.log(process.kill(process.pid, 0));
         process.on('SIGUSR2', () => console.log('own'));
         process.kill(process.pid, 'SIGUSR2');",
    );
    assert_eq!(done.out, "ESRCH\nESRCH\nESRCH\nESRCH\ntrue\nown\n", "{done:?}");
}

#[test]
fn waiting_for_a_child_holds_the_script_and_nothing_else() {
    let done = run_as(
        &["--allow-run"],
        "const cp = require('child_process');
         const big = cp.spawnSync('head', ['-c', '900000', '/dev/zero']);
         console.log(big.status, big.stdout.length);
         const cut = cp.spawnSync('yes', { maxBuffer: 1000 });
         console.log(cut.error.code, cut.stdout.length, cut.signal);
         const late = cp.spawnSync('sleep', ['60'], { timeout: 50 });
         console.log(late.error.code, late.signal);
         console.log(cp.execFileSync('cat', { input: 'fed' }).toString());
         const failed = cp.spawnSync('sh', ['-c', 'echo no >&2; exit 4']);
         console.log(failed.status, failed.stderr.toString());",
    );
    let expected = "0 900000\nENOBUFS 1000 SIGTERM\nETIMEDOUT SIGTERM\nfed\n4 no\n\n";
    assert_eq!(done.out, expected, "{done:?}");
}
