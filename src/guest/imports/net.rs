//! Calls about listeners and streams. Addresses are numeric; the policy judges each. They must not know sockets.
use super::super::command::{Command, Target};
use super::super::handles::{Handle, Kind};
use super::super::memory;
use super::super::state::Ends;
use super::{Answer, Call, Len, Ptr, Refusal, refuse};
use crate::policy::{Bound, ListenAddress};
use core::net::{IpAddr, SocketAddr};
use skep_abi::errno::{EACCES, EBADF, EINVAL, EMFILE, ENAMETOOLONG, EPIPE};
use skep_abi::option::{KEEP_ALIVE, NO_DELAY, PAUSE, TEE, TIMEOUT};
use skep_abi::{ConnectOptions, ListenOptions};
use std::path::{Path, PathBuf};

/// Bytes of the longest address: a UNIX socket's path (`sun_path` without its end).
pub(super) const ADDRESS_BYTES: u32 = 107;

/// Node's backlog where a script names none.
const BACKLOG: u32 = 511;

/// Seconds of the longest TCP keep-alive time that kernels take.
const KEEP_ALIVE_MAX: i64 = 32_767;

/// Options as a guest hands them over; none are all zero.
pub(super) fn options(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<ListenOptions> {
    if len.0 == 0 {
        return Ok(ListenOptions::default());
    }
    if len.0 as usize != size_of::<ListenOptions>() {
        return refuse(EINVAL);
    }
    let bytes = memory::bytes(call.memory, ptr, len)?;
    let mut words = bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let mut next = || words.next().expect("the record has ten words");
    let mut options = ListenOptions {
        flags: next(),
        headers_timeout: next(),
        request_timeout: next(),
        keep_alive_timeout: next(),
        keep_alive_buffer: next(),
        max_header_size: next(),
        max_headers: next(),
        max_requests: next(),
        idle_timeout: next(),
        max_connections: next(),
    };
    // What a script sets is bounded by the policy: 0 asks for Node's default or for no bound.
    let http = &call.state().limits.http;
    options.max_header_size = match options.max_header_size {
        0 => http.max_header_size,
        size => size.min(http.max_header_size_cap),
    };
    options.max_headers = match options.max_headers {
        0 => http.max_headers,
        count => count.min(http.max_headers),
    };
    Ok(options)
}

/// A numeric address and port, or a path for port -1.
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

fn place(call: &Call<'_>, host: Ptr, len: Len, port: i32) -> Answer<Place> {
    if port == -1 {
        return Ok(Place::Unix(unix_name(call, host, len)?));
    }
    let host = call.text(host, len, ADDRESS_BYTES, ENAMETOOLONG)?;
    match (host.parse::<IpAddr>(), u16::try_from(port)) {
        (Ok(ip), Ok(port)) => Ok(Place::Tcp(SocketAddr::new(ip, port))),
        _ => refuse(EINVAL),
    }
}

/// A path; or NUL, and a name that is in no folder.
fn unix_name(call: &Call<'_>, host: Ptr, len: Len) -> Answer<PathBuf> {
    if len.0 > ADDRESS_BYTES {
        return refuse(ENAMETOOLONG);
    }
    let bytes = memory::bytes(call.memory, host, len)?;
    let name = bytes.strip_prefix(b"\0").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) if !name.is_empty() && !name.contains(&0) => Ok(PathBuf::from(text)),
        _ => refuse(EINVAL),
    }
}

