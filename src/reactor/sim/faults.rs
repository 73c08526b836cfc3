//! Faults: how often the simulated network does what networks and kernels may do.
//!
//! It must not know how: that is for [`super::net`].

/// What goes wrong, in times of a thousand. The default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// An edge comes a wait later.
    pub late: u32,
    /// An edge for which there is no reason comes with a wait.
    pub spurious: u32,
    /// The edges of both directions come apart.
    pub split: u32,
    /// An edge of a socket that is closed comes with a wait.
    pub stale: u32,
    /// Bytes and FIN arrive in pieces over several waits.
    pub segmented: u32,
    /// A write takes less than there is room for. On UNIX sockets, a read gives less than there is.
    pub short: u32,
    /// A read or write is interrupted (`EINTR`).
    pub interrupted: u32,
    /// A connection is gone before it is accepted (`ECONNABORTED`).
    pub aborted: u32,
    /// There is no descriptor for an accept, whatever the limit (`EMFILE`).
    pub no_fd: u32,
    /// A connection of this process is reset, at a wait.
    pub reset: u32,
}

impl Faults {
    /// All that a correct program survives without losing a byte: everything but what ends a
    /// connection.
    pub fn lossless() -> Faults {
        Faults {
            late: 200,
            spurious: 200,
            split: 300,
            stale: 100,
            segmented: 500,
            short: 500,
            interrupted: 50,
            aborted: 0,
            no_fd: 0,
            reset: 0,
        }
    }
}
