//! One file operation, laid out as the call takes it. It must not know what any of them does.
use crate::operation::{self, Done};
use crate::raw::{self, Handle};
use crate::{process, Result};

/// One file operation as the call takes it.
#[derive(Clone, Default)]
pub(crate) struct Ask {
    pub op: i32,
    pub file: Handle,
    pub a: i64,
    pub b: i64,
    pub flags: u32,
    pub mode: u32,
    pub path: String,
    pub other: String,
}

impl Ask {
    pub fn new(op: i32) -> Ask {
        Ask { op, a: -1, ..Ask::default() }
    }

    pub fn at(op: i32, path: &str) -> Ask {
        Ask { path: absolute(path), ..Ask::new(op) }
    }

    pub fn both(op: i32, path: &str, other: &str) -> Ask {
        Ask { other: absolute(other), ..Ask::at(op, path) }
    }

    pub fn of(op: i32, file: Handle) -> Ask {
        Ask { file, ..Ask::new(op) }
    }

    /// Bytes to be read at most.
    pub fn up_to(self, bytes: i64) -> Ask {
        Ask { b: bytes, ..self }
    }

    pub fn queue(&self, data: &[u8], call: impl FnOnce(Result<Done<'_>>) + 'static) -> Result<()> {
        let mut record = Vec::with_capacity(40 + self.path.len() + self.other.len());
        record.extend_from_slice(&self.file.to_le_bytes());
        record.extend_from_slice(&self.a.to_le_bytes());
        record.extend_from_slice(&self.b.to_le_bytes());
        for word in [self.flags, self.mode, self.path.len() as u32, self.other.len() as u32] {
            record.extend_from_slice(&word.to_le_bytes());
        }
        record.extend_from_slice(self.path.as_bytes());
        record.extend_from_slice(self.other.as_bytes());
        operation::wait(raw::fs_queue(self.op, &record, data)?, call);
        Ok(())
    }

    /// For what answers nothing.
    pub fn just(self, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
        self.queue(b"", move |done| call(done.map(drop)))
    }
}

pub(super) fn absolute(path: &str) -> String {
    if path.starts_with('/') || path.is_empty() {
        path.to_owned()
    } else {
        format!("{}/{}", process::folder().trim_end_matches('/'), path)
    }
}
