//! Words that cross the boundary as small numbers. It must not know who parses them: the host's
//! HTTP room has tables of its own, and `tests/abi.rs` holds the two together.

/// Node 20's `http.METHODS` as llhttp numbers them; `Request::method` indexes this.
pub static METHODS: &[&str] = &[
    "DELETE", "GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS", "TRACE", "COPY", "LOCK", "MKCOL",
    "MOVE", "PROPFIND", "PROPPATCH", "SEARCH", "UNLOCK", "BIND", "REBIND", "UNBIND", "ACL", "REPORT",
    "MKACTIVITY", "CHECKOUT", "MERGE", "M-SEARCH", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "PATCH",
    "PURGE", "MKCALENDAR", "LINK", "UNLINK", "SOURCE", "QUERY",
];

/// Field names that guests meet so often that they keep them interned; `Field::known` is an index + 1.
/// Append, never reorder.
pub static KNOWN_FIELDS: &[&str] = &[
    "host", "connection", "content-length", "transfer-encoding", "upgrade", "expect", "keep-alive", "date",
    "trailer", "te", "accept", "accept-encoding", "accept-language", "accept-ranges",
    "access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods",
    "access-control-allow-origin", "access-control-expose-headers", "access-control-max-age",
    "access-control-request-headers", "access-control-request-method", "age", "allow", "authorization",
    "cache-control", "content-disposition", "content-encoding", "content-language", "content-location",
    "content-range", "content-security-policy", "content-type", "cookie", "dnt", "etag", "expires", "forwarded",
    "from", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified",
    "link", "location", "max-forwards", "origin", "pragma", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "range", "referer", "retry-after", "sec-websocket-accept", "sec-websocket-extensions",
    "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version", "sec-fetch-dest", "sec-fetch-mode",
    "sec-fetch-site", "sec-fetch-user", "server", "set-cookie", "strict-transport-security",
    "upgrade-insecure-requests", "user-agent", "vary", "via", "warning", "www-authenticate", "x-forwarded-for",
    "x-forwarded-host", "x-forwarded-proto", "x-powered-by", "x-requested-with",
];
