//! Faults as values: [`Reason`] is what a peer did wrong, [`EncodeFault`] what a guest asked for and may not have.
//!
//! A fault must not know what is done about it: the runtime answers, tells the guest, and closes.

/// Why a peer's bytes were refused. `code` and `message` are llhttp 9's, which Node shows as `err.code` and `err.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// A method that is no prefix of any in Node's `http.METHODS`.
    InvalidMethod,
    /// A byte that may not stand in a request target, or a form that the method does not take (RFC 9112 section 3.2).
    InvalidUrl,
    /// Something other than `HTTP/` where the protocol name belongs.
    InvalidConstant,
    /// A malformed version, or none (HTTP/0.9).
    InvalidVersion,
    /// A well-formed version other than 1.0 and 1.1.
    UnsupportedVersion,
    /// The request line does not end in CRLF after its version.
    VersionCrlfExpected,
    /// A status line without a three-digit code, or with a bad reason phrase.
    InvalidStatus,
    /// A status line not ended by CRLF.
    StatusCrlfExpected,
    /// White space before the first field line.
    UnexpectedSpace,
    /// A field name that is no token, or white space before its colon.
    InvalidHeaderToken,
    /// A control character in a field value.
    InvalidHeaderValue,
    /// A folded field line (obs-fold).
    ObsFold,
    /// A field line ended by a bare LF.
    CrExpected,
    /// A bare CR in or after a field value.
    LfExpected,
    /// `CR` without `LF` where the empty line after the fields belongs (CVE-2025-23167).
    HeadersLfExpected,
    /// Line breaks before a start line that are not CRLF, or too many of them.
    StrayLineBreak,
    /// The head is larger than `max_header_size`.
    HeaderOverflow,
    /// More field lines than `max_headers`.
    TooManyHeaders,
    /// The trailer section is larger than `max_trailer_size`.
    TrailerOverflow,
    /// A Content-Length that is not a plain decimal number up to 2^53-1.
    InvalidContentLength,
    /// A second Content-Length, equal or not.
    DuplicateContentLength,
    /// Content-Length in a message that has Transfer-Encoding before it.
    LengthAfterTransferEncoding,
    /// Transfer-Encoding in a message that has Content-Length before it.
    TransferEncodingAfterLength,
    /// A Transfer-Encoding that is not exactly `chunked`.
    InvalidTransferEncoding,
    /// A well-known transfer coding that we do not undo.
    UnsupportedTransferCoding,
    /// Transfer-Encoding in an HTTP/1.0 message.
    TransferEncodingInHttp10,
    /// An HTTP/1.1 request without Host.
    MissingHost,
    /// More than one Host.
    DuplicateHost,
    /// A Host that is no `uri-host [ ":" port ]`.
    InvalidHost,
    /// An absolute-form target whose authority is not the Host.
    HostMismatch,
    /// A chunk size that is not 1 to 16 hex digits, or is followed by something else.
    InvalidChunkSize,
    /// A chunk size of more than 16 digits.
    ChunkSizeOverflow,
    /// A chunk-size line ended by a bare LF.
    ChunkCrExpected,
    /// A bare CR in a chunk-size line.
    ChunkLfExpected,
    /// A byte that may not stand in a chunk extension.
    InvalidChunkExtension,
    /// More extension bytes in one chunk than `max_chunk_ext`.
    ChunkExtensionsOverflow,
    /// Far more chunk framing than payload.
    ChunkOverhead,
    /// Chunk data not followed by CRLF.
    ChunkDataCrlfExpected,
    /// Bytes from a server that was asked nothing (CVE-2026-48931).
    UnsolicitedResponse,
    /// More interim responses than `max_informational`.
    TooManyInformational,
    /// Bytes after a message that was the connection's last.
    ClosedConnection,
    /// The stream ended inside a message.
    PrematureEof,
    /// The peer was too slow. Never found by the decoder, which has no clock: here for the runtime's use.
    RequestTimeout,
}

