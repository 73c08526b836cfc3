//! Field names and values as bytes: which bytes are allowed, which names have an id, where a field stands in its head.
//!
//! It must not know what any field means; `framing` and `encode_fields` do.

use super::head::Span;

const TCHAR: u8 = 1;
const VALUE: u8 = 2;
const TARGET: u8 = 4;
const REG_NAME: u8 = 8;

/// One class mask per byte: token characters (RFC 9110 section 5.6.2), field values (HTAB, SP, VCHAR, obs-text,
/// section 5.5), request targets as llhttp takes them, and reg-names (RFC 3986 section 3.2.2).
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let mut class = 0;
        let is_mark = matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        if b.is_ascii_alphanumeric() || is_mark {
            class |= TCHAR;
        }
        if b == b'\t' || (b >= b' ' && b != 0x7f) {
            class |= VALUE;
        }
        if b.is_ascii_graphic() {
            class |= TARGET;
        }
        let is_sub_delim = matches!(b, b'!' | b'$' | b'&'..=b',' | b';' | b'=');
        if b.is_ascii_alphanumeric() || is_sub_delim || matches!(b, b'-' | b'.' | b'_' | b'~' | b'%') {
            class |= REG_NAME;
        }
        table[byte] = class;
        byte += 1;
    }
    table
}

#[inline]
pub(super) fn is_tchar(byte: u8) -> bool {
    CLASS[byte as usize] & TCHAR != 0
}

#[inline]
pub(super) fn is_value_byte(byte: u8) -> bool {
    CLASS[byte as usize] & VALUE != 0
}

#[inline]
pub(super) fn is_target_byte(byte: u8) -> bool {
    CLASS[byte as usize] & TARGET != 0
}

#[inline]
pub(super) fn is_reg_name_byte(byte: u8) -> bool {
    CLASS[byte as usize] & REG_NAME != 0
}

/// Whether `bytes` is a token (RFC 9110 section 5.6.2): at least one byte, all of them token characters.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_tchar(byte))
}

/// `value` without leading and trailing SP and HTAB (RFC 9110 section 5.5).
pub(super) fn trim_ows(value: &[u8]) -> &[u8] {
    let is_ows = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let start = value.iter().position(|b| !is_ows(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !is_ows(b)).map_or(start, |last| last + 1);
    &value[start..end]
}

/// One field line of a head or trailer section, as offsets from the section's first byte, so that the section
/// can be copied once and the table beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Field {
    /// Offset of the name.
    pub name: u32,
    /// Offset of the value, without the white space around it.
    pub value: u32,
    /// Length of the value in bytes; zero is allowed.
    pub value_len: u32,
    /// Length of the name in bytes, at least 1.
    pub name_len: u16,
    /// Which name it is, if one of those with an id.
    pub id: HeaderId,
}

impl Field {
    /// The name's bytes, as the peer spelt it. `section` must be the bytes this field was read from.
    pub fn name_in(self, section: &[u8]) -> &[u8] {
        &section[self.name as usize..self.name as usize + usize::from(self.name_len)]
    }

    /// The value's bytes. `section` must be the bytes this field was read from.
    pub fn value_in(self, section: &[u8]) -> &[u8] {
        Span { start: self.value, len: self.value_len }.of(section)
    }
}

