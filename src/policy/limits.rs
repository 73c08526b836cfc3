//! Every limit, in one file: the unit stands in the name, the reason beside it. It must not know who
//! enforces a limit. Node's own defaults are marked with the option that changes them.
use super::bounds::AtLimit;
use super::bucket::Rate;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds of one guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Linear memory. Node's default old space is larger; a cell is meant for one program. One guest has less than 2 GiB however much it
    /// may (`guest/image.rs`); a limit that is a tree's can be more.
    pub memory_bytes: u64,
    /// CPU that the guest may use in all (`--cpu`); none for a program that the user started himself.
    pub cpu_total: Option<Duration>,
    /// CPU that a process of a tree may still use when the tree has used up its own: a parent hears how its child has ended, and
    /// can say so.
    pub last_words: Duration,
    /// The memory is that of all processes of a tree together (`purse.rs`), as limits of CPU always are: whoever names a limit
    /// means what is started by it. Where none was named each process has the default for itself, as one of Node's has.
    pub memory_of_tree: bool,
    /// CPU nanoseconds a second: none for a program that the user started himself; a tenant is one of many. The burst lets
    /// a script be loaded at full speed.
    pub cpu_ns: Option<Rate>,
    /// What is done with a guest that has used them up.
    pub at_cpu: AtLimit,
    /// Time a guest runs before others get their turn: below a person's notice, above switch costs.
    pub slice: Duration,
    /// Nanoseconds in which its clocks go forward, all of them (row T01): what a neighbour does in the processor's caches shows in
    /// times far below. None tells more than the system's own where it is 1.
    pub clock_ns: u32,
    /// Handles of one guest: bounds host memory that a leaking script can pin (row M08).
    pub handles: u32,
    /// Bytes of one log call and of one line buffer (rows L01, M07).
    pub log_call_bytes: u32,
    /// Bytes of log that may wait for a slow terminal or pipe before calls answer EAGAIN (row L01).
    pub log_pending_bytes: u32,
    /// Bytes of log a second; what is more is dropped and counted (row L01). A program's own terminal or pipe sets its pace:
    /// none.
    pub log_bytes: Option<Rate>,
    /// Bytes sent a second, on all sockets: one tenant does not fill the machine's line.
    pub bytes_out: Option<Rate>,
    /// What is done with a guest that sends more.
    pub at_bytes_out: AtLimit,
    /// Requests a second of a tenant; none: CPU bounds them. What is done with more: they are answered in its stead.
    pub requests: Option<Rate>,
    pub at_requests: AtLimit,
    /// What is done with connections beyond `connections` that came by a front: they are answered.
    pub at_connections: AtLimit,
    /// Sockets that the guest has opened itself, TCP, UNIX and UDP, at once (row N06).
    pub sockets: u32,
    /// Sockets opened so, a second: no port scan (row N06).
    pub connects: Option<Rate>,
    /// What happens at a limit is told in the guest's log, a line a second at most for each limit: for who reads the logs of
    /// many.
    pub tell_limits: bool,
    /// Bytes that one call may hand over: one body chunk, one stream write.
    pub call_bytes: u32,
    /// Bytes that one call of a plain WASI program may have the host read of its memory: one write of a large file (row M06).
    pub wasi_call_bytes: u32,
    /// Bytes of commands that one turn may queue before the guest is made to wait (row M06).
    pub outbox_bytes: usize,
    /// Bytes that may wait to be sent on one connection; beyond it writes answer EAGAIN (row H04).
    pub connection_pending_bytes: u32,
    /// Bytes that may wait to be sent in all of a guest's connections (row H04).
    pub guest_pending_bytes: u64,
    /// Bytes of a file that a guest reads whole (`readFileSync`, `require`).
    pub file_bytes: u64,
    /// Bytes that the files in all folders that it may write hold together, by their sizes (row F05); none for a program, whose
    /// user has a disk of his own.
    pub disk_bytes: Option<u64>,
    /// Entries of these folders (row F05): what a file takes beyond its size is a block at most for each.
    pub disk_entries: Option<u64>,
    /// Bytes that one file may grow to, as RLIMIT_FSIZE: none, since `disk_bytes` bounds it.
    pub disk_file_bytes: Option<u64>,
    /// Entries looked at when these folders are measured, some seconds of a thread: where there are more they are taken to be full.
    pub disk_walk_entries: u64,
    /// Time from one measuring to the next: others may have made room.
    pub disk_walk_ms: u32,
    /// Bytes of blobs that a guest may hold open at once.
    pub blob_bytes: u64,
    /// Files and folders open at once: descriptors are the whole process's, and sockets need them too.
    pub files: u32,
    /// Watched files and folders: the system's own bound is for all processes of a user.
    pub watches: u32,
    /// Length of a path, as PATH_MAX.
    pub path_bytes: u32,
    /// Operations off the loop (files, names) of one guest that threads work on at once: as many as libuv's pool has.
    pub operations_at_once: u32,
    /// Operations of one guest that are begun and not over; beyond it calls answer EAGAIN.
    pub operations: u32,
    /// Bytes that a guest's operations were given (what is to be written) and are held until they are over.
    pub operation_bytes: u64,
    /// Random bytes of one call.
    pub random_bytes: u32,
    /// Listening sockets (row H02).
    pub listeners: u32,
    /// Accepted and opened connections at once; connections beyond it wait in the kernel.
    pub connections: u32,
    /// Events in one batch: bounds one turn.
    pub batch_events: u32,
    /// Elements of the guest's function tables (row M03).
    pub table_elements: u32,
    /// Processes that a guest has started and that have not ended: each has a channel and pipes here.
    pub children: u32,
    /// Processes in a line from the first one to the last (row P01).
    pub fork_depth: u32,
    /// Processes that may be started at once, and a second after that, in a whole tree: enough for a pool of workers
    /// on a large machine, and no storm (row P01).
    pub fork_burst: u32,
    pub forks_per_second: u32,
    /// Bytes of a child's program, arguments and environment, as a kernel bounds them.
    pub order_bytes: u32,
    /// Descriptors that a child is given.
    pub child_descriptors: u32,
    /// Bytes of one frame of a channel (row P04).
    pub frame_bytes: u32,
    /// Bytes of one message in all its parts (row P04).
    pub message_bytes: u32,
    /// Connections that a worker was offered and has not begun; the others stay in the kernel's queue, where any worker
    /// can have them.
    pub offers: u32,
    /// How long a process whose parent is gone may take to end (row P09).
    pub orphan_ms: u32,
    /// Limits of the HTTP server that the script cannot lift.
    pub http: HttpLimits,
}

