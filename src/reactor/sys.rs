//! Sys: the platform's differences, and the few socket calls that mio has no name for.
//!
//! It must not know keys or readiness. What differs between Linux and macOS stands in this file, and the room's only
//! `unsafe`: what is done between fork and exec, forking without exec, and closing what was inherited. rustix wraps the
//! rest.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use mio::{Poll, Token};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketType, sockopt,
};

use super::errno::Errno;
use super::{ConnectError, ConnectOptions, DatagramOptions, ListenOptions, Result};

/// Asks for no SIGPIPE. macOS has no such flag; there it is a property of the socket.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGPIPE: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGPIPE: SendFlags = SendFlags::empty();

/// A new stream socket: non-blocking, closed on exec.
fn socket(family: AddressFamily) -> Result<OwnedFd> {
    socket_of(family, SocketType::STREAM)
}

#[cfg(not(target_vendor = "apple"))]
fn socket_of(family: AddressFamily, kind: SocketType) -> Result<OwnedFd> {
    use rustix::net::{SocketFlags, socket_with};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(family, kind, flags, None)?)
}

/// The same where it takes several steps.
#[cfg(target_vendor = "apple")]
fn socket_of(family: AddressFamily, kind: SocketType) -> Result<OwnedFd> {
    let fd = rustix::net::socket(family, kind, None)?;
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    sockopt::set_socket_nosigpipe(&fd, true)?;
    Ok(fd)
}

/// A descriptor to hold in reserve. A socket, as opening a path may be forbidden to this process;
/// it takes a place in the system's file table too, so it helps against `ENFILE` as well.
pub(super) fn reserve() -> Option<OwnedFd> {
    socket(AddressFamily::UNIX).ok()
}

fn family(addr: SocketAddr) -> AddressFamily {
    if addr.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET }
}

/// A listening TCP socket.
pub(super) fn listen_tcp(addr: SocketAddr, options: &ListenOptions) -> Result<OwnedFd> {
    let fd = socket(family(addr))?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    if addr.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, options.ipv6_only)?;
    }
    // Accepted sockets inherit it, on Linux and on the BSDs: no call for each.
    sockopt::set_tcp_nodelay(&fd, options.nodelay)?;
    rustix::net::bind(&fd, &addr)?;
    listen(&fd, options)?;
    Ok(fd)
}

/// A UDP socket with an address.
pub(super) fn bind_datagram(addr: SocketAddr, options: &DatagramOptions) -> Result<OwnedFd> {
    let fd = socket_of(family(addr), SocketType::DGRAM)?;
    if options.reuse_address {
        sockopt::set_socket_reuseaddr(&fd, true)?;
    }
    if addr.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, options.ipv6_only)?;
    }
    rustix::net::bind(&fd, &addr)?;
    Ok(fd)
}

/// A listening UNIX socket.
pub(super) fn listen_unix(path: &Path, options: &ListenOptions) -> Result<OwnedFd> {
    let addr = unix_address(path)?;
    let fd = socket(AddressFamily::UNIX)?;
    rustix::net::bind(&fd, &addr)?;
    listen(&fd, options)?;
    Ok(fd)
}

fn listen(fd: &OwnedFd, options: &ListenOptions) -> Result<()> {
    let backlog = i32::try_from(options.backlog).unwrap_or(i32::MAX);
    Ok(rustix::net::listen(fd, backlog)?)
}

/// A TCP socket that is connecting.
pub(super) fn connect_tcp(addr: SocketAddr, options: &ConnectOptions) -> std::result::Result<OwnedFd, ConnectError> {
    let fd = socket(family(addr))?;
    sockopt::set_tcp_nodelay(&fd, options.nodelay).map_err(Errno::from)?;
    if let Some(local) = options.local {
        // As libuv: a port whose last connection lingers may be had again.
        sockopt::set_socket_reuseaddr(&fd, true).map_err(Errno::from)?;
        rustix::net::bind(&fd, &local).map_err(|error| ConnectError::Local(error.into()))?;
    }
    begun(rustix::net::connect(&fd, &addr))?;
    Ok(fd)
}

