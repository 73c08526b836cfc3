//! SEM: Host and target, Connection, Expect, Upgrade and CONNECT.

use super::*;
use Reason::*;

fn get(target: &str, version: &str, lines: &str) -> String {
    format!("GET {target} HTTP/{version}\r\n{lines}\r\n")
}

#[test]
fn sem_host() {
    check_all(
        &Setup::server(),
        &[
            ("missing", get("/", "1.1", ""), Bad(MissingHost)),
            ("missing in 1.0", get("/", "1.0", ""), Good(1, "")),
            ("two", get("/", "1.1", "Host: a\r\nHost: b\r\n"), Bad(DuplicateHost)),
            ("two equal", get("/", "1.1", "Host: a\r\nhost: a\r\n"), Bad(DuplicateHost)),
            ("two in 1.0", get("/", "1.0", "Host: a\r\nHost: b\r\n"), Bad(DuplicateHost)),
            ("empty", get("/", "1.1", "Host:\r\n"), Good(1, "")),
            ("port", get("/", "1.1", "Host: a:80\r\n"), Good(1, "")),
            ("empty port", get("/", "1.1", "Host: a:\r\n"), Good(1, "")),
            ("IPv6", get("/", "1.1", "Host: [::1]:8080\r\n"), Good(1, "")),
            ("IPv6 no port", get("/", "1.1", "Host: [fe80::1]\r\n"), Good(1, "")),
            ("IPv4", get("/", "1.1", "Host: 127.0.0.1:1337\r\n"), Good(1, "")),
            ("underscore", get("/", "1.1", "Host: a_b\r\n"), Good(1, "")),
            ("open bracket", get("/", "1.1", "Host: [::1\r\n"), Bad(InvalidHost)),
            ("empty brackets", get("/", "1.1", "Host: []\r\n"), Bad(InvalidHost)),
            ("after bracket", get("/", "1.1", "Host: [::1]x\r\n"), Bad(InvalidHost)),
            ("two ports", get("/", "1.1", "Host: a:1:2\r\n"), Bad(InvalidHost)),
            ("letters as port", get("/", "1.1", "Host: a:b\r\n"), Bad(InvalidHost)),
            ("port only", get("/", "1.1", "Host: :80\r\n"), Bad(InvalidHost)),
            ("long port", get("/", "1.1", "Host: a:000080\r\n"), Bad(InvalidHost)),
            ("user", get("/", "1.1", "Host: u@a\r\n"), Bad(InvalidHost)),
            ("path", get("/", "1.1", "Host: a/b\r\n"), Bad(InvalidHost)),
            ("query", get("/", "1.1", "Host: a?b\r\n"), Bad(InvalidHost)),
            ("hash", get("/", "1.1", "Host: a#b\r\n"), Bad(InvalidHost)),
            ("list", get("/", "1.1", "Host: a, b\r\n"), Bad(InvalidHost)),
            ("space", get("/", "1.1", "Host: a b\r\n"), Bad(InvalidHost)),
            ("text", get("/", "1.1", "Host: \u{e9}\r\n"), Bad(InvalidHost)),
            ("backslash", get("/", "1.1", "Host: a\\b\r\n"), Bad(InvalidHost)),
        ],
    );
    let lax = Setup::server().with(|limits| limits.require_host = false);
    check("not required", &lax, get("/", "1.1", "").as_bytes(), &Good(1, ""));
    check("still not two", &lax, get("/", "1.1", "Host: a\r\nHost: a\r\n").as_bytes(), &Bad(DuplicateHost));
}

