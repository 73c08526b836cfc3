//! What guests print, on its way to standard output and error. A terminal, pipe or file that takes
//! nothing more must not hold up the loop: what does not go out at once waits, within limits, and a
//! timer tries again. It must not know who prints.
use super::Hall;
use super::process::Hold;
use super::timers::Token;
use crate::reactor::Kernel;
use crate::time::Clock;
use std::collections::VecDeque;
use std::time::Duration;

/// Whose the hall's own lines are.
const NOBODY: u32 = u32::MAX;

/// How soon a full output is tried again.
const RETRY: Duration = Duration::from_millis(2);

/// Where log bytes go. Answers how many were taken now; 0 when it would block.
pub trait LogSink {
    /// Columns and rows of the terminal that it is.
    fn window(&self, _fd: u8) -> Option<(u16, u16)> {
        None
    }
    /// `fd` is 1 or 2. An error means that nobody will ever read it: the bytes are dropped.
    fn write(&mut self, fd: u8, bytes: &[u8]) -> std::io::Result<usize>;
    /// Waits a while, or until it takes more, for the end of the process.
    fn wait(&mut self, fd: u8);
}

struct Waiting {
    fd: u8,
    guest: u32,
    bytes: Vec<u8>,
    sent: usize,
}

/// Bytes on their way out.
pub struct Logs {
    sink: Box<dyn LogSink>,
    waiting: VecDeque<Waiting>,
    /// Bytes of these that have not gone out.
    bytes: usize,
    armed: bool,
}

impl Logs {
    /// Columns and rows of the terminal that is written to, if it is one.
    pub(super) fn window(&self, fd: u8) -> Option<(u16, u16)> {
        self.sink.window(fd)
    }

    pub fn new(sink: Box<dyn LogSink>) -> Logs {
        Logs { sink, waiting: VecDeque::new(), bytes: 0, armed: false }
    }

    /// Writes now what goes out now. Answers how many of the bytes are done with.
    fn push(&mut self, guest: u32, fd: u8, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while self.waiting.is_empty() && sent < bytes.len() {
            match self.sink.write(fd, &bytes[sent..]) {
                Ok(0) => break,
                Ok(count) => sent += count,
                Err(_) => return bytes.len(),
            }
        }
        if sent < bytes.len() {
            self.bytes += bytes.len() - sent;
            self.waiting.push_back(Waiting { fd, guest, bytes: bytes[sent..].to_vec(), sent: 0 });
        }
        sent
    }

    /// Bytes that wait to be written.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// Tries what waits; tells whose bytes went out.
    pub(super) fn pump(&mut self, mut gone: impl FnMut(u32, usize)) {
        while let Some(first) = self.waiting.front_mut() {
            match self.sink.write(first.fd, &first.bytes[first.sent..]) {
                Ok(0) => return,
                Ok(count) => {
                    first.sent += count;
                    self.bytes -= count;
                    gone(first.guest, count);
                }
                Err(_) => {
                    self.bytes -= first.bytes.len() - first.sent;
                    gone(first.guest, first.bytes.len() - first.sent);
                    first.sent = first.bytes.len();
                }
            }
            if first.sent == first.bytes.len() {
                self.waiting.pop_front();
            }
        }
    }

