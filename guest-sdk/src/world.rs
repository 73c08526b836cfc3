//! Who is told of which event: a table by handle, and the walk over a batch. It must not know what anyone does when
//! told.
use crate::events::{Batch, Incoming};
use crate::raw::Handle;
use crate::{fs, host, http, net, operation, process, raw, task, timer, udp, worker};
use skep_abi::{events, start};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// What stands behind a handle.
#[derive(Clone)]
pub(crate) enum Entry {
    Server(Rc<http::Serving>),
    Exchange(Rc<http::Exchange>),
    Connection(Rc<http::Connection>),
    Listener(Rc<net::Listening>),
    Stream(Rc<net::Socket>),
    Datagram(Rc<udp::Port>),
    Operation(Rc<operation::Operation>),
    Watch(Rc<fs::Watching>),
    Child(Rc<process::Fork>),
    Channel(Rc<process::Line>),
    Asked(Rc<host::Asked>),
}

/// The low bits of a handle are its place in the host's table, and in ours.
const PLACE: u64 = (1 << 24) - 1;

/// Entries whose place another handle has got, at most: beyond it the oldest go, which hear of nothing any more.
const MOVED: usize = 4096;

thread_local! {
    static TABLE: RefCell<Vec<Option<(Handle, Entry)>>> = const { RefCell::new(Vec::new()) };
    /// A handle may be gone, and its place another's, while its last events still wait to be delivered.
    static MOVED_ON: RefCell<VecDeque<(Handle, Entry)>> = RefCell::new(VecDeque::new());
}

pub(crate) fn insert(handle: Handle, entry: Entry) {
    let place = (handle & PLACE) as usize;
    let before = TABLE.with(|table| {
        let mut table = table.borrow_mut();
        if table.len() <= place {
            table.resize_with(place + 1, || None);
        }
        table[place].replace((handle, entry))
    });
    // Dropped when the tables are free again: what it owns may look into them.
    let dropped = match before {
        Some((other, entry)) if other != handle => MOVED_ON.with(|moved| {
            let mut moved = moved.borrow_mut();
            moved.push_back((other, entry));
            if moved.len() > MOVED {
                moved.pop_front()
            } else {
                None
            }
        }),
        same => same,
    };
    drop(dropped);
}

pub(crate) fn find(handle: Handle) -> Option<Entry> {
    let found = TABLE.with(|table| match table.borrow().get((handle & PLACE) as usize) {
        Some(Some((found, entry))) if *found == handle => Some(entry.clone()),
        _ => None,
    });
    let moved = || MOVED_ON.with(|moved| moved.borrow().iter().find(|it| it.0 == handle).map(|it| it.1.clone()));
    found.or_else(moved)
}

/// Events about it go to nobody from now on.
pub(crate) fn remove(handle: Handle) {
    let removed = TABLE.with(|table| {
        let mut table = table.borrow_mut();
        match table.get_mut((handle & PLACE) as usize) {
            Some(slot) if slot.as_ref().map_or(false, |(found, _)| *found == handle) => slot.take(),
            _ => None,
        }
    });
    let moved = || {
        MOVED_ON.with(|moved| {
            let place = moved.borrow().iter().position(|it| it.0 == handle)?;
            moved.borrow_mut().remove(place)
        })
    };
    drop(removed.or_else(moved));
}

/// One turn: every event of the batch, and what became ready by it.
pub(crate) fn turn(bytes: &[u8]) -> u32 {
    let batch = Batch::new(bytes);
    timer::set_now(batch.mono);
    for event in batch {
        dispatch(&event);
        task::run_ready();
    }
    timer::arm();
    0
}

fn dispatch(event: &Incoming<'_>) {
    match event.kind {
        events::START if event.flags & start::CLONED != 0 => wake(event.flags),
        events::START => begin(),
        events::TIMER => timer::due(),
        events::SIGNAL => process::signal(event.value as i32),
        events::EXIT => process::leave(event.value as i32),
        events::HTTP_REQUEST => http::requested(event),
        events::ACCEPTED => net::accepted(event),
        events::CALL => host::called(event),
        _ => match find(event.handle) {
            Some(Entry::Server(server)) => server.event(event),
            Some(Entry::Exchange(exchange)) => exchange.event(event),
            Some(Entry::Connection(connection)) => http::Connection::event(&connection, event),
            Some(Entry::Listener(listener)) => listener.event(event),
            Some(Entry::Stream(socket)) => net::Socket::event(&socket, event),
            Some(Entry::Datagram(port)) => udp::Port::event(&port, event),
            Some(Entry::Operation(operation)) => operation.event(event),
            Some(Entry::Watch(watching)) => watching.event(event),
            Some(Entry::Child(child)) => child.event(event),
            Some(Entry::Channel(line)) => process::Line::event(&line, event),
            Some(Entry::Asked(asked)) => asked.event(event),
            None => {}
        },
    }
}

fn begin() {
    std::panic::set_hook(Box::new(|info| crate::log::line(2, &info.to_string())));
    worker::begin();
    raw::main();
}

/// The guest goes on from an image: main has run. The host's timer is another host's; children and channels are those of the
/// guest whose image it is, and nobody will hear of them here. What else it had is told by the events that end such
/// things.
fn wake(flags: u16) {
    timer::renew();
    if flags & start::SAME != 0 {
        return;
    }
    worker::forget();
    forget(|entry| match entry {
        // One of them is this very process, which it will be told.
        Entry::Child(child) => !child.waits(),
        Entry::Channel(_) => true,
        _ => false,
    });
}

/// Events about these go to nobody from now on.
pub(crate) fn forget(which: impl Fn(&Entry) -> bool) {
    let gone = TABLE.with(|table| {
        let mut table = table.borrow_mut();
        let found = |slot: &&mut Option<(Handle, Entry)>| matches!(slot, Some((_, entry)) if which(entry));
        table.iter_mut().filter(found).map(Option::take).collect::<Vec<_>>()
    });
    let moved = MOVED_ON.with(|moved| std::mem::take(&mut *moved.borrow_mut()));
    let (also, kept): (VecDeque<_>, VecDeque<_>) = moved.into_iter().partition(|(_, entry)| which(entry));
    MOVED_ON.with(|moved| *moved.borrow_mut() = kept);
    // Dropped when the tables are free again.
    drop((gone, also));
}
