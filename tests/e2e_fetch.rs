//! fetch from a script's side, against servers that behave and servers that do not; and modules that are served because they
//! have a handler: `export default { fetch(request, env, ctx) }`, under `skep run` and `skep serve`.
mod support;

use support::serve::{Hive, tenants};
use support::{Client, Response, Server, file, folder, merged, run_as, run_with, skep};

fn lines(options: &[&str], code: &str) -> String {
    let done = run_as(options, code);
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{}", done.out);
    done.out
}

/// The expected lines are Node 20's, but for the name in one message that its bundler has changed.
#[test]
fn fetch_and_its_classes_say_what_nodes_do() {
    assert_eq!(lines(&["-A"], include_str!("js/fetch.js")), include_str!("js/fetch.txt"));
}

#[test]
fn servers_that_lie_flood_or_never_end_are_bounded() {
    let said = lines(&["--allow-net=127.0.0.1"], include_str!("js/fetch_hostile.js"));
    assert_eq!(said, include_str!("js/fetch_hostile.txt"));
}

#[test]
fn what_is_not_granted_is_named() {
    let done = run_as(
        &[],
        "const told = (error) => console.log(error.message, error.cause.code, /--allow-net=127.0.0.1:4001/.test(error.cause.message));
         fetch('http://127.0.0.1:4001/').catch(told);",
    );
    assert_eq!(done.out, "fetch failed ERR_ACCESS_DENIED true\n", "{}", done.err);
}

const HANDLER: &str = include_str!("js/fetch_handler.mjs");

/// Both outputs in one pipe: where it listens is said on standard error.
fn serve(text: &str, options: &[&str], variables: &[(&str, &str)]) -> Server {
    let path = file(&folder(), "main.mjs", text);
    let mut command = skep();
    command.arg("run").args(options).arg(path).envs(variables.iter().copied());
    let mut server = Server::spawn(&mut merged(&command, ""));
    let line = server.line();
    let port = line.strip_prefix("Listening on http://localhost:").and_then(|rest| rest.strip_suffix('/'));
    server.port =
        port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("it says where it listens, not {line:?}"));
    server
}

fn asked(client: &mut Client, head: &str) -> Response {
    client.send(format!("{head}\r\n\r\n"));
    client.response_to(head.split(' ').next().expect("a method"))
}

fn get(client: &mut Client, path: &str) -> Response {
    asked(client, &format!("GET {path} HTTP/1.1\r\nHost: a.example"))
}

#[test]
fn a_handler_answers_requests() {
    let server = serve(HANDLER, &[], &[]);
    let mut client = server.client();
    let response = get(&mut client, "/text?q='1'");
    assert_eq!((response.status, response.text().as_str()), (200, "GET http://a.example/text?q=%271%27"));
    assert_eq!(response.field("content-type"), Some("text/plain;charset=UTF-8"));
    assert_eq!(response.field("content-length"), Some("35"));
    let response = asked(&mut client, "HEAD /text HTTP/1.1\r\nHost: a.example");
    assert_eq!((response.status, response.field("content-length"), response.text().len()), (200, Some("26"), 0));
    let response = get(&mut client, "/empty");
    assert_eq!((response.status, response.field("content-length")), (204, None));
    let response = get(&mut client, "/cookies");
    assert_eq!(response.text(), "[[\"host\",\"a.example\"]]");
    let cookies = response.names().iter().filter(|name| name.eq_ignore_ascii_case("set-cookie")).count();
    assert_eq!(cookies, 2);
    let response = get(&mut client, "/framing");
    assert_eq!((response.text().as_str(), response.field("connection")), ("framed", Some("keep-alive")));
    assert_eq!(get(&mut client, "/streamed").text(), "one two three ");
    let posted = "POST /echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    client.send(posted);
    assert_eq!(client.response().text(), "{\"a\":1}");
    client.send(posted.replace("/echo", "/through"));
    assert_eq!(client.response().text(), "{\"a\":1}");
    assert_eq!(get(&mut client, "/").status, 404);
}

