//! One connection to a server: what is to be sent waits here until the host takes it, and what comes back goes to the
//! request that is under way. It must not know which other connections there are, nor what a request says.
use crate::body::{Chunk, Credit};
use crate::error::from_value;
use crate::events::{u16_at, Head, Incoming};
use crate::http::client::Home;
use crate::http::inflow::Inflow;
use crate::http::{Body, Reply};
use crate::net::{dial, Address, Stream};
use crate::raw::{self, Handle};
use crate::timer::millis;
use crate::world::{self, Entry};
use crate::{Error, Flow, Result};
use skep_abi::errno::{EAGAIN, EBADF, ECANCELED, ECONNRESET, EPIPE, EPROTO, ETIMEDOUT};
use skep_abi::{events, option, request, DRAIN_ABOVE};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// Bytes that are handed to the host at a time.
const PIECE: usize = 64 << 10;

/// Bytes of a request that may wait here; beyond it writes are `EAGAIN`.
const WAITING: usize = 1 << 20;

/// How long a connection waits for another request: less than servers do.
const IDLE: Duration = Duration::from_secs(4);

pub(crate) type OnReply = Box<dyn FnOnce(Result<Reply>)>;
type OnDrain = Box<dyn FnMut()>;

/// One request and its reply.
pub(crate) struct Transfer {
    /// One of the constants `expect`.
    pub kind: u32,
    /// Without traffic; zero is for ever.
    pub timeout: Duration,
    pub on_reply: RefCell<Option<OnReply>>,
    pub drain: RefCell<Option<OnDrain>>,
    /// Of what was passed on and has not gone out.
    pub held: RefCell<Vec<Credit>>,
    /// The last byte of the request was given.
    pub sent: Cell<bool>,
    /// The connection may go on after it.
    pub keeps: Cell<bool>,
    answered: Cell<bool>,
    inflow: RefCell<Option<Rc<Inflow>>>,
}

impl Transfer {
    pub fn new(kind: u32, timeout: Duration, keeps: bool, on_reply: OnReply) -> Rc<Transfer> {
        Rc::new(Transfer {
            kind,
            timeout,
            on_reply: RefCell::new(Some(on_reply)),
            drain: RefCell::new(None),
            held: RefCell::new(Vec::new()),
            sent: Cell::new(false),
            keeps: Cell::new(keeps),
            answered: Cell::new(false),
            inflow: RefCell::new(None),
        })
    }

    fn fail(&self, error: Error) {
        self.rest();
        let on_reply = self.on_reply.borrow_mut().take();
        let inflow = self.inflow.borrow_mut().take();
        if let Some(call) = on_reply {
            call(Err(error));
        } else if let Some(inflow) = inflow {
            inflow.abort(error);
        }
    }

    /// Nothing more will go out.
    fn rest(&self) {
        self.held.borrow_mut().clear();
        let drain = self.drain.borrow_mut().take();
        drop(drain);
    }
}

/// Bytes in the order in which they are to go.
#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    gone: usize,
}

impl Queue {
    fn len(&self) -> usize {
        self.bytes.len() - self.gone
    }
}

/// One connection.
pub(crate) struct Connection {
    /// Whose it is, as the pool knows them.
    pub key: String,
    home: Weak<Home>,
    /// 0 before there is one.
    handle: Cell<Handle>,
    open: Cell<bool>,
    /// Where else the server is, when it cannot be reached here.
    others: RefCell<VecDeque<Address>>,
    queue: RefCell<Queue>,
    /// The host takes no more before it has told that there is room.
    full: Cell<bool>,
    transfer: RefCell<Option<Rc<Transfer>>>,
    /// Why we have closed it.
    verdict: RefCell<Option<Error>>,
    idle: Cell<Duration>,
}

