//! Replies: a head that is kept, and a body that comes in parts. It must not know what was asked, nor of whom.
use crate::events::Head;
use crate::http::Body;
use crate::net::Stream;
use crate::Result;

/// What a server has answered. Dropped with a body of which not all has come, or with a stream that nobody took, it
/// closes the connection.
pub struct Reply {
    /// The head as it stood in its event.
    head: Vec<u8>,
    status: u16,
    body: Body,
    stream: Option<Stream>,
}

impl Reply {
    pub(crate) fn new(head: &Head<'_>, body: Body, stream: Option<Stream>) -> Reply {
        Reply { head: head.to_bytes(), status: head.record.conn as u16, body, stream }
    }

    /// 200, 404...
    pub fn status(&self) -> u16 {
        self.status
    }

    /// What follows the status in its line.
    pub fn reason(&self) -> &str {
        let reason = Head::new(&self.head).map_or(&b""[..], |head| head.target());
        std::str::from_utf8(reason).unwrap_or("")
    }

    /// HTTP/1.`minor`.
    pub fn minor_version(&self) -> u8 {
        Head::new(&self.head).map_or(1, |head| head.record.minor)
    }

    /// The first field of this name, in any case of letters.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Names and values in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        Head::new(&self.head).into_iter().flat_map(|head| head.fields())
    }

    /// The body, to be read part by part. While its chunks' credit is held the server is held back.
    pub fn body(mut self) -> Body {
        std::mem::replace(&mut self.body, Body::whole(Vec::new()))
    }

    /// Collects the body; see [`Body::read`].
    pub fn read(self, limit: usize, call: impl FnOnce(Result<Vec<u8>>) + 'static) {
        self.body().read(limit, call);
    }

    /// The stream that the connection has become, where the server took an offer to leave HTTP, and what came on it
    /// with the head.
    pub fn into_stream(mut self) -> Option<(Stream, Vec<u8>)> {
        let stream = self.stream.take()?;
        Some((stream, self.body().into_whole()))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // Nobody else knows of it.
        if let Some(stream) = &self.stream {
            stream.close();
        }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Reply({} {})", self.status, self.reason())
    }
}
