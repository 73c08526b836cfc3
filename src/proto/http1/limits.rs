//! The numbers the decoder is held to. Policy owns the real values; `Default` is Node's, for tests.
//!
//! It must not know who sets a limit or why one connection has a different one.

/// Bounds on what one peer may make the decoder do. All sizes in bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Start line, all fields and the final empty line together. More is [`super::Reason::HeaderOverflow`] (431).
    pub max_header_size: u32,
    /// Field lines in one head or trailer section. More is [`super::Reason::TooManyHeaders`] (431), never truncation
    /// (CVE-2026-58044).
    pub max_headers: u32,
    /// Chunk-extension bytes of one chunk (CVE-2024-22019). More is 413.
    pub max_chunk_ext: u32,
    /// The whole trailer section with its final empty line. More is 431.
    pub max_trailer_size: u32,
    /// Refuse an HTTP/1.1 request without a Host field (RFC 9112 section 3.2).
    pub require_host: bool,
    /// Take what llhttp takes with its lenient modes off, where R4, R8, R9 and R10 refuse it: codings before a request's
    /// `chunked`, any value of Host, an absolute target that names another host, status lines of RTSP, ICE and HTTP/0.9.
    /// What frames a message is read as strictly as ever.
    pub as_node: bool,
    /// Empty CRLF lines tolerated before a start line (RFC 9112 section 2.2 asks for at least one).
    pub leading_crlf_max: u8,
    /// Chunk framing bytes of one message that are always allowed, whatever the payload.
    pub chunk_overhead_floor: u32,
    /// Above the floor, framing may be at most this many times the payload; more is 413.
    pub chunk_overhead_ratio: u32,
    /// Interim (1xx) responses to one request, client role.
    pub max_informational: u8,
}

impl Limits {
    /// The size limit of a head, or of a trailer section, in bytes.
    pub(super) fn max_section(&self, is_trailers: bool) -> u32 {
        if is_trailers { self.max_trailer_size } else { self.max_header_size }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_header_size: 16_384,
            max_headers: 2_000,
            max_chunk_ext: 16_384,
            max_trailer_size: 8_192,
            require_host: true,
            as_node: false,
            leading_crlf_max: 8,
            chunk_overhead_floor: 65_536,
            chunk_overhead_ratio: 64,
            max_informational: 16,
        }
    }
}