/// Bounds on HTTP peers. Node's option names where Node has one; times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpLimits {
    /// Messages that llhttp takes with its lenient modes off are taken, where rules R4, R8, R9 and R10 of the security
    /// cases are stricter: the operator says that nothing before Skep reads them in another way. Never a guest's to choose.
    pub as_node: bool,
    /// `maxHeaderSize`: Node's default.
    pub max_header_size: u32,
    /// What a script may raise it to: a head is kept in memory while it is incomplete.
    pub max_header_size_cap: u32,
    /// `maxHeadersCount`: Node's documented default; more is 431, never truncated (CVE-2026-58044).
    pub max_headers: u32,
    /// Bytes of chunk extensions in one message: Node's bound (CVE-2024-22019).
    pub chunk_extension_bytes: u32,
    /// Bytes of a trailer block.
    pub trailer_bytes: u32,
    /// Requests of one connection that wait for their answer; further ones stay in the kernel.
    pub pipelined: u32,
    /// Slow POST: after the grace a body must keep up this rate.
    pub min_body_bytes_per_second: u32,
    /// Slow read: after the grace a client must take this many bytes a second.
    pub min_drain_bytes_per_second: u32,
    /// Grace of both rates.
    pub rate_grace_ms: u32,
    /// After a 4xx for a malformed request: bytes read and thrown away, so that the answer arrives (R11).
    pub linger_bytes: u32,
    /// The same as time.
    pub linger_ms: u32,
    /// A worker that leaves lets its connections ask this much longer: what comes within it is answered, and closed then.
    pub farewell_ms: u32,
    /// On SIGINT or SIGTERM responses in flight get this long.
    pub drain_ms: u32,
}

