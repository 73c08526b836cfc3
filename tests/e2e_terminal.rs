//! Terminals: a script is told how large the one is that it writes to, and of another size. It must not know who draws.
#![cfg(target_os = "linux")]
mod support;

use rustix::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use support::{signal, skep};

fn window(rows: u16, columns: u16) -> libc::winsize {
    libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Both ends of a terminal of this size.
fn terminal(rows: u16, columns: u16) -> (OwnedFd, OwnedFd) {
    let (mut ours, mut theirs) = (-1, -1);
    let (none, size) = (std::ptr::null_mut(), window(rows, columns));
    // SAFETY: writes two numbers and reads a size; the other places are null, which it allows.
    let made = unsafe { libc::openpty(&mut ours, &mut theirs, none, std::ptr::null(), &size) };
    assert_eq!(made, 0, "the system has terminals");
    // SAFETY: both were opened by this very call, and nobody else knows them.
    unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) }
}

#[test]
fn a_script_knows_its_window_and_hears_of_another_size() {
    let (ours, theirs) = terminal(30, 101);
    let code = "const { stdout, stderr } = process;
      stdout.on('resize', () => { console.log('now ' + stdout.getWindowSize().join()); process.exit(); });
      console.log([stdout.columns, stdout.rows, typeof stderr.columns].join());
      setInterval(() => {}, 1000);";
    let mut child = skep()
        .args(["run", "-e", code])
        .stdin(Stdio::null())
        .stdout(Stdio::from(theirs))
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(std::fs::File::from(ours.try_clone().expect("a copy"))).lines();
    let mut line = || lines.next().expect("it says more").expect("the terminal can be read");
    assert_eq!(line().trim(), "101,30,undefined");
    let size = window(7, 33);
    // SAFETY: reads the size.
    assert_eq!(unsafe { libc::ioctl(ours.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }, 0);
    // It is nobody's controlling terminal, so the kernel tells no one.
    signal(child.id(), "WINCH");
    assert_eq!(line().trim(), "now 33,7");
    assert!(child.wait().expect("it ends").success());
}
