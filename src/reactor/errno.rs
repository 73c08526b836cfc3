//! Errno: the reactor's one error type, the operating system's number for what went wrong.
//!
//! It must not know who asked. It is `Copy`, so that facts and tests can carry and compare it, and
//! it has Node's names (`ECONNRESET`), so that `err.code` needs no second table.

use std::io;

use rustix::io::Errno as Os;

/// An error as the operating system numbers it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(i32);

macro_rules! errnos {
    ($($name:ident = $os:ident),* $(,)?) => {
        #[allow(missing_docs, reason = "the names are POSIX's")]
        impl Errno {
            $(pub const $name: Errno = Errno(Os::$os.raw_os_error());)*

            /// The name, as in Node's `err.code`; `UNKNOWN` for a number that is not in the table.
            pub fn name(self) -> &'static str {
                match self {
                    $(Errno::$name => stringify!($name),)*
                    _ => "UNKNOWN",
                }
            }
        }
    };
}

errnos! {
    EACCES = ACCESS, EADDRINUSE = ADDRINUSE, EADDRNOTAVAIL = ADDRNOTAVAIL, EAFNOSUPPORT = AFNOSUPPORT,
    EAGAIN = AGAIN, EALREADY = ALREADY, EBADF = BADF, EBUSY = BUSY, ECONNABORTED = CONNABORTED,
    ECONNREFUSED = CONNREFUSED, ECONNRESET = CONNRESET, EDESTADDRREQ = DESTADDRREQ, EEXIST = EXIST,
    EFAULT = FAULT, EHOSTDOWN = HOSTDOWN, EHOSTUNREACH = HOSTUNREACH, EINPROGRESS = INPROGRESS,
    EINTR = INTR, EINVAL = INVAL, EIO = IO, EISCONN = ISCONN, ELOOP = LOOP, EMFILE = MFILE,
    EMSGSIZE = MSGSIZE, ENAMETOOLONG = NAMETOOLONG, ENETDOWN = NETDOWN, ENETRESET = NETRESET,
    ENETUNREACH = NETUNREACH, ENFILE = NFILE, ENOBUFS = NOBUFS, ENODEV = NODEV, ENOENT = NOENT,
    ENOMEM = NOMEM, ENOPROTOOPT = NOPROTOOPT, ENOSPC = NOSPC, ENOSYS = NOSYS, ENOTCONN = NOTCONN, ENOTDIR = NOTDIR,
    ENOTSOCK = NOTSOCK, ENOTSUP = NOTSUP,
    E2BIG = TOOBIG, EISDIR = ISDIR, ENXIO = NXIO, ESRCH = SRCH, ETXTBSY = TXTBSY, EPERM = PERM, EPIPE = PIPE, EPROTO = PROTO,
    EPROTONOSUPPORT = PROTONOSUPPORT, EPROTOTYPE = PROTOTYPE, EROFS = ROFS, ETIMEDOUT = TIMEDOUT,
}

impl Errno {
    /// The number, positive.
    pub fn raw(self) -> i32 {
        self.0
    }

    /// From the system's number, positive.
    pub fn from_raw(raw: i32) -> Errno {
        Errno(raw)
    }
}

impl std::fmt::Debug for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        io::Error::from(*self).fmt(f)
    }
}

impl std::error::Error for Errno {}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> io::Error {
        io::Error::from_raw_os_error(errno.0)
    }
}

/// An error that the standard library made up has no number and becomes `EINVAL`.
impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Errno {
        error.raw_os_error().map_or(Errno::EINVAL, Errno)
    }
}

impl From<Os> for Errno {
    fn from(errno: Os) -> Errno {
        Errno(errno.raw_os_error())
    }
}
