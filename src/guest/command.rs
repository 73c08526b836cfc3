//! Commands: what a guest asked for in its turn, in the order it asked. Bytes stand in one arena that
//! is reused, but for large bodies, which are moved on without another copy. It must not know who
//! carries commands out.
use super::child::ChildPlan;
use super::handles::Handle;
use super::work::Work;
use crate::policy::{Granted, ListenAddress};
use rustix::fd::OwnedFd;
use skep_abi::ListenOptions;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// A stretch of the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub len: u32,
}

/// Bodies from this size on get a buffer of their own, which the outgoing queue takes over as it is.
pub const OWN_BUFFER: usize = 16 << 10;

/// Bytes of a body or a stream write.
#[derive(Debug)]
pub enum Body {
    Small(Span),
    Own(Vec<u8>),
}

impl Body {
    pub fn len(&self) -> usize {
        match self {
            Body::Small(span) => span.len as usize,
            Body::Own(bytes) => bytes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where a stream may be opened to.
#[derive(Debug)]
pub enum Target {
    /// `local`: our own end, when it matters.
    Tcp {
        to: Granted<SocketAddr>,
        local: Option<SocketAddr>,
    },
    Unix(PathBuf),
}

/// One command. Every handle in it was live, and of the right kind, when the guest named it.
#[derive(Debug)]
pub enum Command {
    Log {
        fd: u8,
        text: Span,
    },
    TimerArm {
        deadline: Option<u64>,
        keep: bool,
    },
    SignalWatch {
        signal: i32,
        on: bool,
    },
    /// When the turn has ended.
    Clone {
        child: Handle,
        plan: Box<ChildPlan>,
    },
    Close {
        handle: Handle,
    },
    Listen {
        handle: Handle,
        at: Granted<ListenAddress>,
        backlog: u32,
        options: ListenOptions,
    },
    ListenSet {
        handle: Handle,
        options: ListenOptions,
    },
    CloseIdle {
        handle: Handle,
    },
    CloseAll {
        handle: Handle,
    },
    Attach {
        handle: Handle,
        listener: Option<Handle>,
        options: ListenOptions,
    },
    Feed {
        handle: Handle,
        data: Body,
    },
    Client {
        stream: Handle,
        options: ListenOptions,
    },
    Expect {
        stream: Handle,
        kind: u32,
    },
    Respond {
        exchange: Handle,
        status: u16,
        flags: u32,
        fields: Span,
        body: Body,
    },
    Write {
        exchange: Handle,
        flags: u32,
        body: Body,
    },
    End {
        exchange: Handle,
        flags: u32,
        trailers: Span,
    },
    Inform {
        exchange: Handle,
        status: u16,
        fields: Span,
    },
    Watch {
        exchange: Handle,
    },
    Upgrade {
        exchange: Handle,
        stream: Handle,
    },
    Connection {
        exchange: Handle,
        conn: Handle,
    },
    Credit {
        handle: Handle,
        bytes: u32,
    },
    Connect {
        handle: Handle,
        to: Target,
        flags: u32,
    },
    UdpBind {
        handle: Handle,
        at: Granted<ListenAddress>,
        flags: u32,
    },
    UdpConnect {
        handle: Handle,
        to: Option<Granted<SocketAddr>>,
    },
    UdpSend {
        handle: Handle,
        to: Option<Granted<SocketAddr>>,
        message: Span,
    },
    UdpOption {
        handle: Handle,
        option: u32,
        value: i64,
    },
    UdpMember {
        handle: Handle,
        group: IpAddr,
        interface: String,
        join: bool,
    },
    /// A socket that the process was given becomes a stream.
    OpenStream {
        stream: Handle,
        socket: Arc<OwnedFd>,
    },
    StreamWrite {
        stream: Handle,
        body: Body,
    },
    Shutdown {
        stream: Handle,
    },
    Reset {
        stream: Handle,
    },
    Option {
        handle: Handle,
        option: u32,
        value: i64,
    },
    Work {
        operation: Handle,
        work: Work,
    },
    WatchEntry {
        handle: Handle,
        entry: OwnedFd,
    },
    ChildStart {
        child: Handle,
        plan: Box<ChildPlan>,
    },
    ChildKill {
        child: Handle,
        signal: i32,
    },
    /// Not to be resumed before the child has ended, or this many milliseconds have passed.
    ChildWait {
        child: Handle,
        milliseconds: Option<u64>,
    },
    Kill {
        pid: i32,
        signal: i32,
    },
    Raise {
        signal: i32,
    },
    ChannelSend {
        channel: Handle,
        flags: u32,
        body: Body,
        attach: Option<Handle>,
    },
    Share {
        listener: Handle,
        channel: Handle,
        id: u32,
    },
    Unshare {
        listener: Handle,
        channel: Handle,
    },
    /// What a call of the embedding program came to; flags: constants `value`.
    Reply {
        call: Handle,
        flags: u16,
        value: Body,
    },
    /// A call of one of the embedding program's functions.
    HostCall {
        operation: Handle,
        name: Granted<String>,
        flags: u16,
        value: Body,
    },
    ListenShared {
        handle: Handle,
        id: u32,
        options: ListenOptions,
    },
}

/// What a guest has asked for and nobody has carried out yet.
#[derive(Debug, Default)]
pub struct Outbox {
    commands: Vec<Command>,
    arena: Vec<u8>,
    own_bytes: usize,
    /// Empty buffers for large bodies; the runtime lends them for a turn.
    pub spares: Vec<Vec<u8>>,
    /// A write was refused for want of room here: nothing else will tell its writer to go on.
    pub refused: bool,
}

impl Outbox {
    pub fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Copies bytes into the arena.
    pub fn span(&mut self, bytes: &[u8]) -> Span {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        Span { start, len: bytes.len() as u32 }
    }

    /// Copies a body: into the arena, or a large one into a buffer of its own.
    pub fn body(&mut self, bytes: &[u8]) -> Body {
        if bytes.len() < OWN_BUFFER {
            return Body::Small(self.span(bytes));
        }
        self.own_bytes += bytes.len();
        let mut own = self.spare(bytes.len());
        own.extend_from_slice(bytes);
        Body::Own(own)
    }

    /// An empty buffer for that many bytes. One that is more than twice as large is not taken: a body that waits
    /// should hold about what it is accounted for.
    fn spare(&mut self, len: usize) -> Vec<u8> {
        match self.spares.iter().rposition(|spare| (len..=2 * len).contains(&spare.capacity())) {
            Some(at) => self.spares.swap_remove(at),
            None => Vec::with_capacity(len),
        }
    }

    /// The bytes of a span.
    pub fn bytes(&self, span: Span) -> &[u8] {
        &self.arena[span.start as usize..(span.start + span.len) as usize]
    }

    /// Bytes that the outbox holds, its commands included.
    pub fn size(&self) -> usize {
        self.arena.len() + self.own_bytes + self.commands.len() * size_of::<Command>()
    }

    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Takes the commands out; the arena stays readable until [`Outbox::recycle`].
    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Gives those back that are still to be carried out; the arena stays.
    pub fn put_back(&mut self, mut rest: Vec<Command>) {
        rest.append(&mut self.commands);
        self.commands = rest;
    }

    /// Gives the emptied vector back and clears the arena, keeping both allocations unless they grew large.
    pub fn recycle(&mut self, mut commands: Vec<Command>) {
        commands.clear();
        commands.append(&mut self.commands);
        self.commands = commands;
        self.own_bytes = 0;
        self.arena.clear();
        self.arena.shrink_to(1 << 20);
    }
}