    /// Tries what waits, then waits a while if that was not all; answers whether something is left.
    pub(super) fn wait(&mut self) -> bool {
        self.pump(|_, _| {});
        let Some(first) = self.waiting.front() else { return false };
        self.sink.wait(first.fd);
        true
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A guest prints.
    pub(super) fn log(&mut self, guest: u32, fd: u8, bytes: &[u8]) {
        if let Some(tenancy) = self.seats[guest as usize].tenancy {
            return self.tenant_prints(guest, tenancy.tenant, fd, bytes);
        }
        let sent = self.logs.push(guest, fd, bytes);
        self.log_gone(guest, sent);
        self.logs_arm();
    }

    /// The host says something in a guest's log.
    pub(super) fn log_of_host(&mut self, guest: u32, line: &[u8]) {
        let pending = &mut self.seats[guest as usize].guest.state_mut().log_pending;
        *pending = pending.saturating_add(line.len() as u32);
        self.log(guest, 2, line);
    }

    /// Lines of the hall's making go out, for so many bytes of a guest's, if they are a guest's.
    pub(super) fn print(&mut self, of: Option<(u32, usize)>, fd: u8, lines: &[u8]) {
        let (guest, count) = of.unwrap_or((NOBODY, 0));
        let sent = self.logs.push(guest, fd, lines);
        if self.seats.contains(guest as usize) {
            // What waits is counted as it goes out, in bytes of lines: a guest is never charged for less than it printed.
            let waits = lines.len() - sent;
            let state = self.seats[guest as usize].guest.state_mut();
            state.log_pending = state.log_pending.saturating_sub(count as u32).saturating_add(waits as u32);
            state.meter.log_bytes += count as u64;
        }
        self.logs_arm();
    }

    pub(super) fn logs_timer(&mut self) {
        self.logs.armed = false;
        let seats = &mut self.seats;
        self.logs.pump(|guest, count| {
            if let Some(seat) = seats.get_mut(guest as usize) {
                let state = seat.guest.state_mut();
                state.log_pending = state.log_pending.saturating_sub(count as u32);
            }
        });
        self.logs_arm();
    }

    /// A guest that has yielded since no more of its log can wait goes on when whoever reads has caught up: nothing that a
    /// script prints is lost, as with Node's pipes. A tenant loses what nobody reads: its neighbours' log is the same pipe.
    pub(super) fn hold_for_log(&mut self, guest: u32) {
        let seat = &mut self.seats[guest as usize];
        let full = std::mem::take(&mut seat.guest.state_mut().log_full);
        if full && seat.tenancy.is_none() && seat.hold.is_none() && self.is_log_long(guest) {
            self.hold(guest, Hold::Log, None);
        }
    }

    /// Whether more than half of what may wait does.
    pub(super) fn is_log_long(&self, guest: u32) -> bool {
        let state = self.seats[guest as usize].guest.state();
        state.log_pending > state.limits.log_pending_bytes / 2
    }

    fn logs_arm(&mut self) {
        if !self.logs.armed && !self.logs.waiting.is_empty() {
            self.logs.armed = true;
            self.timers.arm(self.now.plus(RETRY), Token::Logs.pack());
        }
    }

    fn log_gone(&mut self, guest: u32, count: usize) {
        let state = self.seats[guest as usize].guest.state_mut();
        state.log_pending = state.log_pending.saturating_sub(count as u32);
        state.meter.log_bytes += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// Takes so many bytes; none: nobody is there any more.
    struct Narrow(Rc<Cell<Option<usize>>>);

    impl LogSink for Narrow {
        fn write(&mut self, _fd: u8, bytes: &[u8]) -> std::io::Result<usize> {
            let room = self.0.get().ok_or(std::io::ErrorKind::BrokenPipe)?;
            let count = bytes.len().min(room);
            self.0.set(Some(room - count));
            Ok(count)
        }

        fn wait(&mut self, _fd: u8) {}
    }

    #[test]
    fn bytes_that_wait_are_counted_as_they_come_and_as_they_go() {
        let room = Rc::new(Cell::new(Some(3)));
        let mut logs = Logs::new(Box::new(Narrow(room.clone())));
        assert_eq!((logs.push(0, 1, b"12345"), logs.waiting_bytes()), (3, 2));
        assert_eq!((logs.push(1, 2, b"678"), logs.waiting_bytes()), (0, 5));
        room.set(Some(4));
        let mut gone = Vec::new();
        logs.pump(|guest, count| gone.push((guest, count)));
        assert_eq!((gone, logs.waiting_bytes()), (vec![(0, 2), (1, 2)], 1));
        assert_eq!((logs.push(2, 1, b"9"), logs.waiting_bytes()), (0, 2));
        room.set(None);
        let mut gone = Vec::new();
        logs.pump(|guest, count| gone.push((guest, count)));
        assert_eq!((gone, logs.waiting_bytes()), (vec![(1, 1), (2, 1)], 0), "nobody waits for what nobody reads");
        assert_eq!((logs.push(0, 1, b"0"), logs.waiting_bytes()), (1, 0));
    }
}
