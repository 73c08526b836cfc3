//! LINE: what ends a line, and what does not (R5, R6).

use super::*;
use Reason::*;

#[test]
fn line_terminators_in_the_request_line() {
    let with = |end: &str| format!("GET / HTTP/1.1{end}{HOST}\r\n");
    check_all(
        &Setup::server(),
        &[
            ("CRLF", with("\r\n"), Good(1, "")),
            ("LF", with("\n"), Bad(VersionCrlfExpected)),
            ("CR", with("\r"), Bad(VersionCrlfExpected)),
            ("CRCRLF", with("\r\r\n"), Bad(VersionCrlfExpected)),
            ("SP CRLF", with(" \r\n"), Bad(VersionCrlfExpected)),
            ("VT", with("\u{b}\r\n"), Bad(VersionCrlfExpected)),
            ("FF", with("\u{c}"), Bad(VersionCrlfExpected)),
            ("NEL", with("\u{85}"), Bad(VersionCrlfExpected)),
            ("LS", with("\u{2028}"), Bad(VersionCrlfExpected)),
            ("NUL", with("\0\r\n"), Bad(VersionCrlfExpected)),
            ("LFCR", with("\n\r"), Bad(VersionCrlfExpected)),
            ("none", with(""), Bad(VersionCrlfExpected)),
            ("junk", with(" x\r\n"), Bad(VersionCrlfExpected)),
        ],
    );
}

#[test]
fn line_terminators_in_fields() {
    let with = |end: &str| format!("GET / HTTP/1.1\r\n{HOST}X: y{end}Z: z\r\n\r\n").into_bytes();
    check_all(
        &Setup::server(),
        &[
            ("CRLF", with("\r\n"), Good(1, "")),
            ("LF", with("\n"), Bad(CrExpected)),
            ("CR", with("\r"), Bad(LfExpected)),
            ("CRCRLF", with("\r\r\n"), Bad(LfExpected)),
            ("CR SP", with("\r "), Bad(LfExpected)),
            ("VT", with("\u{b}"), Bad(InvalidHeaderValue)),
            ("FF", with("\u{c}"), Bad(InvalidHeaderValue)),
            ("NUL", with("\0\r\n"), Bad(InvalidHeaderValue)),
            ("DEL", with("\u{7f}\r\n"), Bad(InvalidHeaderValue)),
            ("NEL and LS are text", with("\u{85}\u{2028}\r\n"), Good(1, "")),
            ("LFCR", with("\n\r"), Bad(CrExpected)),
            ("fold SP", with("\r\n "), Bad(ObsFold)),
            ("fold HTAB", with("\r\n\t"), Bad(ObsFold)),
            ("fold of nothing", with("\r\n \r\n"), Bad(ObsFold)),
            ("LF fold", with("\n "), Bad(CrExpected)),
        ],
    );
}

#[test]
fn line_end_of_head() {
    let with = |end: &str| format!("GET / HTTP/1.1\r\n{HOST}X: y{end}").into_bytes();
    check_all(
        &Setup::server(),
        &[
            ("CRLFCRLF", with("\r\n\r\n"), Good(1, "")),
            ("LFLF", with("\n\n"), Bad(CrExpected)),
            ("CRLF LF", with("\r\n\n"), Bad(InvalidHeaderToken)),
            ("LF CRLF", with("\n\r\n"), Bad(CrExpected)),
            ("CRLF CR X", with("\r\n\rX"), Bad(HeadersLfExpected)),
            ("CRLF CR CR", with("\r\n\r\r\n"), Bad(HeadersLfExpected)),
            ("CRLF CR NUL", with("\r\n\r\0"), Bad(HeadersLfExpected)),
            ("CRCR", with("\r\r"), Bad(LfExpected)),
            ("CRLF SP CRLF", with("\r\n \r\n"), Bad(ObsFold)),
            ("CRLF NUL", with("\r\n\0\r\n"), Bad(InvalidHeaderToken)),
            ("CRLF VT", with("\r\n\u{b}\r\n"), Bad(InvalidHeaderToken)),
        ],
    );
}