/// A UNIX socket that is connecting, mostly connected.
pub(super) fn connect_unix(path: &Path) -> Result<OwnedFd> {
    let addr = unix_address(path)?;
    let fd = socket(AddressFamily::UNIX)?;
    begun(rustix::net::connect(&fd, &addr))?;
    Ok(fd)
}

/// A path, or after a NUL a name that is in no folder (Linux).
fn unix_address(path: &Path) -> Result<SocketAddrUnix> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.as_os_str().as_encoded_bytes().strip_prefix(b"\0") {
        return Ok(SocketAddrUnix::new_abstract_name(name)?);
    }
    Ok(SocketAddrUnix::new(path)?)
}

/// An attempt that was interrupted goes on by itself, like one in progress.
fn begun(result: rustix::io::Result<()>) -> Result<()> {
    match result.map_err(Errno::from) {
        Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(()),
        other => other,
    }
}

/// Reads from a socket.
pub(super) fn read(fd: impl AsFd, buf: &mut [u8]) -> Result<usize> {
    let (count, _) = rustix::net::recv(fd, buf, RecvFlags::empty())?;
    Ok(count)
}

/// Writes to a socket. One slice, the common case, needs no message header.
pub(super) fn write(fd: impl AsFd, slices: &[IoSlice<'_>]) -> Result<usize> {
    Ok(match slices {
        [bytes] => rustix::net::send(fd, bytes, NO_SIGPIPE)?,
        _ => rustix::net::sendmsg(fd, slices, &mut SendAncillaryBuffer::default(), NO_SIGPIPE)?,
    })
}

/// Makes the close that follows send a reset.
pub(super) fn reset_on_close(fd: impl AsFd) {
    // Fails only on what is no socket any more, for which close is all there is.
    let _ = sockopt::set_socket_linger(fd, Some(Duration::ZERO));
}

/// TCP keep-alive, with the time before the first probe; `None` turns it off.
pub(super) fn set_keepalive(fd: impl AsFd, idle: Option<Duration>) -> Result<()> {
    let fd = fd.as_fd();
    sockopt::set_socket_keepalive(fd, idle.is_some())?;
    if let Some(idle) = idle {
        sockopt::set_tcp_keepidle(fd, idle.max(Duration::from_secs(1)))?;
    }
    Ok(())
}

/// Has the kernel tell of connections at a listener. mio has no name for `EPOLLEXCLUSIVE`: of several processes that sleep
/// at one listener a connection wakes one. One that computes does not sleep, and is passed over.
#[cfg(target_os = "linux")]
pub(super) fn watch_listener(poll: &Poll, listener: impl AsFd, token: Token, shared: bool) -> Result<()> {
    use rustix::event::epoll::{self, EventData, EventFlags};
    let exclusive = if shared { EventFlags::EXCLUSIVE } else { EventFlags::empty() };
    let flags = EventFlags::IN | EventFlags::ET | exclusive;
    Ok(epoll::add(epoll_of(poll), listener, EventData::new_u64(token.0 as u64), flags)?)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn watch_listener(poll: &Poll, listener: impl AsFd, token: Token, _shared: bool) -> Result<()> {
    let fd = listener.as_fd().as_raw_fd();
    Ok(poll.registry().register(&mut mio::unix::SourceFd(&fd), token, mio::Interest::READABLE)?)
}

/// No more of that. Fails only when it is not watched, which is what is wanted.
#[cfg(target_os = "linux")]
pub(super) fn unwatch_listener(poll: &Poll, listener: impl AsFd) {
    let _ = rustix::event::epoll::delete(epoll_of(poll), listener);
}

#[cfg(not(target_os = "linux"))]
pub(super) fn unwatch_listener(poll: &Poll, listener: impl AsFd) {
    let fd = listener.as_fd().as_raw_fd();
    let _ = poll.registry().deregister(&mut mio::unix::SourceFd(&fd));
}

#[cfg(target_os = "linux")]
fn epoll_of(poll: &Poll) -> BorrowedFd<'_> {
    // SAFETY: the descriptor is the poll's own, which is borrowed for as long.
    unsafe { BorrowedFd::borrow_raw(poll.as_raw_fd()) }
}

/// What a descriptor from elsewhere is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adopted {
    Stream,
    Listener,
    Datagram,
}

