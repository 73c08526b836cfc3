//! Request methods: exactly Node's `http.METHODS`, numbered as llhttp numbers them.
//!
//! It must not know what a method means for framing; `framing` does.

macro_rules! methods {
    ($($id:ident = $number:literal $text:literal,)*) => {
        /// A request method Node knows (RFC 9110 section 9 and the registries llhttp follows).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)] // the names say it
        pub enum Method { $($id = $number,)* }

        impl Method {
            /// Every method, in llhttp's order.
            pub const ALL: &'static [Method] = &[$(Method::$id,)*];

            /// The method of exactly these bytes; methods are case-sensitive.
            pub fn from_bytes(bytes: &[u8]) -> Option<Method> {
                match bytes {
                    $($text => Some(Method::$id),)*
                    _ => None,
                }
            }

            /// The bytes on the wire.
            pub const fn as_bytes(self) -> &'static [u8] {
                match self { $(Method::$id => $text,)* }
            }
        }
    };
}

methods! {
    Delete = 0 b"DELETE",
    Get = 1 b"GET",
    Head = 2 b"HEAD",
    Post = 3 b"POST",
    Put = 4 b"PUT",
    Connect = 5 b"CONNECT",
    Options = 6 b"OPTIONS",
    Trace = 7 b"TRACE",
    Copy = 8 b"COPY",
    Lock = 9 b"LOCK",
    Mkcol = 10 b"MKCOL",
    Move = 11 b"MOVE",
    Propfind = 12 b"PROPFIND",
    Proppatch = 13 b"PROPPATCH",
    Search = 14 b"SEARCH",
    Unlock = 15 b"UNLOCK",
    Bind = 16 b"BIND",
    Rebind = 17 b"REBIND",
    Unbind = 18 b"UNBIND",
    Acl = 19 b"ACL",
    Report = 20 b"REPORT",
    Mkactivity = 21 b"MKACTIVITY",
    Checkout = 22 b"CHECKOUT",
    Merge = 23 b"MERGE",
    MSearch = 24 b"M-SEARCH",
    Notify = 25 b"NOTIFY",
    Subscribe = 26 b"SUBSCRIBE",
    Unsubscribe = 27 b"UNSUBSCRIBE",
    Patch = 28 b"PATCH",
    Purge = 29 b"PURGE",
    Mkcalendar = 30 b"MKCALENDAR",
    Link = 31 b"LINK",
    Unlink = 32 b"UNLINK",
    Source = 33 b"SOURCE",
    Query = 46 b"QUERY",
}

impl Method {
    /// Methods of RTSP, which llhttp knows too: no method here, but none of their letters is the first bad one.
    const FOREIGN: [&'static [u8]; 11] = [
        b"FLUSH",
        b"DESCRIBE",
        b"ANNOUNCE",
        b"SETUP",
        b"PLAY",
        b"PAUSE",
        b"TEARDOWN",
        b"GET_PARAMETER",
        b"SET_PARAMETER",
        b"REDIRECT",
        b"RECORD",
    ];

    /// Length of the longest method, in bytes.
    pub(super) const MAX_LEN: usize = 13;

    /// Whether more bytes could still make `bytes` a method (it is one, or the start of one).
    pub(super) fn is_prefix(bytes: &[u8]) -> bool {
        let known = Method::ALL.iter().map(|method| method.as_bytes());
        known.chain(Method::FOREIGN).any(|method| method.starts_with(bytes))
    }
}