#[test]
fn line_empty_lines_before_the_request() {
    let get = format!("GET / HTTP/1.1\r\n{HOST}\r\n");
    for count in 0..=8 {
        check("leading CRLF", &Setup::server(), format!("{}{get}", "\r\n".repeat(count)).as_bytes(), &Good(1, ""));
        check("between", &Setup::server(), format!("{get}{}{get}", "\r\n".repeat(count)).as_bytes(), &Good(2, ""));
    }
    let breaks = "\r\n".repeat(8);
    check(
        "counted anew",
        &Setup::server(),
        format!("{breaks}{get}{breaks}{get}{breaks}{get}").as_bytes(),
        &Good(3, ""),
    );
    check_all(
        &Setup::server(),
        &[
            ("too many", format!("{}{get}", "\r\n".repeat(9)), Bad(StrayLineBreak)),
            ("LF", format!("\n{get}"), Bad(StrayLineBreak)),
            ("CR", format!("\r{get}"), Bad(StrayLineBreak)),
            ("CRCRLF", format!("\r\r\n{get}"), Bad(StrayLineBreak)),
            ("CRLFLF", format!("\r\n\n{get}"), Bad(StrayLineBreak)),
            ("SP", format!(" {get}"), Bad(InvalidMethod)),
            ("HTAB", format!("\t{get}"), Bad(InvalidMethod)),
            ("NUL", format!("\0{get}"), Bad(InvalidMethod)),
            ("BOM", format!("\u{feff}{get}"), Bad(InvalidMethod)),
            ("CRLF SP", format!("\r\n {get}"), Bad(InvalidMethod)),
        ],
    );
    let only_breaks = "\r\n".repeat(8);
    assert_eq!(verdict(&Setup::server(), only_breaks.as_bytes()), []);
}

#[test]
fn line_request_line_spaces() {
    let with = |line: &str| format!("{line}\r\n{HOST}\r\n");
    check_all(
        &Setup::server(),
        &[
            ("two before target", with("GET  / HTTP/1.1"), Bad(InvalidUrl)),
            ("HTAB before target", with("GET\t/ HTTP/1.1"), Bad(InvalidMethod)),
            ("two before version", with("GET /  HTTP/1.1"), Bad(InvalidConstant)),
            ("HTAB before version", with("GET /\tHTTP/1.1"), Bad(InvalidUrl)),
            ("space in target", with("GET /a b HTTP/1.1"), Bad(InvalidConstant)),
            ("no target", with("GET HTTP/1.1"), Bad(InvalidVersion)),
            ("0.9", with("GET /"), Bad(InvalidVersion)),
            ("no method", with("/ HTTP/1.1"), Bad(InvalidMethod)),
            ("version 2.0", with("GET / HTTP/2.0"), Bad(UnsupportedVersion)),
            ("version 1.2", with("GET / HTTP/1.2"), Bad(UnsupportedVersion)),
            ("version 0.9", with("GET / HTTP/0.9"), Bad(UnsupportedVersion)),
            ("version 1.10", with("GET / HTTP/1.10"), Bad(VersionCrlfExpected)),
            ("version 11", with("GET / HTTP/11"), Bad(InvalidVersion)),
            ("version 1,1", with("GET / HTTP/1,1"), Bad(InvalidVersion)),
            ("version 1.", with("GET / HTTP/1."), Bad(InvalidVersion)),
            ("version x", with("GET / HTTP/x.1"), Bad(InvalidVersion)),
            ("http", with("GET / http/1.1"), Bad(InvalidConstant)),
            ("HTTPS", with("GET / HTTPS/1.1"), Bad(InvalidConstant)),
            ("RTSP", with("GET / RTSP/1.0"), Bad(InvalidConstant)),
            ("ICE", with("SOURCE / ICE/1.0"), Bad(InvalidConstant)),
            ("HTTP-1.1", with("GET / HTTP-1.1"), Bad(InvalidConstant)),
            ("PRI", with("PRI * HTTP/2.0"), Bad(InvalidMethod)),
            ("TLS", "\u{16}\u{3}\u{1}\u{2}\0".to_owned(), Bad(InvalidMethod)),
        ],
    );
    assert_eq!(UnsupportedVersion.status(), 505);
}

#[test]
fn line_names_and_colons() {
    let with = |line: &str| format!("GET / HTTP/1.1\r\n{HOST}{line}\r\n\r\n");
    check_all(
        &Setup::server(),
        &[
            ("SP colon", with("X : y"), Bad(InvalidHeaderToken)),
            ("HTAB colon", with("X\t: y"), Bad(InvalidHeaderToken)),
            ("no name", with(": y"), Bad(InvalidHeaderToken)),
            ("no colon", with("X"), Bad(InvalidHeaderToken)),
            ("no colon, SP", with("X y"), Bad(InvalidHeaderToken)),
            ("leading SP", with(" X: y"), Bad(ObsFold)),
            ("no space", with("X:y"), Good(1, "")),
            ("empty", with("X:"), Good(1, "")),
            ("only OWS", with("X: \t "), Good(1, "")),
            ("two colons", with("X::y"), Good(1, "")),
            ("CR in name", with("X\rY: z"), Bad(InvalidHeaderToken)),
            ("LF in name", with("X\nY: z"), Bad(InvalidHeaderToken)),
        ],
    );
    let first = "GET / HTTP/1.1\r\n X: y\r\n\r\n";
    check("white space first", &Setup::server(), first.as_bytes(), &Bad(UnexpectedSpace));
    let log = verdict(&Setup::server(), with("X:\t a\tb \t").as_bytes());
    let Said::Head { fields, .. } = &log[0] else { panic!("{log:?}") };
    assert_eq!(fields[1], ("X".into(), "a\tb".into()), "OWS is trimmed at both ends and kept within");
}