/// The kinds of addresses that sockets of ours have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Ip,
    Unix,
}

/// Whether the descriptor is what it is taken for; makes it one that does not block. (Linux makes it so that it is closed
/// on exec when it is received; elsewhere that is done here.)
pub(super) fn adopt(fd: &OwnedFd, wanted: Adopted) -> Result<Family> {
    let kind = sockopt::socket_type(fd)?;
    let stream = kind == SocketType::STREAM;
    let fits = match wanted {
        Adopted::Stream => stream && !listens(fd),
        Adopted::Listener => stream && listens(fd),
        Adopted::Datagram => kind == SocketType::DGRAM,
    };
    if !fits {
        return Err(Errno::EPROTOTYPE);
    }
    let family = match rustix::net::getsockname(fd)?.address_family() {
        AddressFamily::INET | AddressFamily::INET6 => Family::Ip,
        AddressFamily::UNIX => Family::Unix,
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(fd, true)?;
    Ok(family)
}

#[cfg(not(target_vendor = "apple"))]
fn listens(fd: &OwnedFd) -> bool {
    sockopt::socket_acceptconn(fd).unwrap_or(false)
}

/// macOS tells it too, by another number that rustix has no name for: a listener is what has no peer.
#[cfg(target_vendor = "apple")]
fn listens(fd: &OwnedFd) -> bool {
    rustix::net::getpeername(fd).is_err()
}

/// Another descriptor of the same open file.
pub(super) fn duplicate(fd: impl AsFd) -> Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

/// Takes a connection from a listener's queue, for another process: like all, it does not block.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn accept(fd: impl AsFd) -> Result<OwnedFd> {
    use rustix::net::SocketFlags;
    Ok(rustix::net::accept_with(fd, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?)
}

/// The same where it takes several steps.
#[cfg(target_vendor = "apple")]
pub(super) fn accept(fd: impl AsFd) -> Result<OwnedFd> {
    let fd = rustix::net::accept(fd)?;
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    sockopt::set_socket_nosigpipe(&fd, true)?;
    Ok(fd)
}

/// Two connected UNIX sockets, closed on exec. Both block.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd)> {
    use rustix::net::{SocketFlags, socketpair};
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// The same where it takes several steps.
#[cfg(target_vendor = "apple")]
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd)> {
    use rustix::net::{SocketFlags, socketpair};
    let (one, other) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty(), None)?;
    for fd in [&one, &other] {
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)?;
        sockopt::set_socket_nosigpipe(fd, true)?;
    }
    Ok((one, other))
}

/// Descriptors that one read takes. A peer of ours sends one at a time.
const FDS: usize = 4;

#[cfg(not(target_vendor = "apple"))]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::empty();

/// Reads bytes and the descriptors that came with them. Those that did not fit are closed by the kernel, and that is an
/// error (`EMSGSIZE`).
pub(super) fn receive_with_fds(fd: impl AsFd, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let got = rustix::net::recvmsg(fd, &mut [IoSliceMut::new(buf)], &mut ancillary, CLOSE_ON_EXEC)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    if got.flags.contains(ReturnFlags::CTRUNC) {
        return Err(Errno::EMSGSIZE);
    }
    Ok(got.bytes)
}

/// Writes bytes, and descriptors, at most [`FDS`], with the first of them.
pub(super) fn send_with_fds(fd: impl AsFd, bytes: &[u8], with: &[BorrowedFd<'_>]) -> Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !with.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(with)) {
        return Err(Errno::EINVAL);
    }
    Ok(rustix::net::sendmsg(fd, &[IoSlice::new(bytes)], &mut ancillary, NO_SIGPIPE)?)
}