/// Bounds of a hall that serves many tenants, in front of each tenant's own.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// Connections that no tenant has: reading their first head, waiting for a start, idle. Each is a small allocation.
    pub visitors: u32,
    /// Bytes of requests that these hold: what many slow heads may pin.
    pub visitor_bytes: usize,
    /// Bytes of a PROXY header of version 2: addresses, names and a certificate's subject are far below.
    pub proxy_bytes: u32,
    /// Requests that wait for one tenant's start; more answer 503 at once.
    pub waiting: u32,
    /// `headersTimeout` before a tenant is known: Node's default.
    pub head_ms: u32,
    /// How long a connection without a request may stay: Node's `keepAliveTimeout`.
    pub idle_ms: u32,
    /// How long a tenant may take from its start until it listens: others' pools and migrations take seconds.
    pub start_ms: u32,
    /// How long an instance that is being replaced or stopped may go on with what it has begun.
    pub drain_ms: u32,
    /// How long it may take after SIGTERM, when nothing is open any more.
    pub farewell_ms: u32,
    /// A tenant without a request for so long is stopped, if it holds nothing but its listener.
    pub idle_stop_ms: u32,
    /// An instance that has had nothing to do for so long gives its pages back: to do that and to undo it costs about half a
    /// millisecond, so once in this time is a ten-thousandth of a core.
    pub doze_ms: u32,
    /// A tenant that has done nothing for so long is put to sleep: longer than a browser keeps a page's requests apart.
    pub hibernate_ms: u32,
    /// Most that one may have written of its memory to be put to sleep, bytes: as much may be held twice for a moment, while it
    /// is written, and while it is read again.
    pub hibernate_bytes: usize,
    /// Bytes on disk of all that sleep, over all processes: it lies where the user's caches do.
    pub dens_bytes: u64,
    /// Whose next timer is due this soon stays awake: falling asleep and waking cost more than so little sleep saves.
    pub near_timer_ms: u32,
    /// How long an instance that has listened may take to come to rest for its snapshot, while its first requests wait.
    pub snapshot_wait_ms: u32,
    /// Most that it may have written of its memory: it is copied within one turn of the loop, and each start copies it again.
    pub snapshot_bytes: u64,
    /// The same of all tenants together: snapshots lie in memory.
    pub snapshots_bytes: u64,
    /// Those that are kept on disk, and their bytes: the oldest go. They lie where the user's caches do.
    pub snapshot_files: usize,
    pub snapshots_disk_bytes: u64,
    /// Bytes of the list of files that it has looked at (some thousand paths), and of what it has been told of them: before each
    /// start from a snapshot they are looked at again, and those that have changed lately are read.
    pub snapshot_ledger_bytes: usize,
    pub snapshot_told_bytes: usize,
    /// How often tenants with more or fewer instances by load are looked at, and processes of tenants with something to do are
    /// asked whether they go on.
    pub look_ms: u32,
    /// Questions in a row that a process of tenants may leave unanswered before it is ended: its loop's turns are some
    /// milliseconds, and a machine that is short of memory may stop it for seconds.
    pub beats_missed: u32,
    /// Bytes of what a process of tenants tells when an operator asks: so many in any case, since a tenant may have had more
    /// instances a moment ago; so many for each tenant and each guest, whose limits and latencies are in it; and so many in all,
    /// which 100,000 tenants that are stopped and some thousand that live stay below. It is kept until the next answer.
    pub view_least: usize,
    pub view_bytes: usize,
    pub view_guest_bytes: usize,
    pub view_most: usize,
    /// Bytes of one line that a tenant prints; longer ones are cut into several (row L01).
    pub line_bytes: u32,
    /// Newest lines of one tenant's log that are kept for operators: some hundred.
    pub log_ring_bytes: u32,
    /// The same of all tenants together: beyond it each keeps `log_ring_least`.
    pub log_rings_bytes: usize,
    pub log_ring_least: u32,
    /// What may wait for an operator who follows a log, or for who reads traces; lines beyond it are dropped and counted.
    pub log_follow_bytes: u32,
}

