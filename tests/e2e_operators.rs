//! What an operator sees and orders beyond counters: logs that are kept, followed and written as JSON, traces, limits at run
//! time, tenants that are held, and the admin port's guards. It must not know how the hall keeps any of it.
mod support;

use serde_json::Value;
use support::serve::{Admin, Hive, address, serving, tenants};
use support::{Client, Response, Server, eventually, file, folder};

/// Prints what its request's path says, then answers.
const SPEAKS: &str = "require('http').createServer((req, res) => {
    const words = decodeURIComponent(req.url.slice(1));
    if (words.startsWith('!')) console.error(words.slice(1)); else if (words) console.log(words);
    res.end(JSON.stringify(req.headers));
  }).listen(80);";

/// More than a log may have in a moment, or a word.
const FLOODS: &str = "require('http').createServer((req, res) => {
    if (req.url === '/word') console.log('word'); else for (let i = 0; i < 50000; i++) console.log('flood ' + i + 'x'.repeat(500));
    res.end('done');
  }).listen(80);";

/// All tenants in the loop with the fronts, over two others of the same process, and each in a process of its own.
const WAYS: [&[&str]; 3] = [&["--processes", "1"], &["--loops", "2"], &["--process-per-tenant"]];

/// A hive whose outputs are two, and what its operator has.
struct Operated {
    hive: Hive,
    admin: Admin,
    /// Where the admin port's page is, with the token.
    page: String,
}

/// The host's words, whatever they are written as.
fn words(line: &str) -> String {
    let json: Option<Value> = serde_json::from_str(line).ok();
    let text = json.as_ref().and_then(|value| value["text"].as_str()).map(str::to_owned);
    text.unwrap_or_else(|| line.strip_prefix("skep: ").unwrap_or(line).to_owned())
}

impl Operated {
    fn start(options: &[&str]) -> Operated {
        let free = "[limits]\ndisk_bytes = 'none'\ndisk_entries = 'none'\n";
        let place = tenants(&[("a/index.js", SPEAKS), ("flood/index.js", FLOODS), ("flood/skep.toml", free)]);
        let admin = Admin::in_folder(&folder());
        let mut server = Server::spawn(serving(&place, &admin.words()).args(["--admin", "127.0.0.1:0"]).args(options));
        loop {
            let said = words(&server.error_line());
            if let Some(at) = address(&said) {
                server.port = at.port();
            }
            if let Some(page) = said.strip_prefix("admin page on http://") {
                return Operated { hive: Hive { server }, admin, page: page.to_owned() };
            }
        }
    }