/// Where a UNIX socket really is. The kernel would follow links and `..`, so they are resolved before the policy
/// judges. A socket answers back: reaching it is more than reading its folder, and needs a writable one.
///
/// A name that begins with NUL is in no folder: it is for who is granted every one.
fn real(call: &mut Call<'_>, path: &Path) -> Answer<PathBuf> {
    if path.as_os_str().as_encoded_bytes().starts_with(b"\0") {
        call.state().grants.path(Path::new("/"), true)?;
        return Ok(path.to_path_buf());
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return refuse(EINVAL) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(folder) = folder.canonicalize() else { return refuse(EACCES) };
    let whole = folder.join(name);
    let whole = whole.canonicalize().unwrap_or(whole);
    call.state().grants.path(&whole, true)?;
    Ok(whole)
}

pub(super) fn listen(
    call: &mut Call<'_>,
    host: Ptr,
    host_len: Len,
    port: i32,
    backlog: i32,
    options_ptr: Ptr,
    options_len: Len,
) -> Answer<i64> {
    let address = match place(call, host, host_len, port)? {
        Place::Tcp(at) => ListenAddress::Tcp(at),
        Place::Unix(path) => {
            call.state().grants.listen(ListenAddress::Unix(path.clone()))?;
            ListenAddress::Unix(real(call, &path)?)
        }
    };
    let options = options(call, options_ptr, options_len)?;
    let at = call.state().grants.listen(address)?;
    if call.state().listeners >= call.state().limits.listeners {
        return call.at_bound(Bound::Listeners, EMFILE);
    }
    let backlog = u32::try_from(backlog).ok().filter(|count| *count > 0).unwrap_or(BACKLOG).min(65_535);
    call.room(0)?;
    let handle = call.fresh(Kind::Listener)?;
    call.state().listeners += 1;
    call.state().outbox.push(Command::Listen { handle, at, backlog, options });
    Ok(handle.raw() as i64)
}

pub(super) fn listen_set(call: &mut Call<'_>, listener: Handle, ptr: Ptr, len: Len) -> Answer<i32> {
    call.slot(listener, &[Kind::Listener])?;
    if len.0 == 0 {
        return refuse(EINVAL);
    }
    let options = options(call, ptr, len)?;
    call.room(0)?;
    call.state().outbox.push(Command::ListenSet { handle: listener, options });
    Ok(0)
}

pub(super) fn net_connect(
    call: &mut Call<'_>,
    host: Ptr,
    host_len: Len,
    port: i32,
    options_ptr: Ptr,
    options_len: Len,
) -> Answer<i64> {
    let place = place(call, host, host_len, port)?;
    let (flags, local) = connect_options(call, options_ptr, options_len)?;
    let to = match place {
        Place::Tcp(to) => Target::Tcp { to: call.state().grants.connect(to)?, local },
        Place::Unix(path) => Target::Unix(real(call, &path)?),
    };
    call.room(0)?;
    let handle = call.fresh_socket(Kind::Stream)?;
    call.state().outbox.push(Command::Connect { handle, to, flags });
    Ok(handle.raw() as i64)
}

/// Flags, and our own end when it matters: judged like a listener's, for a port below 1024 says who we are.
fn connect_options(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<(u32, Option<SocketAddr>)> {
    const RECORD: u32 = size_of::<ConnectOptions>() as u32;
    if len.0 == 0 {
        return Ok((0, None));
    }
    if len.0 < RECORD {
        return refuse(EINVAL);
    }
    let record = memory::bytes(call.memory, ptr, Len(RECORD))?;
    let word = |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
    let (flags, port) = (word(0), word(4));
    let text = call.text(Ptr(ptr.0.wrapping_add(RECORD)), Len(len.0 - RECORD), ADDRESS_BYTES, ENAMETOOLONG)?;
    if text.is_empty() {
        return Ok((flags, None));
    }
    let (Ok(ip), Ok(port)) = (text.parse::<IpAddr>(), u16::try_from(port)) else { return refuse(EINVAL) };
    let local = SocketAddr::new(ip, port);
    call.state().grants.bind(ListenAddress::Tcp(local))?;
    Ok((flags, Some(local)))
}

pub(super) fn stream_write(call: &mut Call<'_>, stream: Handle, ptr: Ptr, len: Len) -> Answer<i32> {
    memory::bytes(call.memory, ptr, len)?;
    let waits = call.reserve(stream, &[Kind::Stream, Kind::Connection], u64::from(len.0), false)?;
    let body = call.body(ptr, len)?;
    call.state().outbox.push(Command::StreamWrite { stream, body });
    Ok(waits)
}

pub(super) fn stream_shutdown(call: &mut Call<'_>, stream: Handle) -> Answer<i32> {
    call.room(0)?;
    let slot = call.slot(stream, &[Kind::Stream, Kind::Connection])?;
    if std::mem::replace(&mut slot.ended, true) {
        return refuse(EPIPE);
    }
    call.state().outbox.push(Command::Shutdown { stream });
    Ok(0)
}

pub(super) fn stream_reset(call: &mut Call<'_>, stream: Handle) -> Answer<i32> {
    call.room(0)?;
    call.slot(stream, &[Kind::Stream, Kind::Connection])?.ended = true;
    call.state().outbox.push(Command::Reset { stream });
    Ok(0)
}

pub(super) fn stream_option(call: &mut Call<'_>, handle: Handle, option: i32, value: i64) -> Answer<i32> {
    let kinds: &[Kind] = match option as u32 {
        PAUSE | TEE => &[Kind::Connection],
        _ => &[Kind::Stream, Kind::Connection, Kind::Attached],
    };
    call.slot(handle, kinds)?;
    let allowed = match option as u32 {
        NO_DELAY | PAUSE | TEE => (0..=1).contains(&value),
        KEEP_ALIVE => (-1..=KEEP_ALIVE_MAX).contains(&value),
        TIMEOUT => (0..=i64::from(u32::MAX)).contains(&value),
        _ => false,
    };
    if !allowed {
        return refuse(EINVAL);
    }
    call.room(0)?;
    call.state().outbox.push(Command::Option { handle, option: option as u32, value });
    Ok(0)
}

pub(super) fn credit(call: &mut Call<'_>, handle: Handle, bytes: i32) -> Answer<i32> {
    call.slot(handle, &[Kind::Stream, Kind::Exchange, Kind::Attached])?;
    let bytes = u32::try_from(bytes).ok().filter(|bytes| *bytes > 0).ok_or(Refusal::Errno(EINVAL))?;
    call.room(0)?;
    call.state().outbox.push(Command::Credit { handle, bytes });
    Ok(0)
}

pub(super) fn connections(call: &mut Call<'_>, listener: Handle) -> Answer<i32> {
    // The runtime keeps the number where other handles have their queue's size.
    Ok(call.slot(listener, &[Kind::Listener])?.pending as i32)
}

pub(super) fn traffic(call: &mut Call<'_>, conn: Handle, side: i32) -> Answer<i64> {
    if !(0..=1).contains(&side) {
        return refuse(EINVAL);
    }
    let number = call.slot(conn, &[Kind::Connection])?.conn as usize;
    let bytes = call.shared.state.conn_traffic.get(number).map_or(0, |counts| counts[side as usize]);
    Ok(i64::try_from(bytes).unwrap_or(i64::MAX))
}

pub(super) fn address(call: &mut Call<'_>, handle: Handle, side: i32, ptr: Ptr, len: Len) -> Answer<i32> {
    if !(0..=2).contains(&side) {
        return refuse(EINVAL);
    }
    let slot = *call.slot(handle, &[Kind::Listener, Kind::Stream, Kind::Datagram, Kind::Exchange, Kind::Connection])?;
    let state = &call.shared.state;
    let accepted = matches!(slot.kind, Kind::Exchange | Kind::Connection);
    if side == 2 {
        let name = state.conn_tls.get(&slot.conn).filter(|_| accepted);
        let Some(name) = name else { return refuse(EBADF) };
        return Ok(memory::fill(call.memory, ptr, len, name.as_bytes())?);
    }
    let ends = match slot.kind {
        Kind::Exchange | Kind::Connection => state.conn_ends.get(slot.conn as usize).and_then(Option::as_ref),
        _ => state.ends.get(&handle),
    };
    let text = match (ends, side) {
        (Some(Ends::Tcp { local, .. }), 0) => tcp(*local),
        (Some(Ends::Tcp { peer: Some(peer), .. }), _) => tcp(*peer),
        (Some(Ends::Unix { local }), 0) => format!("unix 0 {local}"),
        _ => return refuse(EBADF),
    };
    Ok(memory::fill(call.memory, ptr, len, text.as_bytes())?)
}

fn tcp(at: SocketAddr) -> String {
    let family = if at.is_ipv4() { "IPv4" } else { "IPv6" };
    format!("{family} {} {}", at.port(), at.ip())
}
