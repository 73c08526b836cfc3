//! Futures on the same events: [`spawn`] runs one to its end, and the functions here wait for what elsewhere is told by
//! callbacks. It must not know the host: a task goes on when something that it waits for was told.
//!
//! ```no_run
//! use skep_guest::{net, task, timer};
//! use std::time::Duration;
//!
//! fn main() {
//!     task::spawn(async {
//!         let mut stream = task::connect("127.0.0.1:7").await.expect("somebody listens there");
//!         stream.write(b"ping").expect("the stream is open");
//!         while let Some(bytes) = stream.next().await.expect("the stream is open") {
//!             skep_guest::println!("{} bytes", bytes.len());
//!         }
//!         task::sleep(Duration::from_secs(1)).await;
//!     });
//! }
//! # fn net() { let _ = net::connect("", |_| ()); let _ = timer::now(); }
//! ```
use crate::net::{self, Event, Stream};
use crate::{http, timer, Error, Result};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

type Running = Pin<Box<dyn Future<Output = ()>>>;

/// Wakes one task. A guest has one thread: the atomic is what `Waker` asks for.
struct Bell {
    task: u64,
    rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if !self.rung.swap(true, Ordering::Relaxed) {
            READY.with(|ready| ready.borrow_mut().push_back(self.task));
        }
    }
}

thread_local! {
    static TASKS: RefCell<HashMap<u64, (Running, Arc<Bell>)>> = RefCell::new(HashMap::new());
    /// To be polled, in the order in which they were woken.
    static READY: RefCell<VecDeque<u64>> = RefCell::new(VecDeque::new());
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Runs a future to its end, beside everything else. It begins when what is running has returned.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    let task = NEXT.with(|next| next.replace(next.get() + 1));
    let bell = Arc::new(Bell { task, rung: AtomicBool::new(false) });
    TASKS.with(|tasks| tasks.borrow_mut().insert(task, (Box::pin(future), bell.clone())));
    bell.wake();
}

/// Polls what was woken, until nothing is.
pub(crate) fn run_ready() {
    while let Some(task) = READY.with(|ready| ready.borrow_mut().pop_front()) {
        // Out of the table meanwhile: it may spawn others, and who wakes one that is over wakes nobody.
        let found = TASKS.with(|tasks| tasks.borrow_mut().remove(&task));
        if let Some((mut future, bell)) = found {
            bell.rung.store(false, Ordering::Relaxed);
            let waker = Waker::from(bell.clone());
            if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                TASKS.with(|tasks| tasks.borrow_mut().insert(task, (future, bell)));
            }
        }
    }
}

/// A value that comes later, and who waits for it.
struct Slot<T> {
    values: VecDeque<T>,
    waker: Option<Waker>,
}

struct Mailbox<T>(Rc<RefCell<Slot<T>>>);

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Mailbox(self.0.clone())
    }
}

impl<T> Mailbox<T> {
    fn new() -> Mailbox<T> {
        Mailbox(Rc::new(RefCell::new(Slot { values: VecDeque::new(), waker: None })))
    }

    fn put(&self, value: T) {
        let mut slot = self.0.borrow_mut();
        slot.values.push_back(value);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }

    fn take(&self) -> Take<'_, T> {
        Take(self)
    }
}

struct Take<'a, T>(&'a Mailbox<T>);

impl<T> Future for Take<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.0 .0.borrow_mut();
        match slot.values.pop_front() {
            Some(value) => Poll::Ready(value),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Waits so long, at least.
pub async fn sleep(delay: Duration) {
    let mailbox = Mailbox::new();
    let post = mailbox.clone();
    timer::after(delay, move || post.put(()));
    mailbox.take().await
}

/// Waits for what is told to a callback once: `task::wait(|then| fs::read("a.txt", then)).await`.
///
/// # Errors
/// What the callback is told, or why there will be no call.
pub async fn wait<T: 'static, B>(begin: impl FnOnce(Box<dyn FnOnce(Result<T>)>) -> Result<B>) -> Result<T> {
    let mailbox = Mailbox::new();
    let post = mailbox.clone();
    let _begun = begin(Box::new(move |result| post.put(result)))?;
    mailbox.take().await
}

/// The whole of a body, of at most `limit` bytes.
///
/// # Errors
/// `EMSGSIZE` when it is longer; what the connection was lost of.
pub async fn read(body: http::Body, limit: usize) -> Result<Vec<u8>> {
    wait(|then| {
        body.read(limit, then);
        Ok(())
    })
    .await
}

/// Asks another server; see [`http::client::Request::send`]. The reply's body is read by [`read`], or in parts.
///
/// # Errors
/// Why there is no reply.
pub async fn send(request: http::client::Request, body: impl AsRef<[u8]>) -> Result<http::Reply> {
    wait(|then| request.send(body, then)).await
}

/// Opens a stream; see [`net::connect`].
///
/// # Errors
/// What connecting failed of.
pub async fn connect(address: &str) -> Result<Reader> {
    let mut opened = None;
    wait(|then| net::connect(address, then).map(|stream| opened = Some(stream))).await?;
    Ok(Reader::new(opened.expect("it was begun")))
}

/// A stream that is read by asking.
pub struct Reader {
    stream: Stream,
    mailbox: Mailbox<Piece>,
    over: bool,
}

enum Piece {
    Data(Vec<u8>, net::Credit),
    End,
    Closed(Option<Error>),
}

impl Reader {
    /// Takes over what the stream tells.
    pub fn new(stream: Stream) -> Reader {
        let mailbox = Mailbox::new();
        let post = mailbox.clone();
        stream.on(move |_, event| match event {
            Event::Data(chunk) => {
                let (bytes, credit) = chunk.into_owned();
                post.put(Piece::Data(bytes, credit));
            }
            Event::End => post.put(Piece::End),
            Event::Closed(error) => post.put(Piece::Closed(error)),
            _ => {}
        });
        Reader { stream, mailbox, over: false }
    }

    /// The next bytes, or none at the end. What is not asked for yet is not read beyond the stream's credit.
    ///
    /// # Errors
    /// What the stream was lost of.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.over {
            return Ok(None);
        }
        match self.mailbox.take().await {
            Piece::Data(bytes, credit) => {
                drop(credit);
                Ok(Some(bytes))
            }
            Piece::End | Piece::Closed(None) => {
                self.over = true;
                Ok(None)
            }
            Piece::Closed(Some(error)) => {
                self.over = true;
                Err(error)
            }
        }
    }

    /// See [`Stream::write`].
    ///
    /// # Errors
    /// Those of [`Stream::write`].
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> Result<crate::Flow> {
        self.stream.write(bytes)
    }

    /// The stream itself.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }
}
