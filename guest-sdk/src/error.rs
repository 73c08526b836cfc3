//! Errors: a number of the boundary and, for a denial, its text. It must not know which call it came from.
use crate::events::Incoming;
use skep_abi::errno::{EACCES, ERRNOS};
use std::fmt;

/// What a call answers when it was refused, or an event when something failed.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    errno: i32,
    why: Option<Box<str>>,
}

/// Results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// From one of [`abi::errno`](skep_abi::errno).
    pub fn from_errno(errno: i32) -> Error {
        Error { errno, why: None }
    }

    /// With a text of its own.
    pub(crate) fn explained(errno: i32, why: &str) -> Error {
        Error { errno, why: Some(why.into()) }
    }

    /// An event's: a denial brings its text.
    pub(crate) fn told(event: &Incoming<'_>) -> Error {
        let errno = event.value as i32;
        if errno == EACCES && !event.payload.is_empty() {
            return Error::explained(errno, &String::from_utf8_lossy(event.payload));
        }
        Error::from_errno(errno)
    }

    /// A call was refused just now: a denial has a text that says which flag would have granted it.
    pub(crate) fn refused(errno: i32) -> Error {
        let why = if errno == EACCES { Some(crate::raw::why().into_boxed_str()) } else { None };
        Error { errno, why }
    }

    /// The number, one of [`abi::errno`](skep_abi::errno).
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// Its name: `ECONNREFUSED`, say.
    pub fn name(&self) -> &'static str {
        ERRNOS.iter().find(|(_, number, _)| *number == self.errno).map_or("EUNKNOWN", |(name, _, _)| name)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Some(why) => write!(out, "{}: {}", self.name(), why),
            None => {
                let text = ERRNOS.iter().find(|(_, number, _)| *number == self.errno).map_or("", |(_, _, text)| text);
                write!(out, "{}: {}", self.name(), text)
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for Error {}

/// What an event's `value` says: an errno, or nothing.
pub(crate) fn from_value(value: u32) -> Option<Error> {
    if value == 0 {
        None
    } else {
        Some(Error::from_errno(value as i32))
    }
}