impl Reason {
    /// The status of the minimal response, as Node answers it; 501 and 505 where RFC 9112 is more precise than Node's 400.
    pub const fn status(self) -> u16 {
        match self {
            Reason::HeaderOverflow | Reason::TooManyHeaders | Reason::TrailerOverflow => 431,
            Reason::ChunkExtensionsOverflow | Reason::ChunkOverhead => 413,
            Reason::UnsupportedTransferCoding => 501,
            Reason::UnsupportedVersion => 505,
            Reason::RequestTimeout => 408,
            _ => 400,
        }
    }

    /// `err.code` as Node gives it to `'clientError'`. `HPE_USER` marks what llhttp accepts and our policy does not.
    pub const fn code(self) -> &'static str {
        use Reason::*;
        match self {
            InvalidMethod => "HPE_INVALID_METHOD",
            InvalidUrl => "HPE_INVALID_URL",
            InvalidConstant => "HPE_INVALID_CONSTANT",
            InvalidVersion | UnsupportedVersion | VersionCrlfExpected => "HPE_INVALID_VERSION",
            InvalidStatus => "HPE_INVALID_STATUS",
            UnexpectedSpace => "HPE_UNEXPECTED_SPACE",
            InvalidHeaderToken | InvalidHeaderValue | ObsFold => "HPE_INVALID_HEADER_TOKEN",
            CrExpected | ChunkCrExpected => "HPE_CR_EXPECTED",
            LfExpected => "HPE_LF_EXPECTED",
            StatusCrlfExpected | HeadersLfExpected | StrayLineBreak => "HPE_STRICT",
            ChunkLfExpected | ChunkDataCrlfExpected | InvalidChunkExtension => "HPE_STRICT",
            HeaderOverflow | TooManyHeaders | TrailerOverflow => "HPE_HEADER_OVERFLOW",
            InvalidContentLength => "HPE_INVALID_CONTENT_LENGTH",
            DuplicateContentLength | LengthAfterTransferEncoding | TransferEncodingAfterLength => {
                "HPE_UNEXPECTED_CONTENT_LENGTH"
            }
            InvalidTransferEncoding | UnsupportedTransferCoding => "HPE_INVALID_TRANSFER_ENCODING",
            TransferEncodingInHttp10 => "HPE_INVALID_TRANSFER_ENCODING",
            InvalidChunkSize | ChunkSizeOverflow => "HPE_INVALID_CHUNK_SIZE",
            ChunkExtensionsOverflow | ChunkOverhead => "HPE_CHUNK_EXTENSIONS_OVERFLOW",
            ClosedConnection => "HPE_CLOSED_CONNECTION",
            PrematureEof => "HPE_INVALID_EOF_STATE",
            RequestTimeout => "ERR_HTTP_REQUEST_TIMEOUT",
            MissingHost | DuplicateHost | InvalidHost | HostMismatch => "HPE_USER",
            UnsolicitedResponse | TooManyInformational => "HPE_USER",
        }
    }

    /// `err.reason` as Node gives it, in llhttp's words where llhttp has the case.
    pub const fn message(self) -> &'static str {
        use Reason::*;
        match self {
            InvalidMethod => "Invalid method encountered",
            InvalidUrl => "Invalid characters in url",
            InvalidConstant => "Expected HTTP/, RTSP/ or ICE/",
            InvalidVersion | UnsupportedVersion => "Invalid HTTP version",
            VersionCrlfExpected => "Expected CRLF after version",
            InvalidStatus => "Invalid status code",
            StatusCrlfExpected => "Expected LF after CR",
            UnexpectedSpace => "Unexpected space after start line",
            InvalidHeaderToken => "Invalid header token",
            InvalidHeaderValue => "Invalid header value char",
            ObsFold => "Unexpected whitespace after header value",
            CrExpected => "Missing expected CR after header value",
            LfExpected => "Missing expected LF after header value",
            HeadersLfExpected => "Expected LF after headers",
            StrayLineBreak => "Unexpected line break before start line",
            HeaderOverflow => "Header overflow",
            TooManyHeaders => "Too many headers",
            TrailerOverflow => "Trailer overflow",
            InvalidContentLength => "Invalid character in Content-Length",
            DuplicateContentLength => "Content-Length already present",
            LengthAfterTransferEncoding | TransferEncodingAfterLength => {
                "Content-Length can't be present with Transfer-Encoding"
            }
            InvalidTransferEncoding | UnsupportedTransferCoding => "Invalid `Transfer-Encoding` header value",
            TransferEncodingInHttp10 => "Transfer-Encoding in an HTTP/1.0 message",
            MissingHost => "Missing Host",
            DuplicateHost => "Duplicate Host",
            InvalidHost => "Invalid Host",
            HostMismatch => "Host does not match the request target",
            InvalidChunkSize => "Invalid character in chunk size",
            ChunkSizeOverflow => "Chunk size overflow",
            ChunkCrExpected => "Missing expected CR after chunk size",
            ChunkLfExpected => "Expected LF after chunk size",
            InvalidChunkExtension => "Invalid character in chunk extensions",
            ChunkExtensionsOverflow => "Chunk extensions overflow",
            ChunkOverhead => "Too much chunk framing",
            ChunkDataCrlfExpected => "Expected LF after chunk data",
            UnsolicitedResponse => "Unsolicited response",
            TooManyInformational => "Too many interim responses",
            ClosedConnection => "Data after `Connection: close`",
            PrematureEof => "Invalid EOF state",
            RequestTimeout => "Request timeout",
        }
    }
}

