//! Descriptors that are none of the loop's (an input, what a parent gave), waited for by a thread beside it: whichever can be read
//! or written first. They belong to others too, so they are only asked, never made non-blocking. It must not know what is done
//! with them then.
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, Read as _, Write as _};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;

/// Where the thread waits.
#[derive(Debug)]
pub struct Inputs(UnixStream);

/// Ends its wait.
#[derive(Debug)]
pub struct Ringer(UnixStream);

/// The two of them.
///
/// # Errors
/// When the system has no descriptors left.
pub fn inputs() -> io::Result<(Ringer, Inputs)> {
    let (ringer, bell) = UnixStream::pair()?;
    ringer.set_nonblocking(true)?;
    bell.set_nonblocking(true)?;
    Ok((Ringer(ringer), Inputs(bell)))
}

impl Ringer {
    pub fn ring(&self) {
        // One that cannot be taken is one of many that have not been heard yet.
        let _heard = (&self.0).write(&[1]);
    }
}

impl Inputs {
    /// The first of these that can be read, or written where that is said, or with which something is wrong; none when it was rung.
    pub fn first(&self, sources: &[(BorrowedFd<'_>, bool)]) -> Option<usize> {
        let flags = |write| if write { PollFlags::OUT } else { PollFlags::IN };
        let of = sources.iter().map(|(fd, write)| PollFd::from_borrowed_fd(*fd, flags(*write)));
        let mut all: Vec<PollFd<'_>> = of.chain([PollFd::new(&self.0, PollFlags::IN)]).collect();
        // A wait that fails is as one that was rung for nothing.
        let _count = poll(&mut all, None).ok()?;
        let ready = all.iter().position(|one| !one.revents().is_empty()).filter(|at| *at < sources.len());
        if ready.is_none() {
            let _heard = (&self.0).read(&mut [0; 64]);
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn whatever_is_ready_is_found_and_a_ring_ends_the_wait() {
        let (ringer, inputs) = inputs().expect("a pair can be made");
        let (silent, _silent) = io::pipe().expect("a pipe can be made");
        let (reader, mut writer) = io::pipe().expect("a pipe can be made");
        let sources = [(silent.as_fd(), false), (reader.as_fd(), false)];
        (0..100_000).for_each(|_| ringer.ring());
        assert_eq!(inputs.first(&[]), None);
        // However often it was rung, all of that is heard.
        while poll(&mut [PollFd::new(&inputs.0, PollFlags::IN)], Some(&NONE)) == Ok(1) {
            assert_eq!(inputs.first(&sources), None);
        }
        writer.write_all(b"x").expect("it is open");
        assert_eq!(inputs.first(&sources), Some(1));
        let (_reader, full) = io::pipe().expect("a pipe can be made");
        assert_eq!(inputs.first(&[(silent.as_fd(), false), (full.as_fd(), true)]), Some(1));
        drop(writer);
        let mut rest = Vec::new();
        (&reader).read_to_end(&mut rest).expect("it is open");
        assert_eq!(inputs.first(&sources), Some(1), "its end is told too");
    }

    const NONE: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
}