/// Writes bytes, and a descriptor with the first of them.
pub(super) fn send_with_fd(fd: impl AsFd, slices: &[IoSlice<'_>], with: Option<BorrowedFd<'_>>) -> Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let rights = with.as_slice();
    if !rights.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(rights));
    }
    Ok(rustix::net::sendmsg(fd, slices, &mut ancillary, NO_SIGPIPE)?)
}

/// Has a command's process get these descriptors under these numbers, and a session of its own.
pub(super) fn prepare(command: &mut Command, fds: Vec<(i32, OwnedFd)>, session: bool) -> Result<()> {
    if fds.is_empty() && !session {
        // Without a step between fork and exec the standard library starts it without copying page tables.
        return Ok(());
    }
    // Out of the way of the numbers they are to get.
    let beyond = fds.iter().map(|(number, _)| number + 1).max().unwrap_or(3);
    let fds: Vec<(i32, OwnedFd)> = fds
        .iter()
        .map(|(number, fd)| Ok((*number, rustix::io::fcntl_dupfd_cloexec(fd, beyond)?)))
        .collect::<Result<_>>()?;
    let step = move || {
        for (number, fd) in &fds {
            // SAFETY: between fork and exec nothing else of this process uses the number: what stood there is closed
            // by this very call, as exec would have. It is forgotten at once, so that it stays open.
            let mut target = unsafe { OwnedFd::from_raw_fd(*number) };
            let done = rustix::io::dup2(fd, &mut target);
            std::mem::forget(target);
            done?;
        }
        if session {
            rustix::process::setsid()?;
        }
        Ok(())
    };
    // SAFETY: the step makes system calls only: it allocates nothing, takes no lock and cannot panic.
    unsafe { command.pre_exec(step) };
    Ok(())
}

/// Columns and rows of a terminal; none when it is none, or does not know.
pub(super) fn window(fd: BorrowedFd<'_>) -> Option<(u16, u16)> {
    // SAFETY: all of its fields may be zero.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: writes to `size`, which is what this request wants.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (done == 0 && size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Messages that a socket had no room for; none where the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn lost_messages(fd: BorrowedFd<'_>) -> Option<u32> {
    let mut numbers = [0_u32; 9];
    let mut bytes = size_of_val(&numbers) as libc::socklen_t;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_MEMINFO);
    // SAFETY: writes at most `bytes` bytes to `numbers`, which has as many.
    let done = unsafe { libc::getsockopt(fd.as_raw_fd(), level, option, numbers.as_mut_ptr().cast(), &raw mut bytes) };
    // How many were dropped stands last.
    (done == 0 && bytes as usize == size_of_val(&numbers)).then(|| numbers[numbers.len() - 1])
}

#[cfg(not(target_os = "linux"))]
pub(super) fn lost_messages(_fd: BorrowedFd<'_>) -> Option<u32> {
    None
}

/// Memory that processes share: a file for it that can be handed on and never shrinks. `ENOSYS` where there is none.
#[cfg(target_os = "linux")]
pub(super) fn shared_file(bytes: u64) -> Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
    let file = memfd_create("skep-purse", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&file, bytes)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// The cells of such a file, as long as this process lives.
#[cfg(target_os = "linux")]
pub(super) fn shared_cells(file: &OwnedFd, count: usize) -> Result<&'static [AtomicU64]> {
    use rustix::fs::{SealFlags, fcntl_get_seals, fstat};
    use rustix::mm::{MapFlags, ProtFlags, mmap};
    let bytes = count * size_of::<AtomicU64>();
    if !fcntl_get_seals(file)?.contains(SealFlags::SHRINK) || fstat(file)?.st_size != bytes as i64 {
        return Err(Errno::EINVAL);
    }
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a mapping at an address of the kernel's choice, of a file that is this long and cannot become shorter.
    let start = unsafe { mmap(std::ptr::null_mut(), bytes, access, MapFlags::SHARED, file, 0)? };
    // SAFETY: the mapping is never taken away, is aligned to pages, and holds as many numbers, of which any bits are one. It is
    // changed by atomic operations only, here and elsewhere.
    Ok(unsafe { std::slice::from_raw_parts(start.cast::<AtomicU64>(), count) })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn shared_file(_bytes: u64) -> Result<OwnedFd> {
    Err(Errno::ENOSYS)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn shared_cells(_file: &OwnedFd, _count: usize) -> Result<&'static [AtomicU64]> {
    Err(Errno::ENOSYS)
}

