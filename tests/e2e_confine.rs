//! The second wall around a whole program: what scripts do goes on working inside it, and the kernel says that it stands.
//! That each layer refuses by itself is tests/confine.rs's. Linux only; what a kernel lacks is skipped, and said.
#![cfg(target_os = "linux")]
mod support;

use skep::confine::lacking;
use support::{Server, file, folder, run_as};

/// Whether the kernel has it all; else says what not.
fn here() -> bool {
    let lacking = lacking();
    lacking.iter().for_each(|lack| println!("skipped: {lack}"));
    lacking.is_empty()
}

#[test]
fn what_is_granted_works_behind_both_walls() {
    if !here() {
        return;
    }
    let granted = folder();
    file(&granted, "a.txt", "text");
    let grant = format!("--allow-fs={}:rw", granted.display());
    let code = format!(
        "var fs = require('fs'), dns = require('dns'), path = {:?};
        serve(function (req, res) {{
          fs.watch(path).close();
          fs.writeFile(path + '/b.txt', 'b', function (e1) {{ fs.readFile(path + '/a.txt', 'utf8', function (e2, text) {{
            fs.rename(path + '/b.txt', path + '/c.txt', function (e3) {{
              dns.lookup('localhost', {{ family: 4 }}, function (e4, address) {{
                setTimeout(function () {{ res.end([e1, e2, e3, e4, text, address].join()); }}, 2);
              }});
            }});
          }}); }});
        }});",
        granted.display().to_string()
    );
    let server = Server::start_as(&["--require-confinement", "--confine", &grant, "--allow-net=127.0.0.1:1"], &code);
    assert_eq!(server.get("/").text(), ",,,,text,127.0.0.1");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("the process lives");
    for task in tasks.flatten() {
        let status = std::fs::read_to_string(task.path().join("status")).expect("the thread lives");
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t2"] {
            assert!(status.contains(line), "{line} of {}:\n{status}", task.path().display());
        }
    }
    server.signal("TERM");
    assert_eq!(server.end().err, "", "nothing is lacking, so nothing is said");
}

#[test]
fn what_is_not_granted_says_so_as_without_it() {
    if !here() {
        return;
    }
    let code = "var fs = require('fs'), net = require('net');
      try { fs.readFileSync('/etc/passwd'); } catch (e) { console.log(e.code); }
      net.connect(1, '127.0.0.1').on('error', function (e) { console.log(e.code); });";
    let done = run_as(&["--confine"], code);
    assert_eq!((done.code, done.out.as_str()), (Some(0), "ERR_ACCESS_DENIED\nERR_ACCESS_DENIED\n"), "{}", done.err);
}

/// What the kernel says of a process, of a child of it, and of a program that the child starts: no new privileges, and
/// the kind of filter.
fn held(options: &[&str]) -> (String, String) {
    let code = "const fs = require('fs'), { spawnSync } = require('child_process');
      const tell = (text) => ['NoNewPrivs', 'Seccomp'].map((name) => new RegExp(name + ':\\\\s(\\\\d)').exec(text)[1]).join('');
      const own = () => tell(fs.readFileSync('/proc/self/status', 'utf8'));
      const child = `const { spawnSync } = require('child_process'), fs = require('fs'), tell = ${tell};
        console.log((${own})(), tell(spawnSync('cat', ['/proc/self/status']).stdout.toString()))`;
      const done = spawnSync(process.execPath, ['-e', child]);
      process.stderr.write(done.stderr);
      console.log(own(), done.stdout.toString().trim());";
    let done = run_as(options, code);
    assert_eq!(done.code, Some(0), "{}", done.err);
    (done.out.trim().to_owned(), done.err)
}

#[test]
fn children_that_may_start_programs_are_held_as_a_containers_are() {
    if !here() {
        return;
    }
    let (own, err) = held(&["-A"]);
    assert_eq!((own.as_str(), err.as_str()), ("00 12 12", ""), "the operator's own process is his");
    let (named, _) = held(&["--allow-fs=/proc", "--allow-fork=1", "--allow-run=cat"]);
    assert_eq!(named, "00 12 12");
    let (free, err) = held(&["-A", "--unconfined"]);
    assert_eq!(free, "00 00 00");
    assert_eq!(err.matches("--unconfined").count(), 1, "it is said, and once: {err}");
}