/// Each is a 500 and a line that says why; the server goes on, and nothing of the handler's reaches the head.
#[test]
fn a_handler_that_fails_is_told_of() {
    let mut server = serve(HANDLER, &[], &[]);
    let mut client = server.client();
    assert_eq!(get(&mut client, "/twice").text(), "kept");
    for (path, said) in [
        ("/throw", "Error: thrown"),
        ("/reject", "Error: rejected"),
        (
            "/none",
            "TypeError: The fetch handler must answer with a Response, or a promise of one; it answered undefined",
        ),
        ("/error", "TypeError: The fetch handler answered with a network error (Response.error())"),
        ("/used", "TypeError: The fetch handler answered with a Response whose body has been used already"),
        ("/twice", "TypeError: The fetch handler answered with a Response whose body has been used already"),
        ("/split", "TypeError: Headers.append: \"b"),
    ] {
        let response = get(&mut client, path);
        assert_eq!((response.status, response.text().as_str()), (500, "Internal Server Error"), "{path}");
        assert_eq!(response.field("injected"), None);
        let _before = server.until(said);
    }
    assert_eq!(get(&mut client, "/late").text(), "answered");
    let _before = server.until("Error: late");
    // A stream that fails in the middle, or gives no bytes, cuts the response short.
    for (path, said) in
        [("/broken", "Error: broken"), ("/strings", "TypeError: A stream of a Response must give Uint8Arrays")]
    {
        let bytes = server.exchange(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(bytes.starts_with("HTTP/1.1 200 OK\r\n") && !bytes.ends_with("0\r\n\r\n"), "{path}: {bytes:?}");
        let _before = server.until(said);
    }
    assert_eq!(get(&mut client, "/text").status, 200);
}

/// A stream without an end is made as fast as it is read, and is told when its reader goes; so is the request's signal.
#[test]
fn a_client_that_goes_ends_what_was_for_it() {
    let mut server = serve(HANDLER, &[], &[]);
    let mut client = server.client();
    client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
    let _head = client.through(b"\r\n\r\n");
    let _piece = client.exactly(1 << 20);
    drop(client);
    let line = server.line();
    let made: u64 = line.strip_prefix("cancelled after ").and_then(|text| text.parse().ok()).expect("a number");
    assert!(made < 64 << 20, "{made} bytes were made for a reader of 1 MiB");
    let mut client = server.client();
    client.send("GET /waits HTTP/1.1\r\nHost: a\r\n\r\n");
    let _before = server.until("waiting");
    drop(client);
    let _before = server.until("aborted AbortError");
    let mut client = server.client();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");
    drop(client);
    assert_eq!(get(&mut server.client(), "/text").status, 200);
}

#[test]
fn where_a_handler_is_served_is_said_by_itself_or_its_environment() {
    let module = "export default { fetch: (request, env) => new Response(env.PORT) };";
    let server = serve(module, &["--allow-env=PORT"], &[("PORT", "0")]);
    assert_eq!(get(&mut server.client(), "/").text(), "0");
    // Who listens is served by nobody else, and a module without a handler just ends.
    let path = file(
        &folder(),
        "main.mjs",
        "import http from 'node:http'; http.createServer().listen(0).close(); export default { fetch() {} };",
    );
    let done = run_with(&["run", path.to_str().expect("a path in UTF-8")]);
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""));
}

#[test]
fn a_tenant_may_be_a_handler() {
    let config = "hosts = [\"one.example\"]\nmain = \"main.mjs\"\n[env]\nGREETING = \"hello\"\n";
    let code = "export default { fetch: (request, env) => new Response(env.GREETING + ' ' + request.url) };";
    let place = tenants(&[("one/skep.toml", config), ("one/main.mjs", code)]);
    let response = Hive::start(&place).get("one.example", "/path");
    assert_eq!((response.status, response.text().as_str()), (200, "hello http://one.example/path"));
}