/// Closes every descriptor beyond the standard ones. To be called before anything is opened.
pub(super) fn close_others() {
    let listing = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let numbers = |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse::<i32>().ok();
    let Ok(entries) = std::fs::read_dir(listing) else { return };
    let open: Vec<i32> = entries.filter_map(numbers).filter(|number| *number > 2).collect();
    for number in open {
        // The listing's own is among them, and is closed by now: asking tells.
        // SAFETY: this process has just begun and has opened nothing, so nobody owns the descriptor.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        if rustix::io::fcntl_getfd(borrowed).is_ok() {
            // SAFETY: as above; it is open, and nobody else will close it.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        }
    }
}

/// Has the system end this process when its parent ends. Elsewhere the end of the channel is all there is.
#[cfg(target_os = "linux")]
pub(super) fn die_with_parent() {
    // Cannot fail with a valid signal.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

#[cfg(not(target_os = "linux"))]
pub(super) fn die_with_parent() {}

/// Makes a process like this one, which goes on from here too and is told `None`. Its parent is this one's parent, who
/// waits for it; this one is told its number.
///
/// # Errors
/// `EBUSY` when this process has another thread; those of the system, and `EINVAL` where it does not tell what the C
/// library has to be told.
#[cfg(target_os = "linux")]
pub(super) fn sibling() -> Result<Option<u32>> {
    if std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count) != 1 {
        return Err(Errno::EBUSY);
    }
    // Where the C library keeps this thread's number: its own `fork` writes the new one there.
    let mut place: *mut libc::pid_t = std::ptr::null_mut();
    // SAFETY: writes one pointer, to `place`.
    let known = unsafe { libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut place) };
    if known != 0 || place.is_null() {
        return Err(Errno::EINVAL);
    }
    let flags = (libc::CLONE_PARENT | libc::SIGCHLD) as libc::c_ulong;
    // SAFETY: without CLONE_VM the new process has its own copy of everything. There is no other thread whose locks or
    // half-made changes it could have copied, so it may go on as if nothing had happened.
    let made = unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) };
    match made {
        0 => {
            // SAFETY: the kernel named the place as the one where this thread's number is kept; it is aligned and alive as
            // long as the thread, and only the C library reads it.
            unsafe { place.write(libc::syscall(libc::SYS_set_tid_address, place) as libc::pid_t) };
            Ok(None)
        }
        pid if pid > 0 => Ok(Some(pid as u32)),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}

/// Has the first descriptor name what the second does; it is closed on exec.
pub(super) fn replace(place: &mut OwnedFd, with: &OwnedFd) -> Result<()> {
    #[cfg(target_os = "linux")]
    rustix::io::dup3(with, place, rustix::io::DupFlags::CLOEXEC)?;
    #[cfg(not(target_os = "linux"))]
    {
        rustix::io::dup2(with, place)?;
        rustix::io::fcntl_setfd(&*place, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok(())
}

/// A child that has ended and has not been waited for: the first of them.
#[cfg(target_os = "linux")]
pub(super) fn ended_child() -> Option<u32> {
    // SAFETY: all of its fields may be zero.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let asks = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: writes to `info`, whose number is set, or stays 0 when nobody has ended.
    let pid = unsafe { if libc::waitid(libc::P_ALL, 0, &raw mut info, asks) == 0 { info.si_pid() } else { 0 } };
    u32::try_from(pid).ok().filter(|pid| *pid > 0)
}

/// Nobody makes children that this process does not know of.
#[cfg(not(target_os = "linux"))]
pub(super) fn ended_child() -> Option<u32> {
    None
}

/// There is no such way.
#[cfg(not(target_os = "linux"))]
pub(super) fn sibling() -> Result<Option<u32>> {
    Err(Errno::ENOSYS)
}