impl Default for ServeLimits {
    fn default() -> Self {
        ServeLimits {
            visitors: 65_536,
            visitor_bytes: 64 << 20,
            proxy_bytes: 4096,
            waiting: 1024,
            head_ms: 60_000,
            idle_ms: 65_000,
            start_ms: 30_000,
            drain_ms: 30_000,
            farewell_ms: 1000,
            idle_stop_ms: 300_000,
            doze_ms: 5000,
            hibernate_ms: 30_000,
            hibernate_bytes: 256 << 20,
            dens_bytes: 32 << 30,
            near_timer_ms: 1000,
            snapshot_wait_ms: 1000,
            snapshot_bytes: 16 << 20,
            snapshots_bytes: 1 << 30,
            snapshot_files: 10_000,
            snapshots_disk_bytes: 8 << 30,
            snapshot_ledger_bytes: 512 << 10,
            snapshot_told_bytes: 16 << 20,
            look_ms: 1000,
            beats_missed: 10,
            view_least: 512 << 10,
            view_bytes: 512,
            view_guest_bytes: 8 << 10,
            view_most: 96 << 20,
            line_bytes: 8 << 10,
            log_ring_bytes: 64 << 10,
            log_rings_bytes: 64 << 20,
            log_ring_least: 4 << 10,
            log_follow_bytes: 1 << 20,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 512 << 20,
            cpu_total: None,
            last_words: Duration::from_millis(20),
            memory_of_tree: false,
            cpu_ns: None,
            at_cpu: AtLimit::Throttle,
            slice: Duration::from_millis(5),
            clock_ns: 1,
            handles: 65_536,
            log_call_bytes: 64 << 10,
            log_pending_bytes: 1 << 20,
            log_bytes: None,
            bytes_out: None,
            at_bytes_out: AtLimit::Throttle,
            requests: None,
            at_requests: AtLimit::Refuse,
            at_connections: AtLimit::Shed,
            sockets: u32::MAX,
            connects: None,
            tell_limits: false,
            call_bytes: 64 << 20,
            wasi_call_bytes: 128 << 20,
            outbox_bytes: 64 << 20,
            connection_pending_bytes: 8 << 20,
            guest_pending_bytes: 256 << 20,
            file_bytes: 256 << 20,
            disk_bytes: None,
            disk_entries: None,
            disk_file_bytes: None,
            disk_walk_entries: 1_000_000,
            disk_walk_ms: 60_000,
            blob_bytes: 512 << 20,
            files: 4096,
            watches: 8192,
            path_bytes: 4096,
            operations_at_once: 4,
            operations: 1024,
            operation_bytes: 64 << 20,
            random_bytes: 64 << 10,
            listeners: 64,
            connections: 65_536,
            batch_events: 1024,
            table_elements: 100_000,
            children: 1024,
            fork_depth: 8,
            fork_burst: 64,
            forks_per_second: 16,
            order_bytes: 2 << 20,
            child_descriptors: 64,
            frame_bytes: 1 << 20,
            message_bytes: 256 << 20,
            offers: 16,
            orphan_ms: 900,
            http: HttpLimits::default(),
        }
    }
}

impl Limits {
    /// Whether anything bounds what lies on disk: else nobody counts it.
    pub fn bound_disk(&self) -> bool {
        self.disk_bytes.or(self.disk_entries).or(self.disk_file_bytes).is_some()
    }

    /// Of one of many guests in a process, whose owner is not the process's.
    pub fn tenant() -> Limits {
        const CPU_SECOND: u64 = 1_000_000_000;
        Limits {
            // A quarter of what a program has: a small machine then holds some at their limit, and thousands below it.
            memory_bytes: 128 << 20,
            // A quarter of a program's: what one that computes adds to a neighbour's answers. A connection that waits for each
            // answer still gets 800 a second beside it.
            slice: Duration::from_micros(1250),
            // Half a core on end; two seconds at once, for a large application that is being loaded.
            cpu_ns: Some(Rate { per_second: CPU_SECOND / 2, burst: 2 * CPU_SECOND }),
            // More than anybody reads; a day of it fills 86 GiB.
            log_bytes: Some(Rate { per_second: 1 << 20, burst: 1 << 20 }),
            // A gigabit line holds several.
            bytes_out: Some(Rate { per_second: 32 << 20, burst: 64 << 20 }),
            // A pool of connections to a database and some APIs.
            sockets: 64,
            connects: Some(Rate { per_second: 50, burst: 100 }),
            tell_limits: true,
            // As browsers do for pages that share a process; whole milliseconds, which Date knows, stay what they are.
            clock_ns: 100_000,
            // The process's descriptors are shared by all of them (row H01).
            handles: 4096,
            files: 64,
            // A twentieth of a small disk; whoever keeps more has an operator who knows.
            disk_bytes: Some(1 << 30),
            disk_entries: Some(100_000),
            watches: 16,
            listeners: 16,
            connections: 1024,
            // What one guest makes the host keep (row H04).
            guest_pending_bytes: 32 << 20,
            outbox_bytes: 16 << 20,
            call_bytes: 16 << 20,
            blob_bytes: 64 << 20,
            operations: 64,
            operation_bytes: 16 << 20,
            log_pending_bytes: 256 << 10,
            ..Limits::default()
        }
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        HttpLimits {
            as_node: false,
            max_header_size: 16 << 10,
            max_header_size_cap: 256 << 10,
            max_headers: 2000,
            chunk_extension_bytes: 16 << 10,
            trailer_bytes: 8 << 10,
            pipelined: 64,
            min_body_bytes_per_second: 240,
            min_drain_bytes_per_second: 1024,
            rate_grace_ms: 10_000,
            linger_bytes: 64 << 10,
            linger_ms: 1000,
            farewell_ms: 1000,
            drain_ms: 10_000,
        }
    }
}
