//! A bare server, for benches/sdk.py: epoll, one read and one write a request, no HTTP but the blank line that ends a head. It
//! sends what the SDK's hello guest sends. `rustc -O epoll.rs && ./epoll PORT`. It must not know Skep.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Event {
    events: u32,
    data: u64,
}

extern "C" {
    fn epoll_create1(flags: i32) -> i32;
    fn epoll_ctl(epoll: i32, op: i32, fd: i32, event: *mut Event) -> i32;
    fn epoll_wait(epoll: i32, events: *mut Event, most: i32, timeout: i32) -> i32;
}

const IN: u32 = 1;
const ET: u32 = 1 << 31;
const LISTENER: u64 = u64::MAX;

fn watch(epoll: i32, fd: RawFd, data: u64, events: u32) {
    // SAFETY: both descriptors are open, and the event lives until the call has returned.
    assert_eq!(unsafe { epoll_ctl(epoll, 1, fd, &mut Event { events, data }) }, 0);
}

fn main() {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    listener.set_nonblocking(true).expect("a listener can be");
    // SAFETY: it takes no memory of ours.
    let epoll = unsafe { epoll_create1(0) };
    watch(epoll, listener.as_raw_fd(), LISTENER, IN);
    let answer: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
        Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 12\r\n\r\nHello World\n";
    let mut clients: Vec<Option<TcpStream>> = Vec::new();
    let (mut events, mut bytes, mut out) = ([Event { events: 0, data: 0 }; 1024], [0u8; 65536], Vec::new());
    loop {
        // SAFETY: the array has room for as many.
        let count = unsafe { epoll_wait(epoll, events.as_mut_ptr(), 1024, -1) };
        for event in &events[..count.max(0) as usize] {
            let data = event.data;
            if data == LISTENER {
                while let Ok((client, _)) = listener.accept() {
                    client.set_nonblocking(true).and_then(|()| client.set_nodelay(true)).expect("a socket can be");
                    let place = clients.iter().position(Option::is_none).unwrap_or(clients.len());
                    watch(epoll, client.as_raw_fd(), place as u64, IN | ET);
                    if place == clients.len() {
                        clients.push(None);
                    }
                    clients[place] = Some(client);
                }
                continue;
            }
            let Some(client) = &mut clients[data as usize] else { continue };
            let alive = match client.read(&mut bytes) {
                Ok(count @ 1..) => {
                    out.clear();
                    let requests = bytes[..count].windows(4).filter(|four| *four == b"\r\n\r\n").count();
                    (0..requests).for_each(|_| out.extend_from_slice(answer));
                    client.write_all(&out).is_ok()
                }
                Ok(_) => false,
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            };
            if !alive {
                clients[data as usize] = None;
            }
        }
    }
}