/// Why something a guest wanted sent was not encoded. Nothing of the message has been appended when one is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EncodeFault {
    /// A field name that is no token (Node: `ERR_INVALID_HTTP_TOKEN`).
    InvalidName,
    /// NUL, CR, LF or another control character in a field value (`ERR_INVALID_CHAR`).
    InvalidValue,
    /// The block is not a run of `Name: value CRLF` lines. The SDK builds it, so this is a rogue guest.
    MalformedBlock,
    /// A status outside 100 to 999 (`ERR_HTTP_INVALID_STATUS_CODE`), or not an interim one where one is due.
    InvalidStatus,
    /// A control character in the reason phrase (`ERR_INVALID_CHAR`).
    InvalidReason,
    /// Content-Length that is no plain decimal number, or is given twice.
    InvalidContentLength,
    /// A Transfer-Encoding other than one `chunked`.
    InvalidTransferEncoding,
    /// Content-Length beside Transfer-Encoding (RFC 9112 section 6.2).
    LengthWithTransferEncoding,
    /// Trailer announced, or trailers given, for a message that is not chunked (`ERR_HTTP_TRAILER_INVALID`).
    TrailerInvalid,
    /// A request method that is no token.
    InvalidMethod,
    /// A request target with white space, a control character or nothing in it (`ERR_UNESCAPED_CHARACTERS`).
    InvalidTarget,
    /// Body or end for a message whose head is not out or which has ended (`ERR_STREAM_WRITE_AFTER_END`).
    WriteAfterEnd,
}

impl EncodeFault {
    /// The code of the error that Node throws for this.
    pub const fn code(self) -> &'static str {
        use EncodeFault::*;
        match self {
            InvalidName | InvalidMethod => "ERR_INVALID_HTTP_TOKEN",
            InvalidValue | InvalidReason | MalformedBlock => "ERR_INVALID_CHAR",
            InvalidStatus => "ERR_HTTP_INVALID_STATUS_CODE",
            InvalidContentLength | LengthWithTransferEncoding => "ERR_HTTP_CONTENT_LENGTH_MISMATCH",
            InvalidTransferEncoding => "ERR_HTTP_INVALID_HEADER_VALUE",
            TrailerInvalid => "ERR_HTTP_TRAILER_INVALID",
            InvalidTarget => "ERR_UNESCAPED_CHARACTERS",
            WriteAfterEnd => "ERR_STREAM_WRITE_AFTER_END",
        }
    }
}