impl Connection {
    pub fn new(key: String, home: Weak<Home>, transfer: &Rc<Transfer>) -> Rc<Connection> {
        Rc::new(Connection {
            key,
            home,
            handle: Cell::new(0),
            open: Cell::new(false),
            others: RefCell::default(),
            queue: RefCell::default(),
            full: Cell::new(false),
            transfer: RefCell::new(Some(transfer.clone())),
            verdict: RefCell::new(None),
            idle: Cell::new(IDLE),
        })
    }

    /// Opens it to the first of these that takes it.
    pub fn dial(this: &Rc<Connection>, addresses: impl Iterator<Item = Address>) -> Result<()> {
        *this.others.borrow_mut() = addresses.collect();
        Connection::dial_next(this).unwrap_or_else(|| Err(Error::from_errno(skep_abi::errno::ENOTFOUND)))
    }

    /// None when there is nowhere left.
    fn dial_next(this: &Rc<Connection>) -> Option<Result<()>> {
        let mut last = None;
        loop {
            let next = this.others.borrow_mut().pop_front();
            let address = match next {
                Some(address) => address,
                None => return last,
            };
            let opened = this.verdict.borrow().clone().map_or_else(|| dial(&address), Err);
            match opened.and_then(|handle| this.attach(handle).map_err(|error| this.let_go(error))) {
                Ok(()) => {
                    world::insert(this.handle.get(), Entry::Connection(this.clone()));
                    return Some(Ok(()));
                }
                Err(error) => last = Some(Err(error)),
            }
        }
    }

    fn attach(&self, handle: Handle) -> Result<()> {
        self.handle.set(handle);
        raw::http_client(handle)?;
        self.announce()
    }

    /// What was opened can carry nothing.
    fn let_go(&self, error: Error) -> Error {
        let _gone = raw::close(self.handle.replace(0));
        error
    }

    /// Says what is asked, before the answer can come.
    fn announce(&self) -> Result<()> {
        let (handle, transfer) = (self.handle.get(), self.transfer.borrow().clone());
        let (kind, timeout) = transfer.map_or((0, Duration::ZERO), |it| (it.kind, it.timeout));
        raw::http_expect(handle, kind)?;
        raw::stream_option(handle, option::TIMEOUT, i64::from(millis(timeout)))
    }

    /// One that was idle carries another request. Fails when it is gone, or is about to go: what is still told of it is nothing to
    /// that request, which another connection carries.
    pub fn again(&self, transfer: &Rc<Transfer>) -> Result<()> {
        self.verdict.borrow().clone().map_or(Ok(()), Err)?;
        raw::handle_ref(self.handle.get(), true)?;
        *self.transfer.borrow_mut() = Some(transfer.clone());
        let announced = self.announce();
        if let Err(error) = &announced {
            self.transfer.borrow_mut().take();
            self.give_up(error.clone());
        }
        announced
    }

    pub fn carries(&self, transfer: &Rc<Transfer>) -> bool {
        self.transfer.borrow().as_ref().map_or(false, |own| Rc::ptr_eq(own, transfer))
    }

    // ---- Out ----

    /// Queues bytes of the request, all of them, whatever is waiting.
    pub fn push(&self, bytes: &[u8]) -> Result<Flow> {
        self.queue.borrow_mut().bytes.extend_from_slice(bytes);
        self.flush()
    }

    /// Whether so many bytes more are too many.
    pub fn has_room(&self, bytes: usize) -> bool {
        let waits = self.queue.borrow().len();
        waits == 0 || waits + bytes <= WAITING
    }

    fn flush(&self) -> Result<Flow> {
        let mut queue = self.queue.borrow_mut();
        while self.open.get() && !self.full.get() && queue.len() > 0 {
            let end = queue.bytes.len().min(queue.gone + PIECE);
            match raw::stream_write(self.handle.get(), &queue.bytes[queue.gone..end]) {
                Ok(waiting) => {
                    queue.gone = end;
                    self.full.set(waiting > DRAIN_ABOVE);
                }
                Err(error) if error.errno() == EAGAIN => self.full.set(true),
                // An event that says more is on its way.
                Err(error) if error.errno() == EBADF || error.errno() == EPIPE => return Err(error),
                Err(error) => {
                    self.give_up(error.clone());
                    return Err(error);
                }
            }
        }
        if queue.len() == 0 {
            queue.bytes.clear();
            queue.gone = 0;
        }
        Ok(if self.full.get() || queue.len() > 0 { Flow::Full } else { Flow::Open })
    }

