//! What http shows to scripts that look beneath its requests: parsers, sockets, streams of their own, observers; and to
//! whom the faults of peers are told. The scripts stand in tests/js/http.
mod support;

use support::{Server, run_with};

/// Runs a script of tests/js/http, and gives what it printed.
fn printed(name: &str) -> String {
    let path = format!("{}/tests/js/http/{name}.js", env!("CARGO_MANIFEST_DIR"));
    let done = run_with(&["run", "-A", &path]);
    assert_eq!(done.code, Some(0), "{}\n{}", done.out, done.err);
    done.out
}

#[test]
fn parsers_of_a_script_are_as_strict_as_the_host() {
    let wanted = [
        "GET /x|1.1 2 false true|||GET /y|1.0 0 false false|||end",
        "POST /a|1.1 4 false true|abc0123456789|T,u|end",
        "POST /a|1.1 4 false true|abc||end",
        "POST /a|1.1 4 false true|HPE_INVALID_EOF_STATE",
        "204 No|1.1 0 false true|||200 Yes|1.0 0 false false|all of it||end",
        "200 OK|1.1 82 false true|||end",
        "HPE_UNEXPECTED_CONTENT_LENGTH",
        "HPE_UNEXPECTED_CONTENT_LENGTH",
        "HPE_INVALID_CONTENT_LENGTH",
        "HPE_INVALID_TRANSFER_ENCODING",
        "HPE_INVALID_HEADER_TOKEN",
        "HPE_INVALID_HEADER_TOKEN",
        "HPE_CR_EXPECTED",
        "HPE_LF_EXPECTED",
        "HPE_INVALID_HEADER_TOKEN",
        "HPE_HEADER_OVERFLOW",
        "POST /a|1.1 4 false true|HPE_INVALID_CHUNK_SIZE",
        "POST /a|1.1 4 false true|HPE_STRICT",
        "POST /a|1.1 4 false true|HPE_INVALID_CHUNK_SIZE",
        "HPE_INVALID_METHOD",
        "HPE_INVALID_VERSION",
        "HPE_INVALID_CONSTANT",
        "HPE_INVALID_STATUS",
        "CONNECT a:1|1.1 0 true true|||left",
        "TypeError",
    ];
    assert_eq!(printed("parser").lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn a_response_of_the_scripts_own_writes_to_the_stream_it_is_given() {
    assert_eq!(
        printed("standalone"),
        concat!(
            "ERR_HTTP_SOCKET_ASSIGNED\nwritten\n",
            r#""HTTP/1.1 201 Made\r\nA: b\r\nSet-Cookie: x=1\r\nSet-Cookie: y=2\r\nConnection: keep-alive\r\n"#,
            r#"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n" true"#,
            "\n",
            r#""HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nall""#,
            "\n"
        )
    );
}

#[test]
fn a_connections_socket_shows_https_listeners_until_it_leaves() {
    let wanted = "true,true,true,true,true,true\ntrue true true\nfreed\n0,0,0,0,0 null\n";
    assert_eq!(printed("socket"), wanted);
}

#[test]
fn observers_hear_of_both_sides() {
    let out = printed("observed");
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "HttpClient GET http://localhost/p 202",
            "HttpRequest GET /p 202",
            "http.client.request.start request",
            "http.client.response.finish request,response",
            "http.server.request.start request,response,socket,server",
            "http.server.response.finish request,response,socket,server",
        ]
    );
}

#[test]
fn a_request_nobody_reads_closes_after_its_response() {
    let late = "res close false\nreq end false\nreq close true\n";
    assert_eq!(printed("order"), format!("finish\n{late}{late}"));
}

#[test]
fn a_stream_of_the_scripts_own_has_its_limits_and_its_faults() {
    let out = printed("attached");
    let whole = r#""HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n40000""#;
    let first = r#""HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 1\r\n\r\n1""#;
    assert_eq!(out, format!("{whole}\nend\n{first}\nHPE_INVALID_METHOD 47\n\"bye\"\nend\n"));
}

#[test]
fn a_stream_fed_beyond_all_measure_ends_its_request() {
    assert_eq!(printed("fed"), "request ENOBUFS\nresponse ECONNRESET\nclosed\n");
}

#[test]
fn headers_are_the_standards() {
    let cookies = "a=1|b=2";
    let list = r#"[["bar","2"],["foo","1, 3"],["set-cookie","a=1"],["set-cookie","b=2"]]"#;
    let wrong = ["TypeError"; 7].join(",");
    assert_eq!(printed("headers"), format!("{list} 1, 3 {cookies} false\n{wrong}\n1, 3 2 {cookies}\n"));
}

/// Two requests and something that is none, in one packet.
const FAULTY: &str = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nno request\r\n\r\n";

fn answers(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect()
}

#[test]
fn a_script_that_listens_for_faults_answers_them_after_what_is_due() {
    let mut server = Server::start(
        "const server = require('http').createServer((req, res) => setTimeout(() => res.end(req.url), 30));
         server.on('clientError', (error, socket) => {
           console.log(error.code, error.bytesParsed);
           socket.end('HTTP/1.1 418 Mine\\r\\n\\r\\n');
         });
         server.listen(0, () => console.log(`PORT ${server.address().port}`));",
    );
    let text = server.exchange(FAULTY);
    assert_eq!(answers(&text), ["200", "200", "418"], "{text}");
    assert_eq!(server.line(), "HPE_INVALID_METHOD 56");
}

#[test]
fn a_script_that_only_holds_the_socket_is_told_when_the_host_has_answered() {
    let mut server = Server::start(
        "const server = require('http').createServer((req, res) => {
           if (req.url === '/1') req.socket.on('error', (error) => console.log(error.code, error.rawPacket.length));
           if (req.url === '/1') req.socket.on('close', (failed) => console.log('closed', failed));
           setTimeout(() => res.end(req.url), 30);
         });
         server.listen(0, () => console.log(`PORT ${server.address().port}`));",
    );
    let text = server.exchange(FAULTY);
    assert_eq!(answers(&text), ["200", "200", "400"], "{text}");
    assert_eq!(server.line(), format!("HPE_INVALID_METHOD {}", FAULTY.len()));
    assert_eq!(server.line(), "closed true");
}