    fn logs(&self, path: &str) -> Vec<Value> {
        let answer = self.admin.ask("GET", path, "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = String::from_utf8(answer.body).expect("a log is text");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Its lines after some, when there are so many: they may come from another process.
    fn logs_of(&self, path: &str, count: usize) -> Vec<Value> {
        eventually("lines are kept", || self.logs(path).len() >= count);
        self.logs(path)
    }

    /// A request to a tenant, with these lines.
    fn visit(&self, name: &str, path: &str, lines: &str) -> Response {
        let mut client = self.hive.client();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {name}.localhost\r\n{lines}\r\n"));
        client.response()
    }

    /// The headers that tenant a was sent.
    fn told(&self, lines: &str) -> Value {
        serde_json::from_str(&self.visit("a", "/", lines).text()).expect("headers")
    }

    /// A line on standard output that is JSON.
    fn line(&mut self) -> Value {
        serde_json::from_str(&self.hive.server.line()).expect("JSON")
    }

    /// A request to the admin port.
    fn knock(&self, head: &str) -> Response {
        let (at, _) = self.page.split_once("/#").expect("a token");
        let at: std::net::SocketAddr = at.parse().expect("an address");
        let mut client = Client::connect(at.port());
        client.send(format!("{head}\r\n\r\n"));
        client.response()
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

const HOSTILE: &str = "<script>alert(1)</script>\u{1b}[2J {\"tenant\":\"b\"} \u{202e}";

#[test]
fn logs_are_kept_and_followed() {
    WAYS.iter().for_each(|way| keeps_and_tells_logs(&Operated::start(way)));
}

fn keeps_and_tells_logs(hive: &Operated) {
    assert_eq!(hive.logs("/tenants/a/logs").len(), 0);
    for (count, word) in ["one", "!two", &encoded(HOSTILE)].into_iter().enumerate() {
        hive.visit("a", &format!("/{word}"), "");
        hive.logs_of("/tenants/a/logs", count + 1);
    }
    let lines = hive.logs("/tenants/a/logs");
    let told: Vec<_> = lines.iter().map(|line| (line["text"].as_str(), line["stream"].as_str())).collect();
    assert_eq!(told, [(Some("one"), Some("stdout")), (Some("two"), Some("stderr")), (Some(HOSTILE), Some("stdout"))]);
    assert_eq!(hive.logs("/tenants/a/logs?after=1&lines=1")[0]["text"], HOSTILE);
    assert!(hive.logs("/tenants/flood/logs").is_empty(), "each log is its tenant's");

    let mut follower = hive.admin.connect();
    follower.send("GET /tenants/a/logs?follow&after=3 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(follower.head().status, 200);
    for word in ["four", "five"] {
        hive.visit("a", &format!("/{word}"), "");
        let line: Value = serde_json::from_str(&follower.through(b"\n")).expect("a line comes as it is printed");
        assert_eq!((&line["text"], &line["tenant"]), (&word.into(), &"a".into()));
    }
}

#[test]
fn a_flood_is_bounded_and_what_was_dropped_is_told() {
    WAYS.iter().for_each(|way| bounds_a_flood(&Operated::start(way)));
}

fn bounds_a_flood(hive: &Operated) {
    assert_eq!(hive.visit("flood", "/", "").status, 200);
    let told = || {
        let lines = hive.logs("/tenants/flood/logs");
        lines.iter().any(|line| {
            line["text"].as_str().is_some_and(|text| text.contains("writes of") && text.contains("were dropped"))
        })
    };
    // It says so with what is printed next, which is to leave room for it.
    eventually("the log says what was dropped", || {
        hive.visit("flood", "/word", "");
        told()
    });
    let kept = hive.admin.ask("GET", "/tenants/flood/logs", "").body.len();
    assert!(kept < 512 << 10, "{kept} bytes are kept");
    assert_eq!(hive.visit("a", "/", "").status, 200);
}

#[test]
fn json_logs_are_one_object_a_line_and_the_hosts_words_too() {
    WAYS.iter().for_each(|way| prints_json(Operated::start(&[*way, &["--log", "json"]].concat())));
}

fn prints_json(mut hive: Operated) {
    hive.visit("a", &format!("/{}", encoded(HOSTILE)), "");
    let line = hive.hive.server.line();
    assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line}");
    let value: Value = serde_json::from_str(&line).expect("it is JSON");
    assert_eq!((&value["text"], &value["tenant"], &value["level"]), (&HOSTILE.into(), &"a".into(), &"info".into()));
    assert!(value["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    hive.admin.ask("POST", "/tenants/a/stop", "");
    let line = hive.hive.server.error_line();
    let mut value: Value = serde_json::from_str(&line).expect("the host's lines are JSON too");
    while value["tenant"] != "a" {
        let line = hive.hive.server.error_line();
        value = serde_json::from_str(&line).expect("all of them");
    }
    assert_eq!((&value["stream"], &value["text"]), (&"host".into(), &"was stopped by an operator".into()));
}

#[test]
fn a_trace_goes_on_or_begins_and_its_end_is_logged() {
    WAYS.iter().for_each(|way| traces(Operated::start(&[*way, &["--trace", "--log", "json"]].concat())));
}

fn traces(mut hive: Operated) {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let given = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01\r\ntracestate: x=y\r\n");
    let headers = hive.told(&given);
    let parent = headers["traceparent"].as_str().expect("there is one").to_owned();
    assert!(parent.starts_with(&format!("00-{trace}-")) && !parent.contains("00f067aa0ba902b7"), "{parent}");
    assert_eq!(headers["tracestate"], "x=y");
    let end = hive.line();
    assert_eq!(
        (&end["traceId"], &end["parentId"], &end["status"]),
        (&trace.into(), &"00f067aa0ba902b7".into(), &200.into())
    );
    assert_eq!((&end["text"], &end["stream"], &end["tenant"]), (&"GET /".into(), &"trace".into(), &"a".into()));
    assert_eq!(parent.split('-').nth(2), end["spanId"].as_str());
    for lies in ["", "traceparent: 00-0-0-0\r\ntracestate: x=y\r\n", &format!("{given}{given}")] {
        let headers = hive.told(lies);
        let parent = headers["traceparent"].as_str().expect("there is one");
        assert!(!parent.contains(trace) && parent.len() == 55, "{parent}");
        assert_eq!(headers.get("tracestate"), None);
        assert_eq!(hive.line()["parentId"], Value::Null);
    }
}

#[test]
fn limits_are_shown_as_they_are_and_changed_within_bounds() {
    let hive = Operated::start(&[]);
    let (status, before) = hive.admin.json("GET", "/tenants/a/limits", "");
    assert_eq!((status, &before["changed"]), (200, &serde_json::json!({})));
    assert_eq!(before["limits"], before["configured"]);
    let (status, told) = hive.admin.json("PUT", "/tenants/a/limits", "{\"sockets\": 3, \"at_cpu\": \"shed\"}");
    assert_eq!((status, &told["kept"]), (200, &"until this process ends".into()));
    let (_, after) = hive.admin.json("GET", "/tenants/a/limits", "");
    assert_eq!((&after["limits"]["sockets"], &after["limits"]["at_cpu"]), (&3.into(), &"shed".into()));
    assert_eq!(after["configured"], before["configured"]);
    assert_eq!(after["changed"], serde_json::json!({ "sockets": 3, "at_cpu": "shed" }));
}

#[test]
fn a_tenant_that_is_stopped_stays_so_until_it_is_started() {
    let hive = Operated::start(&[]);
    let state = |wanted: &str| {
        eventually(wanted, || hive.admin.json("GET", "/tenants/a", "").1["state"] == wanted);
        hive.admin.json("GET", "/tenants/a", "").1["held"].as_bool()
    };
    assert_eq!(hive.visit("a", "/", "").status, 200);
    assert_eq!(hive.admin.json("POST", "/tenants/a/stop", "").0, 202);
    assert_eq!(state("stopped"), Some(true));
    assert_eq!(hive.visit("a", "/", "").status, 503);
    assert_eq!(state("stopped"), Some(true));
    hive.hive.server.signal("HUP");
    assert_eq!(hive.visit("a", "/", "").status, 503, "a new configuration does not start it");
    assert_eq!(hive.admin.json("POST", "/tenants/a/start", "").0, 202);
    assert_eq!(state("running"), Some(false));
    assert_eq!(hive.visit("a", "/", "").status, 200);
    assert_eq!(hive.admin.json("POST", "/tenants/a/stop", "").0, 202);
    assert_eq!(hive.admin.json("POST", "/tenants/a/deploy", "").0, 202);
    assert_eq!(hive.visit("a", "/", "").status, 200);
    assert_eq!(hive.admin.json("POST", "/deploy", "").0, 202);
    eventually("new code serves", || hive.admin.json("GET", "/tenants/a", "").1["starts"].as_u64() >= Some(4));
}

#[test]
fn what_an_operator_starts_runs_before_anybody_asks_for_it() {
    for way in WAYS {
        let hive = Operated::start(way);
        let is = |state: &str, instances: u64, starts: u64| {
            let counts = |told: &Value| (told["instances"].as_u64(), told["starts"].as_u64());
            eventually(state, || {
                let told = hive.admin.tenant("a");
                told["state"] == state && counts(&told) == (Some(instances), Some(starts))
            });
        };
        // Of a process that is not there yet, of one that is, and where it runs already.
        for starts in [1, 2] {
            assert_eq!(hive.admin.json("POST", "/tenants/a/start", "").0, 202);
            is("running", 1, starts);
            assert_eq!(hive.admin.json("POST", "/tenants/a/start", "").0, 202);
            is("running", 1, starts);
            assert_eq!(hive.admin.json("POST", "/tenants/a/stop", "").0, 202);
            is("stopped", 0, starts);
        }
        assert_eq!(hive.admin.tenant("flood")["state"], "stopped", "nobody has ordered it");
    }
}

#[test]
fn every_wrong_order_has_a_code() {
    let hive = Operated::start(&[]);
    let cases = [
        ("GET", "/nothing", "", 404, "ERR_NOT_FOUND"),
        ("GET", "/tenants/nobody", "", 404, "ERR_NO_TENANT"),
        ("POST", "/tenants/nobody/stop", "", 404, "ERR_NO_TENANT"),
        ("GET", "/tenants/a/nothing", "", 404, "ERR_NOT_FOUND"),
        ("POST", "/tenants", "", 405, "ERR_METHOD"),
        ("GET", "/deploy", "", 405, "ERR_METHOD"),
        ("GET", "/tenants/a/stop", "", 405, "ERR_METHOD"),
        ("GET", "/tenants/a/start", "", 405, "ERR_METHOD"),
        ("POST", "/tenants/a/logs", "", 405, "ERR_METHOD"),
        ("GET", "/tenants/a/logs?nothing", "", 400, "ERR_QUERY"),
        ("GET", "/tenants/a/logs?after=-1", "", 400, "ERR_QUERY"),
        ("GET", "/tenants?follow", "", 400, "ERR_QUERY"),
        ("GET", "/tenants/%61", "", 400, "ERR_TARGET"),
        ("PUT", "/tenants/a/limits", "[]", 400, "ERR_LIMITS"),
        ("PUT", "/tenants/a/limits", "{\"memory_bytes\": 99999999999}", 400, "ERR_LIMITS"),
        ("PUT", "/tenants/a/limits", "{\"no_such\": 1}", 400, "ERR_LIMITS"),
        ("PUT", "/tenants/flood/limits", "{\"sockets\": 1, \"disk_entries\": 1}", 409, "ERR_LIMITS"),
    ];
    for (method, path, body, status, code) in cases {
        let (found, told) = hive.admin.json(method, path, body);
        assert_eq!((found, &told["code"]), (status, &code.into()), "{method} {path}");
        assert!(told["error"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
    }
    assert_eq!(hive.admin.json("PUT", "/tenants/a/limits", "{\"disk_entries\": 1}").0, 200, "this one is bounded");
}

#[test]
fn the_port_is_for_who_has_the_token_and_is_no_other_sites() {
    let hive = Operated::start(&[]);
    let (at, token) = hive.page.split_once("/#").expect("a token");
    let page = hive.knock(&format!("GET / HTTP/1.1\r\nHost: {at}"));
    let text = page.text();
    assert!(page.status == 200 && text.contains("<title>skep</title>") && !text.contains(token));
    for field in
        ["Content-Security-Policy: default-src 'none'", "X-Frame-Options: DENY", "X-Content-Type-Options: nosniff"]
    {
        assert!(page.head.contains(field), "{}", page.head);
    }
    let with = format!("Host: {at}\r\nAuthorization: Bearer {token}");
    assert_eq!(hive.knock(&format!("GET /tenants HTTP/1.1\r\n{with}")).status, 200);
    assert_eq!(hive.knock(&format!("POST /tenants/a/stop HTTP/1.1\r\nContent-Length: 0\r\n{with}")).status, 202);
    let wrong = [
        (format!("GET /tenants HTTP/1.1\r\nHost: {at}"), 401),
        (
            format!(
                "POST /tenants/a/start HTTP/1.1\r\nContent-Length: 0\r\nHost: {at}\r\nAuthorization: Bearer {token}x"
            ),
            401,
        ),
        (format!("GET /metrics HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer"), 401),
        (format!("GET /tenants HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {token}"), 421),
        ("GET / HTTP/1.1\r\nHost: evil.example".to_owned(), 421),
        (format!("POST /deploy HTTP/1.1\r\nContent-Length: 0\r\nOrigin: http://evil.example\r\n{with}"), 403),
        (format!("POST /deploy HTTP/1.1\r\nContent-Length: 0\r\nSec-Fetch-Site: cross-site\r\n{with}"), 403),
    ];
    for (request, status) in wrong {
        let answer = hive.knock(&request);
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(answer.field("x-frame-options"), Some("DENY"), "{}", answer.head);
        assert!(answer.text().contains("\"code\":\"ERR_"), "{}", answer.text());
    }
    assert_eq!(hive.admin.json("GET", "/tenants/a", "").1["held"], true, "nothing wrong has started it");
}

#[test]
fn an_admin_port_for_the_world_is_refused_and_a_short_token_too() {
    let folder = folder();
    file(&folder, "t/a/index.js", SPEAKS);
    let token = file(&folder, "token", "short\n");
    let run = |words: &[&str]| {
        support::finish(support::piped(&mut serving(&folder.join("t"), words)).spawn().expect("it starts"))
    };
    let world = run(&["--admin", "0.0.0.0:0"]);
    assert!(world.code == Some(1) && world.err.contains("the admin port is for this machine"), "{}", world.err);
    let short = run(&["--admin", "127.0.0.1:0", "--admin-token", token.to_str().expect("text")]);
    assert!(short.code == Some(1) && short.err.contains("16 letters and digits"), "{}", short.err);
}