macro_rules! known_names {
    ($($id:ident $name:literal,)*) => {
        /// Names that have a number, so that nobody compares or copies their bytes twice. Part of the guest ABI:
        /// append, never reorder.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)] // the names say it
        pub enum HeaderId { #[default] Other = 0, $($id,)* }

        const IDS: &[HeaderId] = &[HeaderId::Other, $(HeaderId::$id,)*];
        const NAMES: &[&[u8]] = &[b"", $($name,)*];
    };
}

known_names! {
    Host b"host",
    Connection b"connection",
    ContentLength b"content-length",
    TransferEncoding b"transfer-encoding",
    Upgrade b"upgrade",
    Expect b"expect",
    KeepAlive b"keep-alive",
    Date b"date",
    Trailer b"trailer",
    Te b"te",
    Accept b"accept",
    AcceptEncoding b"accept-encoding",
    AcceptLanguage b"accept-language",
    AcceptRanges b"accept-ranges",
    AccessControlAllowCredentials b"access-control-allow-credentials",
    AccessControlAllowHeaders b"access-control-allow-headers",
    AccessControlAllowMethods b"access-control-allow-methods",
    AccessControlAllowOrigin b"access-control-allow-origin",
    AccessControlExposeHeaders b"access-control-expose-headers",
    AccessControlMaxAge b"access-control-max-age",
    AccessControlRequestHeaders b"access-control-request-headers",
    AccessControlRequestMethod b"access-control-request-method",
    Age b"age",
    Allow b"allow",
    Authorization b"authorization",
    CacheControl b"cache-control",
    ContentDisposition b"content-disposition",
    ContentEncoding b"content-encoding",
    ContentLanguage b"content-language",
    ContentLocation b"content-location",
    ContentRange b"content-range",
    ContentSecurityPolicy b"content-security-policy",
    ContentType b"content-type",
    Cookie b"cookie",
    Dnt b"dnt",
    Etag b"etag",
    Expires b"expires",
    Forwarded b"forwarded",
    From b"from",
    IfMatch b"if-match",
    IfModifiedSince b"if-modified-since",
    IfNoneMatch b"if-none-match",
    IfRange b"if-range",
    IfUnmodifiedSince b"if-unmodified-since",
    LastModified b"last-modified",
    Link b"link",
    Location b"location",
    MaxForwards b"max-forwards",
    Origin b"origin",
    Pragma b"pragma",
    ProxyAuthenticate b"proxy-authenticate",
    ProxyAuthorization b"proxy-authorization",
    ProxyConnection b"proxy-connection",
    Range b"range",
    Referer b"referer",
    RetryAfter b"retry-after",
    SecWebsocketAccept b"sec-websocket-accept",
    SecWebsocketExtensions b"sec-websocket-extensions",
    SecWebsocketKey b"sec-websocket-key",
    SecWebsocketProtocol b"sec-websocket-protocol",
    SecWebsocketVersion b"sec-websocket-version",
    SecFetchDest b"sec-fetch-dest",
    SecFetchMode b"sec-fetch-mode",
    SecFetchSite b"sec-fetch-site",
    SecFetchUser b"sec-fetch-user",
    Server b"server",
    SetCookie b"set-cookie",
    StrictTransportSecurity b"strict-transport-security",
    UpgradeInsecureRequests b"upgrade-insecure-requests",
    UserAgent b"user-agent",
    Vary b"vary",
    Via b"via",
    Warning b"warning",
    WwwAuthenticate b"www-authenticate",
    XForwardedFor b"x-forwarded-for",
    XForwardedHost b"x-forwarded-host",
    XForwardedProto b"x-forwarded-proto",
    XPoweredBy b"x-powered-by",
    XRequestedWith b"x-requested-with",
}

/// Index from hash to id; a perfect hash, or this does not compile.
static SLOTS: [u8; 512] = slots();

const fn slots() -> [u8; 512] {
    let mut table = [0; 512];
    let mut id = 1;
    while id < NAMES.len() {
        let slot = hash(NAMES[id]);
        assert!(table[slot] == 0, "two known names share a slot: change the factors in `hash`");
        table[slot] = id as u8;
        id += 1;
    }
    table
}

/// Length and four bytes of the name, case folded. The factors were found by trial.
#[inline]
const fn hash(name: &[u8]) -> usize {
    let len = name.len();
    let first = (name[0] | 0x20) as usize;
    let middle = (name[len / 2] | 0x20) as usize;
    let late = (name[len * 3 / 4] | 0x20) as usize;
    let last = (name[len - 1] | 0x20) as usize;
    (len * HASH_LEN + first * HASH_FIRST + middle * HASH_MIDDLE + late * HASH_LATE + last * HASH_LAST) % 512
}

const HASH_LEN: usize = 76;
const HASH_FIRST: usize = 129;
const HASH_MIDDLE: usize = 352;
const HASH_LATE: usize = 114;
const HASH_LAST: usize = 289;

/// Whether `name` is `known`, which is lower-case, in any case; by words, since this runs for every field there is.
#[inline]
fn is_same_name(known: &[u8], name: &[u8]) -> bool {
    if known.len() != name.len() {
        return false;
    }
    match (known.first_chunk::<8>(), name.first_chunk::<8>()) {
        (Some(first), Some(given)) => {
            let (words, _) = known.as_chunks::<8>();
            let (given_words, _) = name.as_chunks::<8>();
            let pairs = words.iter().zip(given_words).skip(1);
            let tail = known.last_chunk::<8>().zip(name.last_chunk::<8>());
            is_same_word(first, given) && pairs.chain(tail).all(|(known, given)| is_same_word(known, given))
        }
        _ => known.iter().zip(name).all(|(known, given)| *known == given.to_ascii_lowercase()),
    }
}

/// Eight bytes at once: where `known` has a letter (bit 0x40), the other may differ in bit 0x20, and nowhere else.
#[inline]
fn is_same_word(known: &[u8; 8], given: &[u8; 8]) -> bool {
    let (known, given) = (u64::from_ne_bytes(*known), u64::from_ne_bytes(*given));
    let letters = (known & 0x4040_4040_4040_4040) >> 1;
    (known ^ given) & !letters == 0
}

impl HeaderId {
    /// The id of `name`, whatever its case; [`HeaderId::Other`] for an unlisted or empty name.
    #[inline]
    pub fn of(name: &[u8]) -> HeaderId {
        if name.is_empty() {
            return HeaderId::Other;
        }
        let id = SLOTS[hash(name)] as usize;
        if is_same_name(NAMES[id], name) { IDS[id] } else { HeaderId::Other }
    }

    /// The lower-case name, as a key of Node's `headers`; empty for [`HeaderId::Other`].
    pub const fn lower_name(self) -> &'static [u8] {
        NAMES[self as usize]
    }

    /// Every id with its lower-case name, for tables that are printed from here.
    pub fn all() -> impl Iterator<Item = (HeaderId, &'static [u8])> {
        IDS.iter().copied().zip(NAMES.iter().copied()).skip(1)
    }
}

/// Whether a field of this name may come in a trailer section (RFC 9110 section 6.5.1): not one that frames, routes,
/// authenticates or changes how the message it follows has already been processed.
pub const fn is_trailer_allowed(id: HeaderId) -> bool {
    use HeaderId::*;
    !matches!(
        id,
        Host | Connection
            | ContentLength
            | TransferEncoding
            | Upgrade
            | Expect
            | KeepAlive
            | Trailer
            | Te
            | Authorization
            | CacheControl
            | ContentEncoding
            | ContentRange
            | ContentType
            | Cookie
            | SetCookie
            | MaxForwards
            | Range
            | ProxyAuthenticate
            | ProxyAuthorization
            | ProxyConnection
            | WwwAuthenticate
            | Pragma
            | IfMatch
            | IfNoneMatch
            | IfModifiedSince
            | IfUnmodifiedSince
            | IfRange
            | Age
            | Expires
            | Date
            | Location
            | RetryAfter
            | Vary
            | Warning
    )
}
