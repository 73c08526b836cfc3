//! The bounds that a guest can run into, by name, and what is then done. It must not know who enforces them.
use serde::{Deserialize, Serialize};

/// What a guest has come up against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bound {
    /// CPU time a second.
    Cpu,
    /// Linear memory.
    Memory,
    /// Handles of all kinds.
    Handles,
    /// Sockets opened by the guest at once.
    Sockets,
    /// Sockets opened a second.
    Connects,
    /// Listeners at once.
    Listeners,
    /// Bytes of log a second.
    Log,
    /// Bytes sent a second.
    BytesOut,
    /// Bytes that wait to be sent.
    Pending,
    /// Files and folders open at once.
    Files,
    /// Operations off the loop.
    Operations,
    /// Child processes.
    Processes,
    /// Requests answered with 503 in the guest's stead.
    Shed,
    /// Requests a second.
    Requests,
    /// Requests answered with 429 in the guest's stead.
    Refused,
    /// Bytes in the folders that it may write.
    DiskBytes,
    /// Entries of these.
    DiskEntries,
    /// Bytes of one file there.
    DiskFile,
    /// Datagrams that the kernel keeps until they are read.
    Datagrams,
}

impl Bound {
    pub const ALL: [Bound; 19] = [
        Bound::Cpu,
        Bound::Memory,
        Bound::Handles,
        Bound::Sockets,
        Bound::Connects,
        Bound::Listeners,
        Bound::Log,
        Bound::BytesOut,
        Bound::Pending,
        Bound::Files,
        Bound::Operations,
        Bound::Processes,
        Bound::Shed,
        Bound::Requests,
        Bound::Refused,
        Bound::DiskBytes,
        Bound::DiskEntries,
        Bound::DiskFile,
        Bound::Datagrams,
    ];

    /// Its name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Bound::Cpu => "cpu",
            Bound::Memory => "memory",
            Bound::Handles => "handles",
            Bound::Sockets => "sockets",
            Bound::Connects => "connects",
            Bound::Listeners => "listeners",
            Bound::Log => "log",
            Bound::BytesOut => "bytes_out",
            Bound::Pending => "pending",
            Bound::Files => "files",
            Bound::Operations => "operations",
            Bound::Processes => "processes",
            Bound::Shed => "shed",
            Bound::Requests => "requests",
            Bound::Refused => "refused",
            Bound::DiskBytes => "disk_bytes",
            Bound::DiskEntries => "disk_entries",
            Bound::DiskFile => "disk_file_bytes",
            Bound::Datagrams => "datagrams",
        }
    }

    /// What was done about it, for the guest's log.
    pub fn consequence(self) -> &'static str {
        match self {
            Bound::Cpu => "it rests until it has CPU time again",
            Bound::Memory => "no more is given",
            Bound::Handles | Bound::Sockets | Bound::Listeners | Bound::Files => "EMFILE",
            Bound::Connects | Bound::Operations | Bound::Processes => "EAGAIN",
            Bound::Log => "lines are dropped",
            Bound::BytesOut => "it rests until it may send again",
            Bound::Pending => "ENOBUFS until some are sent",
            Bound::Shed => "answered with 503",
            Bound::Requests => "more are answered in its stead",
            Bound::Refused => "answered with 429",
            Bound::DiskBytes | Bound::DiskEntries => "EDQUOT until something is removed",
            Bound::DiskFile => "EFBIG",
            Bound::Datagrams => "the kernel has dropped them",
        }
    }
}

/// What is done with a guest that is over a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AtLimit {
    /// It is not entered until it is within its rate again; what is for it waits, in the kernel in the end.
    #[default]
    Throttle,
    /// The same, and requests that come meanwhile are answered with 503: the server is short of something.
    Shed,
    /// The same with 429: whoever asks is to ask less.
    Refuse,
    /// It is ended.
    End,
}

impl AtLimit {
    /// By its name in a configuration.
    pub fn named(name: &str) -> Option<AtLimit> {
        match name {
            "throttle" => Some(AtLimit::Throttle),
            "shed" => Some(AtLimit::Shed),
            "refuse" => Some(AtLimit::Refuse),
            "end" => Some(AtLimit::End),
            _ => None,
        }
    }

    /// What requests are answered with in the guest's stead, and how that is counted; none: they wait, or nobody is left.
    pub fn answer(self) -> Option<(u16, Bound)> {
        match self {
            AtLimit::Throttle | AtLimit::End => None,
            AtLimit::Shed => Some((503, Bound::Shed)),
            AtLimit::Refuse => Some((429, Bound::Refused)),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            AtLimit::Throttle => "throttle",
            AtLimit::Shed => "shed",
            AtLimit::Refuse => "refuse",
            AtLimit::End => "end",
        }
    }
}