    fn drained(this: &Rc<Connection>) {
        this.full.set(false);
        // What fails is told by an event.
        if !matches!(this.flush(), Ok(Flow::Open)) {
            return;
        }
        let transfer = match this.transfer.borrow().clone() {
            Some(transfer) => transfer,
            None => return,
        };
        transfer.held.borrow_mut().clear();
        let call = transfer.drain.borrow_mut().take();
        if let Some(mut call) = call {
            call();
            // Of one that is over nothing is kept: it may own what would keep it.
            if this.carries(&transfer) {
                transfer.drain.borrow_mut().get_or_insert(call);
            }
        }
        Connection::settle(this);
    }

    /// Closes it; the request under way is told why, as an event.
    pub fn give_up(&self, error: Error) {
        self.verdict.borrow_mut().get_or_insert(error);
        if self.handle.get() != 0 {
            let _gone = raw::close(self.handle.get());
        }
    }

    /// The name leads nowhere.
    pub fn unreachable(&self, error: Error) {
        let error = self.verdict.borrow_mut().take().unwrap_or(error);
        let transfer = self.transfer.borrow_mut().take();
        if let Some(transfer) = transfer {
            transfer.fail(error);
        }
    }

    // ---- In ----

    pub fn event(this: &Rc<Connection>, event: &Incoming<'_>) {
        match event.kind {
            events::STREAM_OPEN => {
                this.open.set(true);
                Connection::drained(this);
            }
            events::STREAM_DRAIN => Connection::drained(this),
            events::HTTP_RESPONSE => Connection::head(this, event),
            events::HTTP_BODY => this.body(event.payload),
            events::HTTP_END => Connection::body_end(this, event.payload),
            events::HTTP_FAULT => this.give_up(fault(event.payload)),
            events::STREAM_TIMEOUT => this.give_up(Error::from_errno(ETIMEDOUT)),
            // Whole replies have been told before it.
            events::STREAM_END => this.give_up(Error::from_errno(ECONNRESET)),
            events::STREAM_CLOSED => Connection::closed(this, event.value),
            _ => {}
        }
    }

    fn head(this: &Rc<Connection>, event: &Incoming<'_>) {
        let head = match Head::new(event.payload) {
            Some(head) => head,
            None => return,
        };
        let leaves = head.record.flags & request::UPGRADE != 0;
        let transfer = match this.transfer.borrow().clone() {
            // 1xx: the real one follows. A 101 that nobody has asked for is one.
            Some(transfer) if head.record.conn >= 200 || head.record.conn == 101 => transfer,
            _ => return,
        };
        let call = match transfer.on_reply.borrow_mut().take() {
            Some(call) => call,
            None => return,
        };
        if leaves {
            return call(Ok(Reply::new(&head, Body::whole(head.body.to_vec()), Some(this.leave(head.body.len())))));
        }
        this.take_hint(&transfer, &head);
        if head.record.flags & request::COMPLETE != 0 {
            transfer.answered.set(true);
            Connection::settle(this);
            return call(Ok(Reply::new(&head, Body::whole(head.body.to_vec()), None)));
        }
        let inflow = Rc::new(Inflow::default());
        *transfer.inflow.borrow_mut() = Some(inflow.clone());
        let weak = Rc::downgrade(this);
        inflow.when_unwanted(move || {
            weak.upgrade().into_iter().for_each(|this| this.give_up(Error::from_errno(ECANCELED)));
        });
        this.body(head.body);
        call(Ok(Reply::new(&head, Body::of(inflow), None)));
    }

