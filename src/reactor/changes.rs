//! Changes: what the system tells of watched files and folders. On Linux one inotify descriptor serves all; elsewhere
//! there is no such source yet (`ENOSYS`), and whoever wants to know asks the files.
//!
//! It must not know paths or who watches: an entry comes as an open descriptor, and goes by the system's number for it.

use std::os::fd::BorrowedFd;

use mio::{Registry, Token};

use super::Result;

/// One change of a watched entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which, as `Changes::watch` answered.
    pub watch: i32,
    /// Something came, went or was renamed; the other kind is that contents or attributes changed.
    pub renamed: bool,
    /// Contents or attributes changed.
    pub changed: bool,
    /// The entry in a watched folder; empty when it is the watched entry itself.
    pub name: Vec<u8>,
}

#[cfg(target_os = "linux")]
pub(super) use linux::Changes;

#[cfg(target_os = "linux")]
mod linux {
    use super::{BorrowedFd, Change, Registry, Result, Token};
    use mio::Interest;
    use mio::unix::SourceFd;
    use rustix::fd::{AsRawFd as _, OwnedFd};
    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
    use std::mem::MaybeUninit;

    /// Changes taken in at once: bounds a turn. The rest come with the next wait.
    const BUDGET: usize = 4096;

    /// Bytes read at a time: many changes with names of an ordinary length.
    const READ: usize = 16 << 10;

    #[derive(Debug, Default)]
    pub(in crate::reactor) struct Changes {
        inotify: Option<OwnedFd>,
        /// The budget ran out: there may be more, and no edge will tell.
        more: bool,
    }

    impl Changes {
        pub(in crate::reactor) fn watch(
            &mut self,
            entry: BorrowedFd<'_>,
            registry: &Registry,
            token: Token,
        ) -> Result<i32> {
            if self.inotify.is_none() {
                let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
                registry.register(&mut SourceFd(&inotify.as_raw_fd()), token, Interest::READABLE)?;
                self.inotify = Some(inotify);
            }
            let inotify = self.inotify.as_ref().expect("just made");
            let wanted = WatchFlags::ATTRIB
                | WatchFlags::CREATE
                | WatchFlags::MODIFY
                | WatchFlags::DELETE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO;
            Ok(add_watch(inotify, format!("/proc/self/fd/{}", entry.as_raw_fd()), wanted)?)
        }

        pub(in crate::reactor) fn unwatch(&mut self, watch: i32) {
            if let Some(inotify) = &self.inotify {
                // It may be gone by itself, with the entry.
                let _ = remove_watch(inotify, watch);
            }
        }

        pub(in crate::reactor) fn more(&self) -> bool {
            self.more
        }

        pub(in crate::reactor) fn take(&mut self, changes: &mut Vec<Change>) {
            let Some(inotify) = &self.inotify else { return };
            let mut buffer = [MaybeUninit::uninit(); READ];
            let mut reader = Reader::new(inotify, &mut buffer);
            self.more = false;
            for taken in 0.. {
                if taken >= BUDGET && reader.is_buffer_empty() {
                    self.more = true;
                    return;
                }
                // The end of what there is, or an error that the next change shows again.
                let Ok(event) = reader.next() else { return };
                let flags = event.events();
                let changed = flags.intersects(ReadFlags::ATTRIB | ReadFlags::MODIFY);
                let renamed = !flags.difference(ReadFlags::ATTRIB | ReadFlags::MODIFY | ReadFlags::ISDIR).is_empty();
                let name = event.file_name().map_or(Vec::new(), |name| name.to_bytes().to_vec());
                changes.push(Change { watch: event.wd(), renamed, changed, name });
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
#[derive(Debug, Default)]
pub(super) struct Changes;

#[cfg(not(target_os = "linux"))]
impl Changes {
    pub(super) fn watch(&mut self, _entry: BorrowedFd<'_>, _registry: &Registry, _token: Token) -> Result<i32> {
        Err(super::Errno::ENOSYS)
    }

    pub(super) fn unwatch(&mut self, _watch: i32) {}

    pub(super) fn more(&self) -> bool {
        false
    }

    pub(super) fn take(&mut self, _changes: &mut Vec<Change>) {}
}
