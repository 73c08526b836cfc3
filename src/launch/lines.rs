//! The channel to the process that started this one as a plain program reads and writes it: each message is a line of JSON, as
//! Node's channels in the mode `json` have it. Both directions block, on the program's own thread. It must not know who
//! reads or writes here.
use super::child::Link;
use crate::proto::ipc::{Decoder, Frame, Kind, Limits, encode};
use crate::reactor::{Errno, process};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Bytes read at once.
const READ: usize = 64 << 10;

/// What comes.
pub(super) struct Reader {
    channel: Arc<OwnedFd>,
    decoder: Decoder,
    fds: VecDeque<OwnedFd>,
    limits: Limits,
    /// The message whose parts are coming.
    message: Vec<u8>,
    /// Lines that the program has not taken, and how much of them it has.
    lines: Vec<u8>,
    taken: usize,
    over: bool,
}

/// What goes.
pub(super) struct Writer {
    channel: Arc<OwnedFd>,
    limits: Limits,
    /// A line that has no end yet.
    line: Vec<u8>,
}

/// A word of the other end's library, when something came with a message.
#[derive(Deserialize)]
struct Handed {
    act: String,
    #[serde(default)]
    message: Value,
}

/// Both directions of a channel. Whoever has the link keeps it open and reads nothing from it any more.
pub(super) fn of(link: &mut Link, limits: &Limits) -> crate::reactor::Result<(Reader, Writer)> {
    let channel = Arc::new(process::duplicate(&link.channel)?);
    let reader = Reader {
        channel: Arc::clone(&channel),
        decoder: std::mem::replace(&mut link.decoder, Decoder::new(crate::proto::ipc::Side::Parent, *limits)),
        fds: std::mem::take(&mut link.fds),
        limits: *limits,
        message: Vec::new(),
        lines: Vec::new(),
        taken: 0,
        over: false,
    };
    Ok((reader, Writer { channel, limits: *limits, line: Vec::new() }))
}

fn failed(error: Errno) -> io::Error {
    io::Error::new(if error == Errno::EPIPE { ErrorKind::BrokenPipe } else { ErrorKind::Other }, error.name())
}

/// One message, in as many frames as it needs.
fn send(channel: &OwnedFd, kind: Kind, message: &[u8], limits: &Limits) -> io::Result<()> {
    let mut parts = message.chunks(limits.frame_bytes).peekable();
    let mut bytes = Vec::new();
    while let Some(payload) = parts.next() {
        bytes.clear();
        encode(&mut bytes, &Frame { kind, fd: false, more: parts.peek().is_some(), id: 0, payload });
        process::send(channel, &bytes, &[]).map_err(failed)?;
    }
    Ok(())
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.take_frames()?;
        while self.taken == self.lines.len() && !self.over {
            self.receive()?;
        }
        let rest = &self.lines[self.taken..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        if self.taken == self.lines.len() {
            self.lines.clear();
            self.taken = 0;
        }
        Ok(count)
    }
}

impl Reader {
    fn receive(&mut self) -> io::Result<()> {
        let (mut buffer, mut came) = (vec![0; READ], Vec::new());
        let count = process::receive(&self.channel, &mut buffer, &mut came).map_err(failed)?;
        self.over |= count == 0;
        self.decoder.feed(&buffer[..count], came.len());
        self.fds.extend(came);
        self.take_frames()
    }

    fn take_frames(&mut self) -> io::Result<()> {
        while !self.over {
            let frame = self.decoder.next_frame().map_err(|fault| {
                self.over = true;
                io::Error::other(fault.to_string())
            })?;
            let Some(Frame { kind, fd, more, payload, .. }) = frame else { break };
            // Nothing that is sent to a plain program can be taken: WASI knows no sockets.
            let lost = fd.then(|| self.fds.pop_front());
            match kind {
                Kind::Message | Kind::Internal => self.message.extend_from_slice(payload),
                Kind::Disconnect => self.over = true,
                // About shares of listeners, which it has none of.
                _ => continue,
            }
            if !more {
                let message = std::mem::take(&mut self.message);
                self.whole(kind, &message, lost.is_some())?;
            }
        }
        Ok(())
    }

    fn whole(&mut self, kind: Kind, message: &[u8], came: bool) -> io::Result<()> {
        if kind == Kind::Message {
            self.put(message);
        } else if kind == Kind::Internal {
            if came {
                // Else nothing more that something comes with would be sent.
                send(&self.channel, Kind::Internal, b"{\"act\":\"ack\"}", &self.limits)?;
            }
            let handed = serde_json::from_slice::<Handed>(message).ok().filter(|handed| handed.act == "handle");
            if let Some(handed) = handed {
                self.put(handed.message.to_string().as_bytes());
            }
        }
        Ok(())
    }

    /// In JSON a line's end is white space wherever it stands.
    fn put(&mut self, message: &[u8]) {
        self.lines.extend(message.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
        self.lines.push(b'\n');
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        if self.line.len() + part.len() > self.limits.message_bytes {
            self.line.clear();
            return Err(io::Error::new(ErrorKind::FileTooLarge, "the message is too long"));
        }
        self.line.extend_from_slice(part);
        if end.is_some() {
            self.flush_line()?;
        }
        Ok(part.len() + usize::from(end.is_some()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writer {
    /// What is no JSON the other end could not read.
    fn flush_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        serde_json::from_slice::<IgnoredAny>(&line).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
        send(&self.channel, Kind::Message, &line, &self.limits)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut bytes = Vec::new();
        encode(&mut bytes, &Frame { kind: Kind::Disconnect, fd: false, more: false, id: 0, payload: &[] });
        // Who has gone needs no farewell.
        let _gone = process::send(&self.channel, &bytes, &[]);
    }
}