#[test]
fn sem_target_forms() {
    let h = "Host: a\r\n";
    check_all(
        &Setup::server(),
        &[
            ("absolute", get("http://a/x", "1.1", h), Good(1, "")),
            ("absolute case", get("HTTP://A/x", "1.1", h), Good(1, "")),
            ("default port", get("http://a:80/", "1.1", h), Good(1, "")),
            ("default port in Host", get("http://a/", "1.1", "Host: a:80\r\n"), Good(1, "")),
            ("https port", get("https://a:443/", "1.1", h), Good(1, "")),
            ("no path", get("http://a", "1.1", h), Good(1, "")),
            ("query only", get("http://a?b", "1.1", h), Good(1, "")),
            ("other port", get("http://a:81/", "1.1", h), Bad(HostMismatch)),
            ("other port of https", get("https://a:80/", "1.1", h), Bad(HostMismatch)),
            ("other host", get("http://b/", "1.1", h), Bad(HostMismatch)),
            ("prefix host", get("http://ab/", "1.1", h), Bad(HostMismatch)),
            ("empty Host", get("http://b/", "1.1", "Host:\r\n"), Bad(HostMismatch)),
            ("1.0 without Host", get("http://b/", "1.0", ""), Good(1, "")),
            ("1.0 with Host", get("http://b/", "1.0", h), Bad(HostMismatch)),
            ("user", get("http://u:p@a/", "1.1", h), Good(1, "")),
            ("user of another host", get("http://a@b/", "1.1", h), Bad(HostMismatch)),
            ("host as user", get("http://b@a/", "1.1", "Host: b\r\n"), Bad(HostMismatch)),
            ("two users", get("http://a@b@a/", "1.1", h), Bad(InvalidUrl)),
            ("bracket in user", get("http://[a]@a/", "1.1", h), Bad(InvalidUrl)),
            ("user alone", get("http://u@/", "1.1", h), Bad(InvalidUrl)),
            ("no authority", get("http:///x", "1.1", h), Bad(InvalidUrl)),
            ("no slashes", get("http:a", "1.1", h), Bad(InvalidUrl)),
            ("no scheme", get("://a/", "1.1", h), Bad(InvalidUrl)),
            ("digit scheme", get("1http://a/", "1.1", h), Bad(InvalidUrl)),
            ("relative", get("a/b", "1.1", h), Bad(InvalidUrl)),
            ("query alone", get("?a", "1.1", h), Bad(InvalidUrl)),
            ("authority for GET", get("a:80", "1.1", h), Bad(InvalidUrl)),
            ("star for GET", get("*", "1.1", h), Bad(InvalidUrl)),
            ("star for OPTIONS", format!("OPTIONS * HTTP/1.1\r\n{h}\r\n"), Good(1, "")),
            ("star for UPnP", format!("M-SEARCH * HTTP/1.1\r\n{h}\r\n"), Good(1, "")),
            ("star and more", format!("OPTIONS *a HTTP/1.1\r\n{h}\r\n"), Bad(InvalidUrl)),
            ("hash", get("/a#b", "1.1", h), Good(1, "")),
            ("two slashes", get("//evil/x", "1.1", h), Good(1, "")),
            ("encoded", get("/%00%0d%0a", "1.1", h), Good(1, "")),
            ("CONNECT", format!("CONNECT a:443 HTTP/1.1\r\n{h}\r\n"), Good(1, "")),
            ("CONNECT IPv6", format!("CONNECT [::1]:443 HTTP/1.1\r\n{h}\r\n"), Good(1, "")),
            ("CONNECT no port", format!("CONNECT a HTTP/1.1\r\n{h}\r\n"), Bad(InvalidUrl)),
            ("CONNECT empty port", format!("CONNECT a: HTTP/1.1\r\n{h}\r\n"), Bad(InvalidUrl)),
            ("CONNECT port 0", format!("CONNECT a:0 HTTP/1.1\r\n{h}\r\n"), Bad(InvalidUrl)),
            ("CONNECT port 65536", format!("CONNECT a:65536 HTTP/1.1\r\n{h}\r\n"), Bad(InvalidUrl)),
            ("CONNECT no host", format!("CONNECT :80 HTTP/1.1\r\n{h}\r\n"), Bad(InvalidUrl)),
            ("CONNECT origin", format!("CONNECT / HTTP/1.1\r\n{h}\r\n"), Bad(InvalidUrl)),
            ("CONNECT absolute", format!("CONNECT http://a/ HTTP/1.1\r\n{h}\r\n"), Bad(InvalidUrl)),
        ],
    );
}

fn head_of(wire: &str) -> (bool, bool, Expect) {
    match &verdict(&Setup::server(), wire.as_bytes())[0] {
        Said::Head { keep_alive, upgrade, expect, .. } => (*keep_alive, *upgrade, *expect),
        other => panic!("{wire}: {other:?}"),
    }
}

#[test]
fn sem_connection() {
    for (lines, eleven, ten) in [
        ("", true, false),
        ("Connection: close\r\n", false, false),
        ("Connection: keep-alive\r\n", true, true),
        ("Connection: Keep-Alive\r\n", true, true),
        ("Connection: CLOSE\r\n", false, false),
        ("Connection: close, keep-alive\r\n", false, false),
        ("Connection: keep-alive, close\r\n", false, false),
        ("Connection: keep-alive\r\nConnection: close\r\n", false, false),
        ("Connection: close\r\nConnection: keep-alive\r\n", false, false),
        ("Connection: foo, close ,bar\r\n", false, false),
        ("Connection: ,,close\r\n", false, false),
        ("Connection: closed\r\n", true, false),
        ("Connection: \"close\"\r\n", true, false),
        ("Connection: close;x\r\n", true, false),
        ("Connection:\r\n", true, false),
        ("Proxy-Connection: close\r\n", true, false),
        ("Keep-Alive: timeout=5\r\n", true, false),
    ] {
        assert_eq!(head_of(&get("/", "1.1", &format!("{HOST}{lines}"))).0, eleven, "1.1 {lines}");
        assert_eq!(head_of(&get("/", "1.0", lines)).0, ten, "1.0 {lines}");
    }
}

