//! The calls and the exports as Wasm sees them, and safe functions over them: the only `unsafe` of the crate. It must
//! not know what any of them is good for.
use crate::{Error, Result};
use skep_abi::{ConnectOptions, ListenOptions};

/// Bytes of the inbox: what a batch may have.
const INBOX: usize = 256 << 10;

/// The table's types as they are in Rust.
macro_rules! wire {
    (I32) => { i32 };
    (I64) => { i64 };
    (Handle) => { i64 };
    (Ptr) => { *const u8 };
    (Len) => { usize };
}

#[cfg(target_arch = "wasm32")]
mod imports {
    macro_rules! externs {
        ($($name:ident($($param:ident: $ty:ident),*) -> $result:ident, $doc:literal;)*) => {
            #[link(wasm_import_module = "skep")]
            extern "C" {
                $(#[allow(dead_code)] pub fn $name($($param: wire!($ty)),*) -> wire!($result);)*
            }
        };
    }
    skep_abi::for_each_call!(externs);
    extern "C" {
        pub fn skep_guest_main();
    }
}

/// Outside a guest (documentation, tests of a guest's own logic) there is no host to ask.
#[cfg(not(target_arch = "wasm32"))]
mod imports {
    macro_rules! stubs {
        ($($name:ident($($param:ident: $ty:ident),*) -> $result:ident, $doc:literal;)*) => {
            $(#[allow(dead_code, unused_variables, clippy::missing_safety_doc)]
            pub unsafe fn $name($($param: wire!($ty)),*) -> wire!($result) {
                panic!(concat!(stringify!($name), " can only be called inside a guest of Skep"))
            })*
        };
    }
    skep_abi::for_each_call!(stubs);
    pub unsafe fn skep_guest_main() {}
}

#[repr(C, align(8))]
struct Inbox(std::cell::UnsafeCell<[u8; INBOX]>);

// SAFETY: a guest has one thread. The host writes here between two turns, when nothing of the guest runs.
unsafe impl Sync for Inbox {}

static INBOX_BYTES: Inbox = Inbox(std::cell::UnsafeCell::new([0; INBOX]));

/// Asked once, before anything else: says where batches go, and which boundary this is built for.
#[no_mangle]
pub extern "C" fn skep_abi() -> i32 {
    // SAFETY: the inbox is static, and as long as is said.
    unsafe { imports::inbox(INBOX_BYTES.0.get() as *const u8, INBOX) };
    skep_abi::VERSION as i32
}

/// The one door: a batch stands in the inbox.
#[no_mangle]
pub extern "C" fn skep_on_events(len: i32) -> i32 {
    if len < 0 || len as usize > INBOX {
        return skep_abi::wants::BROKEN as i32;
    }
    // SAFETY: the host has written `len` bytes before it called, and writes again only after this has returned.
    let batch = unsafe { std::slice::from_raw_parts(INBOX_BYTES.0.get() as *const u8, len as usize) };
    crate::world::turn(batch) as i32
}

/// The user's main function, which [`start!`](crate::start) names.
pub(crate) fn main() {
    // SAFETY: `start!` defines it with this type.
    unsafe { imports::skep_guest_main() }
}

/// Handles are positive and below 2^53.
pub(crate) type Handle = u64;

fn count(answer: i32) -> Result<u32> {
    if answer < 0 {
        Err(Error::refused(-answer))
    } else {
        Ok(answer as u32)
    }
}

fn done(answer: i32) -> Result<()> {
    count(answer).map(|_| ())
}

fn handle(answer: i64) -> Result<Handle> {
    if answer < 0 {
        Err(Error::refused(-answer as i32))
    } else {
        Ok(answer as u64)
    }
}

// SAFETY of all calls below: each pointer and length are of one slice that lives until the call has returned; the host
// copies before it returns and keeps no pointer. `out` slices are writable, and written by the host alone.

pub(crate) fn why() -> String {
    let mut text = vec![0u8; 512];
    let length = unsafe { imports::why(text.as_mut_ptr(), text.len()) };
    text.truncate(length.max(0) as usize);
    String::from_utf8_lossy(&text).into_owned()
}

pub(crate) fn clock(which: u32) -> u64 {
    unsafe { imports::clock(which as i32) as u64 }
}

pub(crate) fn random(out: &mut [u8]) -> Result<()> {
    done(unsafe { imports::random(out.as_mut_ptr(), out.len()) })
}

pub(crate) fn log(fd: u32, text: &[u8]) -> Result<()> {
    done(unsafe { imports::log(fd as i32, text.as_ptr(), text.len()) })
}

pub(crate) fn exit(code: i32) -> ! {
    unsafe { imports::exit(code) };
    unreachable!("the host ends the guest")
}

pub(crate) fn start_info() -> Vec<u8> {
    let length = unsafe { imports::start_info(std::ptr::null(), 0) };
    let mut info = vec![0u8; length.max(0) as usize];
    unsafe { imports::start_info(info.as_mut_ptr(), info.len()) };
    info
}

pub(crate) fn close(of: Handle) -> Result<()> {
    done(unsafe { imports::close(of as i64) })
}

pub(crate) fn handle_ref(of: Handle, on: bool) -> Result<()> {
    done(unsafe { imports::handle_ref(of as i64, on as i32) })
}

/// A blob's bytes; the blob is gone.
pub(crate) fn take_blob(blob: Handle) -> Vec<u8> {
    let length = unsafe { imports::blob_len(blob as i64) };
    let mut bytes = vec![0u8; length.max(0) as usize];
    let read = unsafe { imports::blob_read(blob as i64, 0, bytes.as_mut_ptr(), bytes.len()) };
    bytes.truncate(read.max(0) as usize);
    let _gone = close(blob);
    bytes
}

pub(crate) fn call_reply(call: Handle, flags: u16, bytes: &[u8]) -> Result<()> {
    done(unsafe { imports::call_reply(call as i64, i32::from(flags), bytes.as_ptr(), bytes.len()) })
}

pub(crate) fn host_call(name: &str, flags: u16, bytes: &[u8]) -> Result<Handle> {
    handle(unsafe { imports::host_call(name.as_ptr(), name.len(), i32::from(flags), bytes.as_ptr(), bytes.len()) })
}

pub(crate) fn timer_arm(deadline: Option<u64>) {
    let deadline = deadline.map_or(-1, |deadline| deadline as i64);
    unsafe { imports::timer_arm(deadline, (deadline >= 0) as i32) };
}

pub(crate) fn signal_watch(signal: i32, on: bool) -> Result<()> {
    done(unsafe { imports::signal_watch(signal, on as i32) })
}

pub(crate) fn listen(host: &str, port: i32, backlog: i32, options: &ListenOptions) -> Result<Handle> {
    let options: *const ListenOptions = options;
    let size = std::mem::size_of::<ListenOptions>();
    handle(unsafe { imports::listen(host.as_ptr(), host.len(), port, backlog, options as *const u8, size) })
}

pub(crate) fn listen_shared(id: u32, options: &ListenOptions) -> Result<Handle> {
    let options: *const ListenOptions = options;
    let size = std::mem::size_of::<ListenOptions>();
    handle(unsafe { imports::listen_shared(id as i32, options as *const u8, size) })
}

pub(crate) fn listen_set(listener: Handle, options: &ListenOptions) -> Result<()> {
    let options: *const ListenOptions = options;
    let size = std::mem::size_of::<ListenOptions>();
    done(unsafe { imports::listen_set(listener as i64, options as *const u8, size) })
}

pub(crate) fn http_close_idle(listener: Handle) -> Result<()> {
    done(unsafe { imports::http_close_idle(listener as i64) })
}

pub(crate) fn listener_share(listener: Handle, channel: Handle, id: u32) -> Result<()> {
    done(unsafe { imports::listener_share(listener as i64, channel as i64, id as i32) })
}

pub(crate) fn connections(listener: Handle) -> Result<u32> {
    count(unsafe { imports::connections(listener as i64) })
}

pub(crate) fn http_respond(exchange: Handle, status: u16, flags: u32, fields: &[u8], body: &[u8]) -> Result<u32> {
    count(unsafe {
        imports::http_respond(
            exchange as i64,
            i32::from(status),
            flags as i32,
            fields.as_ptr(),
            fields.len(),
            body.as_ptr(),
            body.len(),
        )
    })
}

pub(crate) fn http_write(exchange: Handle, flags: u32, bytes: &[u8]) -> Result<u32> {
    count(unsafe { imports::http_write(exchange as i64, flags as i32, bytes.as_ptr(), bytes.len()) })
}

pub(crate) fn http_end(exchange: Handle, flags: u32, trailers: &[u8]) -> Result<()> {
    done(unsafe { imports::http_end(exchange as i64, flags as i32, trailers.as_ptr(), trailers.len()) })
}

pub(crate) fn http_inform(exchange: Handle, status: u16, fields: &[u8]) -> Result<()> {
    done(unsafe { imports::http_inform(exchange as i64, i32::from(status), fields.as_ptr(), fields.len()) })
}

pub(crate) fn http_watch(exchange: Handle) -> Result<()> {
    done(unsafe { imports::http_watch(exchange as i64) })
}

pub(crate) fn http_upgrade(exchange: Handle) -> Result<Handle> {
    handle(unsafe { imports::http_upgrade(exchange as i64) })
}

pub(crate) fn credit(of: Handle, bytes: u32) {
    // A handle that is gone needs no credit.
    unsafe { imports::credit(of as i64, bytes as i32) };
}

pub(crate) fn net_connect(host: &str, port: i32, options: &ConnectOptions) -> Result<Handle> {
    let options: *const ConnectOptions = options;
    let size = std::mem::size_of::<ConnectOptions>();
    handle(unsafe { imports::net_connect(host.as_ptr(), host.len(), port, options as *const u8, size) })
}

/// Responses are read from the stream, with the policy's limits.
pub(crate) fn http_client(stream: Handle) -> Result<()> {
    done(unsafe { imports::http_client(stream as i64, std::ptr::null(), 0) })
}

pub(crate) fn http_expect(stream: Handle, kind: u32) -> Result<()> {
    done(unsafe { imports::http_expect(stream as i64, kind as i32) })
}

pub(crate) fn stream_write(stream: Handle, bytes: &[u8]) -> Result<u32> {
    count(unsafe { imports::stream_write(stream as i64, bytes.as_ptr(), bytes.len()) })
}

pub(crate) fn stream_shutdown(stream: Handle) -> Result<()> {
    done(unsafe { imports::stream_shutdown(stream as i64) })
}

pub(crate) fn stream_reset(stream: Handle) -> Result<()> {
    done(unsafe { imports::stream_reset(stream as i64) })
}

pub(crate) fn stream_option(stream: Handle, option: u32, value: i64) -> Result<()> {
    done(unsafe { imports::stream_option(stream as i64, option as i32, value) })
}

pub(crate) fn udp_bind(host: &str, port: u16, flags: u32) -> Result<Handle> {
    handle(unsafe { imports::udp_bind(host.as_ptr(), host.len(), i32::from(port), flags as i32) })
}

/// An empty host takes it back.
pub(crate) fn udp_connect(socket: Handle, host: &str, port: u16) -> Result<()> {
    done(unsafe { imports::udp_connect(socket as i64, host.as_ptr(), host.len(), i32::from(port)) })
}

/// An empty host is where the socket is connected.
pub(crate) fn udp_send(socket: Handle, host: &str, port: u16, bytes: &[u8]) -> Result<u32> {
    let (at, port) = (host.as_ptr(), i32::from(port));
    count(unsafe { imports::udp_send(socket as i64, at, host.len(), port, bytes.as_ptr(), bytes.len()) })
}

pub(crate) fn udp_option(socket: Handle, option: u32, value: i64) -> Result<()> {
    done(unsafe { imports::udp_option(socket as i64, option as i32, value) })
}

pub(crate) fn udp_member(socket: Handle, group: &str, interface: &str, join: bool) -> Result<()> {
    let (at, of) = (group.as_ptr(), interface.as_ptr());
    done(unsafe { imports::udp_member(socket as i64, at, group.len(), of, interface.len(), i32::from(join)) })
}

/// `request` is a FileRequest record and the path or paths after it.
pub(crate) fn fs_queue(op: i32, request: &[u8], data: &[u8]) -> Result<Handle> {
    handle(unsafe { imports::fs_queue(op, request.as_ptr(), request.len(), data.as_ptr(), data.len()) })
}

pub(crate) fn fs_watch(path: &str) -> Result<Handle> {
    handle(unsafe { imports::fs_watch(path.as_ptr(), path.len()) })
}

pub(crate) fn name_lookup(host: &str, family: i32) -> Result<Handle> {
    handle(unsafe { imports::name_lookup(host.as_ptr(), host.len(), family, 0) })
}

/// `family port address` as text.
pub(crate) fn address(of: Handle, side: u32) -> Result<String> {
    let mut text = [0u8; 160];
    let length = count(unsafe { imports::address(of as i64, side as i32, text.as_mut_ptr(), text.len()) })?;
    Ok(String::from_utf8_lossy(&text[..text.len().min(length as usize)]).into_owned())
}

/// An entry of the environment, its table of descriptors and its texts laid out as `child_start` takes them.
pub(crate) fn child_start(options: &[u8], texts: &[u8]) -> Result<Handle> {
    handle(unsafe { imports::child_start(options.as_ptr(), options.len(), texts.as_ptr(), texts.len()) })
}

pub(crate) fn clone() -> Result<Handle> {
    handle(unsafe { imports::clone() })
}

pub(crate) fn child_stdio(child: Handle, index: u32) -> Result<Handle> {
    handle(unsafe { imports::child_stdio(child as i64, index as i32) })
}

pub(crate) fn child_channel(child: Handle) -> Result<Handle> {
    handle(unsafe { imports::child_channel(child as i64) })
}

pub(crate) fn child_kill(child: Handle, signal: i32) -> Result<()> {
    done(unsafe { imports::child_kill(child as i64, signal) })
}

pub(crate) fn parent_channel() -> Result<Handle> {
    handle(unsafe { imports::parent_channel() })
}

/// `attach`: what travels with it, or 0.
pub(crate) fn channel_send(channel: Handle, flags: u32, bytes: &[u8], attach: Handle) -> Result<u32> {
    count(unsafe { imports::channel_send(channel as i64, flags as i32, bytes.as_ptr(), bytes.len(), attach as i64) })
}