    /// What the reply says about the time after it.
    fn take_hint(&self, transfer: &Transfer, head: &Head<'_>) {
        let hint = head.fields().find(|(name, _)| name.eq_ignore_ascii_case(b"keep-alive")).and_then(|(_, value)| {
            let text = std::str::from_utf8(value).ok()?;
            let seconds = text.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
            seconds.parse::<u64>().ok()
        });
        // What is sent in its last second may cross the server's FIN.
        let idle = hint.map_or(IDLE, |hint| IDLE.min(Duration::from_secs(hint.saturating_sub(1))));
        self.idle.set(idle);
        let keeps = head.record.flags & request::KEEP_ALIVE != 0 && idle > Duration::ZERO;
        transfer.keeps.set(transfer.keeps.get() && keeps);
    }

    fn body(&self, bytes: &[u8]) {
        let transfer = self.transfer.borrow().clone();
        let inflow = transfer.and_then(|transfer| transfer.inflow.borrow().clone());
        if let Some(inflow) = inflow.filter(|_| !bytes.is_empty()) {
            inflow.data(Chunk::new(bytes, self.handle.get(), true).until(&inflow.over));
        }
    }

    fn body_end(this: &Rc<Connection>, trailers: &[u8]) {
        let transfer = match this.transfer.borrow().clone() {
            Some(transfer) => transfer,
            None => return,
        };
        let inflow = transfer.inflow.borrow_mut().take();
        transfer.answered.set(true);
        Connection::settle(this);
        if let Some(inflow) = inflow {
            inflow.end(trailers);
        }
    }

    /// Once the reply is whole and the request is out, the connection is free.
    pub fn settle(this: &Rc<Connection>) {
        let transfer = match this.transfer.borrow().clone() {
            Some(transfer) if transfer.answered.get() => transfer,
            _ => return,
        };
        if !transfer.keeps.get() {
            return this.give_up(Error::from_errno(EPIPE));
        }
        if transfer.sent.get() && this.queue.borrow().len() == 0 && this.verdict.borrow().is_none() {
            this.transfer.borrow_mut().take();
            transfer.rest();
            let handle = this.handle.get();
            let rests = raw::handle_ref(handle, false)
                .and_then(|()| raw::stream_option(handle, option::TIMEOUT, i64::from(millis(this.idle.get()))));
            if let (Ok(()), Some(home)) = (rests, this.home.upgrade()) {
                return home.keep(this.clone());
            }
            this.give_up(Error::from_errno(ECANCELED));
        }
    }

    /// It is a stream of another protocol now; so many bytes came with the head.
    fn leave(&self, came: usize) -> Stream {
        let transfer = self.transfer.borrow_mut().take();
        if let Some(transfer) = transfer {
            transfer.rest();
        }
        let stream = Stream::open(self.handle.replace(0));
        let _gone = stream.set_timeout(Duration::ZERO);
        drop(Chunk::new(&vec![0; came], stream.handle(), true));
        stream
    }

    fn closed(this: &Rc<Connection>, errno: u32) {
        world::remove(this.handle.replace(0));
        let error = from_value(errno).unwrap_or_else(|| Error::from_errno(ECONNRESET));
        if !this.open.get() && this.verdict.borrow().is_none() {
            match Connection::dial_next(this) {
                Some(Ok(())) => return,
                Some(Err(error)) => return this.unreachable(error),
                None => {}
            }
        }
        if let Some(home) = this.home.upgrade() {
            home.forget(this);
        }
        this.unreachable(error);
    }
}

/// What came is no response: its reason as Node names it.
fn fault(payload: &[u8]) -> Error {
    let (code, message) = (usize::from(u16_at(payload, 4)), usize::from(u16_at(payload, 6)));
    let text =
        |from: usize, len: usize| String::from_utf8_lossy(payload.get(from..from + len).unwrap_or(b"")).into_owned();
    Error::explained(EPROTO, &format!("{} {}", text(8, code), text(8 + code, message)))
}