#[test]
fn sem_expect() {
    for (lines, want) in [
        ("", Expect::None),
        ("Expect: 100-continue\r\n", Expect::Continue100),
        ("Expect: 100-Continue\r\n", Expect::Continue100),
        ("expect:100-continue \r\n", Expect::Continue100),
        ("Expect: 100-continue\r\nExpect: 100-continue\r\n", Expect::Continue100),
        ("Expect: 100-continue\r\nExpect: x\r\n", Expect::Other),
        ("Expect: x\r\nExpect: 100-continue\r\n", Expect::Other),
        ("Expect: 100-continue, x\r\n", Expect::Other),
        ("Expect: x100-continue\r\n", Expect::Other),
        ("Expect: 100-continue;q\r\n", Expect::Other),
        ("Expect: 100\r\n", Expect::Other),
        ("Expect:\r\n", Expect::Other),
        ("X-Expect: 100-continue\r\n", Expect::None),
    ] {
        assert_eq!(head_of(&get("/", "1.1", &format!("{HOST}{lines}"))).2, want, "{lines}");
        assert_eq!(head_of(&get("/", "1.0", lines)).2, Expect::None, "1.0 knows none: {lines}");
    }
}

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn sem_upgrade_asked() {
    for (lines, want) in [
        ("Connection: Upgrade\r\nUpgrade: x\r\n", true),
        ("Upgrade: x\r\nConnection: keep-alive, Upgrade\r\n", true),
        ("Upgrade: x\r\n", false),
        ("Connection: Upgrade\r\n", false),
        ("Connection: Upgrade\r\nUpgrade:\r\n", false),
        ("Connection: Upgraded\r\nUpgrade: x\r\n", false),
        ("Connection: HTTP2-Settings\r\nUpgrade: h2c\r\n", false),
    ] {
        assert_eq!(head_of(&get("/", "1.1", &format!("{HOST}{lines}"))).1, want, "{lines}");
        assert!(!head_of(&get("/", "1.0", lines)).1, "1.0 cannot");
    }
}

#[test]
fn sem_upgrade_accepted() {
    let setup = Setup { accept_upgrade: true, ..Setup::server() };
    let log = verdict(&setup, format!("{UPGRADE}\x01\x02GET / HTTP/1.1\r\n\r\n").as_bytes());
    let [_, Said::End(_), Said::Upgrade, Said::Tunnel(bytes)] = &log[..] else { panic!("{log:?}") };
    assert_eq!(bytes, b"\x01\x02GET / HTTP/1.1\r\n\r\n");
    let log = verdict(&setup, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n\x16\x03\x01");
    assert!(
        matches!(&log[..], [_, Said::End(_), Said::Upgrade, Said::Tunnel(bytes)] if bytes == b"\x16\x03\x01"),
        "{log:?}"
    );
    let body = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nhellotunnel";
    let log = verdict(&setup, body.as_bytes());
    assert!(
        matches!(&log[..], [_, Said::Body(_), Said::End(_), Said::Upgrade, Said::Tunnel(t)] if t == b"tunnel"),
        "{log:?}"
    );
}

#[test]
fn sem_upgrade_refused_is_pipelining() {
    // RUSTSEC-2026-0033: bytes after the request are the next request as long as nobody accepted.
    let log = verdict(&Setup::server(), format!("{UPGRADE}GET /next HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    assert!(matches!(&log[3], Said::Head { line, .. } if line == "Get /next 1"), "{log:?}");
    let close = UPGRADE.replace("Connection: Upgrade", "Connection: Upgrade, close");
    let log = verdict(&Setup::server(), format!("{close}GET /next HTTP/1.1\r\n\r\n").as_bytes());
    assert!(matches!(log[..], [_, _, Said::Upgrade, Said::Fault(_, ClosedConnection)]), "{log:?}");
}

#[test]
fn sem_upgrade_waits() {
    let (limits, mut scratch, mut decoder) = (Limits::default(), Scratch::default(), Decoder::new(Role::Server));
    let wire = format!("{UPGRADE}GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let at = decoder.decode(wire.as_bytes(), &limits, &mut scratch).consumed;
    let rest = &wire.as_bytes()[at..];
    assert!(matches!(decoder.decode(rest, &limits, &mut scratch).item, Item::End(_)));
    for _ in 0..3 {
        let step = decoder.decode(rest, &limits, &mut scratch);
        assert!(matches!(step.item, Item::UpgradePending) && step.consumed == 0);
    }
    decoder.decide_upgrade(false);
    decoder.decide_upgrade(true);
    assert!(matches!(decoder.decode(rest, &limits, &mut scratch).item, Item::Head(_)), "the first answer stands");
    let mut early = Decoder::new(Role::Server);
    early.decode(UPGRADE.as_bytes(), &limits, &mut scratch);
    early.decide_upgrade(true);
    assert!(matches!(early.decode(b"x", &limits, &mut scratch).item, Item::End(_)));
    assert!(matches!(early.decode(b"x", &limits, &mut scratch).item, Item::Tunnel));
}

#[test]
fn sem_fields_are_complete() {
    let lines = "__proto__: x\r\nconstructor: y\r\nX-\u{e9}".replace('\u{e9}', "e")
        + ": caf\u{e9}\r\nset-cookie: a\r\nSet-Cookie: b\r\n";
    let log = verdict(&Setup::server(), get("/", "1.1", &format!("{HOST}{lines}")).as_bytes());
    let Said::Head { fields, .. } = &log[0] else { panic!() };
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "__proto__", "constructor", "X-e", "set-cookie", "Set-Cookie"], "in order, as spelt");
}
