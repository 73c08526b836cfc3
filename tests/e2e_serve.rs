//! `skep serve` on real sockets: whose a request is, connections that change hands, tenants that start, fail, are replaced
//! and stopped, and what a configuration may not say.
mod support;

use support::serve::{Admin, Hive, Load, ask, faults, plain, serving, tenants, version};
use support::{Client, eventually, file, folder, free_port};

#[test]
fn requests_reach_their_tenants_by_host_and_path() {
    let place = tenants(&[
        ("a/index.js", &plain("a")),
        ("b/server.js", &plain("b")),
        ("b/skep.toml", "hosts = ['b.example', '*.b.example']\n"),
        ("c/app.js", &plain("c")),
        ("c/skep.toml", "hosts = 'b.example'\npath = '/c'\nmain = 'app.js'\n"),
    ]);
    let hive = Hive::start(&place);
    assert_eq!(hive.get("a.localhost", "/x").text(), "a /x");
    assert_eq!(hive.get("A.LocalHost:8080", "/x").text(), "a /x");
    assert_eq!(hive.get("b.example", "/").text(), "b /");
    assert_eq!(hive.get("x.y.b.example", "/c").text(), "b /c");
    assert_eq!(hive.get("b.example", "/c/d?e").text(), "c /c/d?e");
    assert_eq!(hive.get("b.example", "/cd").text(), "b /cd");
    let nobody = hive.get("other.example", "/");
    assert_eq!((nobody.status, nobody.text().as_str()), (404, "no such host\n"));
    assert_eq!(nobody.field("connection"), Some("close"));
}

#[test]
fn one_connection_serves_several_tenants_in_order() {
    let place = tenants(&[("a/index.js", &plain("a")), ("b/index.js", &plain("b"))]);
    Hive::start(&place).serves_in_order(&["a", "b"], &["a", "a", "b", "a", "b", "b", "a"]);
}

#[test]
fn what_is_larger_than_one_call_takes_goes_out_whole() {
    let script = "const size = 17 << 20;
      require('http').createServer((req, res) => {
        if (req.url === '/text') return res.end('\u{20ac}'.repeat(size / 3 | 0) + 'xx');
        res.end(Buffer.alloc(size, 120));
      }).on('upgrade', (req, socket) => socket.end(Buffer.alloc(size, 120))).listen(80);";
    let hive = Hive::start(&tenants(&[("a/index.js", script)]));
    for path in ["/bytes", "/text"] {
        let answer = hive.get("a.localhost", path);
        assert_eq!((answer.status, answer.body.len()), (200, 17 << 20), "{path}");
        assert!(path == "/text" || answer.body.iter().all(|byte| *byte == b'x'), "{path}");
    }
    let mut client = hive.client();
    client.send("GET / HTTP/1.1\r\nHost: a.localhost\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n");
    let raw = client.to_end();
    assert_eq!((raw.len(), raw.iter().all(|byte| *byte == b'x')), (17 << 20, true));
}

#[test]
fn a_file_is_read_and_written_as_if_nobody_waited() {
    let script = "const fs = require('fs'), file = __dirname + '/data/f';
      require('http').createServer((req, res) => {
        const bytes = Buffer.alloc(5 << 20, 'abcdefg'), back = Buffer.alloc(5 << 20);
        const fd = fs.openSync(file, 'w+');
        const sent = fs.writeSync(fd, bytes), read = fs.readSync(fd, back, 0, back.length, 0);
        const two = [Buffer.alloc(1 << 20), Buffer.alloc(3 << 20)], many = fs.readvSync(fd, two, 0);
        fs.closeSync(fd);
        // A tenant has 64 files: each is closed.
        for (let i = 0; i < 200; i++) { fs.writeFileSync(file + 2, 'x'); fs.readFileSync(file + 2); }
        res.end([sent, read, many, bytes.equals(back), Buffer.concat(two).equals(bytes.subarray(0, 4 << 20))].join());
      }).listen(80);";
    let place = tenants(&[("a/index.js", script), ("a/data/none", ""), ("a/skep.toml", "[grants]\nfs = 'data:rw'\n")]);
    let hive = Hive::start(&place);
    assert_eq!(hive.get("a.localhost", "/").text(), "5242880,5242880,4194304,true,true");
}

#[test]
fn a_body_is_read_by_its_tenant_only() {
    let echo = "require('http').createServer((req, res) => {
        let body = ''; req.on('data', (d) => body += d).on('end', () => res.end('NAME ' + body));
      }).listen(80);";
    let place = tenants(&[("a/index.js", &echo.replace("NAME", "A")), ("b/index.js", &echo.replace("NAME", "B"))]);
    let hive = Hive::start(&place);
    let mut client = hive.client();
    let inner = "GET /steal HTTP/1.1\r\nHost: b.localhost\r\n\r\n";
    client.send(format!("POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: {}\r\n\r\n{inner}", inner.len()));
    client.send("POST / HTTP/1.1\r\nHost: b.localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(client.response().text(), format!("A {inner}"));
    assert_eq!(client.response().text(), "B abc");
}

#[test]
fn one_that_dies_answers_502_and_its_neighbours_go_on() {
    let deadly = "const http = require('http'); console.log('born');
      http.createServer((req, res) => { if (req.url === '/die') process.exit(3); if (req.url !== '/wait') res.end('up'); })
        .listen(80);";
    let place = tenants(&[("a/index.js", deadly), ("b/index.js", &plain("b"))]);
    let mut hive = Hive::start(&place);
    let mut neighbour = hive.client();
    assert_eq!(ask(&mut neighbour, "b.localhost", "/1").text(), "b /1");
    let (mut idle, mut waiting) = (hive.client(), hive.client());
    assert_eq!(ask(&mut idle, "a.localhost", "/").text(), "up");
    waiting.send("GET /wait HTTP/1.1\r\nHost: a.localhost\r\n\r\n");
    assert_eq!(ask(&mut idle, "a.localhost", "/").text(), "up", "what was sent before has come");
    assert_eq!(hive.get("a.localhost", "/die").status, 502);
    assert_eq!(waiting.response().status, 502);
    assert_eq!(ask(&mut neighbour, "b.localhost", "/2").text(), "b /2");
    // The idle connection is still there: it waits out the back-off in 503s, or is served by the next instance.
    eventually("the tenant is started anew", || hive.get("a.localhost", "/").text() == "up");
    assert_eq!(ask(&mut idle, "b.localhost", "/3").text(), "b /3", "the hall has kept it");
    let lines = hive.server.until("skep: a: exited with code 3");
    assert!(lines.contains(&"a: born".to_owned()), "{lines:?}");
}

#[test]
fn one_that_cannot_start_is_tried_again_with_patience() {
    let place = tenants(&[("a/index.js", "console.log('try'); throw new Error('no');"), ("b/index.js", &plain("b"))]);
    let mut hive = Hive::start(&place);
    for _ in 0..20 {
        let answer = hive.get("a.localhost", "/");
        assert_eq!(answer.status, 503);
        assert!(answer.field("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{}", answer.head);
    }
    hive.server.until("skep: a: exited with code 1 before it listened");
    assert_eq!(hive.get("b.localhost", "/").text(), "b /");
    // Mended, and deployed, it serves at once.
    file(&place, "a/index.js", &plain("a"));
    hive.server.signal("HUP");
    eventually("the mended tenant serves", || hive.get("a.localhost", "/").text() == "a /");
}

#[test]
fn what_a_configuration_may_not_say_is_told_with_its_place() {
    let script = ("a/index.js", "0");
    let fault = |files: &[(&str, &str)]| {
        let place = tenants(files);
        faults(&place, &place)
    };
    let one = |text: &str| fault(&[script, ("a/skep.toml", text)]);
    assert_eq!(one("hosts = 'a'\nhotsts = 'b'\n"), "skep: a/skep.toml:2: hotsts: there is no such key\n");
    assert_eq!(one("hosts = [\n 'a',\n 7]\n"), "skep: a/skep.toml:3: hosts: a string is needed, not integer\n");
    assert_eq!(one("port = 70000"), "skep: a/skep.toml:1: port: a number from 1 to 65535 is needed\n");
    assert_eq!(
        one("[limits]\nhandles = 9\nmemory = '1G'\n"),
        "skep: a/skep.toml:3: limits.memory: there is no such key\n"
    );
    assert_eq!(
        one("[limits]\nmemory_bytes = 'much'\n"),
        "skep: a/skep.toml:2: limits.memory_bytes: a number of bytes or a size such as 64M is needed\n"
    );
    assert!(one("main = 'b.js'").starts_with("skep: a/skep.toml:1: main: cannot find the script "));
    assert!(one("main = '../../../../../../../../etc/passwd'").contains(":1: main: "));
    assert!(one("idle = true").contains("a/skep.toml:1: idle: a time such as 30s is needed, or false"));
    assert!(one("[grants]\nnet = 'example.org'").contains(":2: grants.net: an address is needed"));
    assert!(one("[grants]\nfs = 'nowhere'").contains(":2: grants.fs: nowhere: No such file"));
    assert!(one("[secrets]\nX = { file = 'none' }").contains(":2: secrets.X: "));
    assert!(one("path = '/a/../b'").contains(":1: path: "));
    assert!(one("hosts = 'a:80'").contains(":1: hosts: "));
    assert!(one("x = = 1").starts_with("skep: a/skep.toml:1: "));
    assert!(fault(&[("a/none.txt", "")]).contains("no folder in it has a script"));
    let both = fault(&[
        script,
        ("a/skep.toml", "hosts = 'x.example'"),
        ("b/index.js", "0"),
        ("b/skep.toml", "hosts = 'X.example'"),
    ]);
    assert_eq!(both, "skep: b/skep.toml: b.hosts: x.example/ is tenant a's already\n");
}

#[test]
fn new_code_takes_over_under_load_and_no_request_fails() {
    let place = tenants(&[("a/index.js", &version(0)), ("b/index.js", &plain("b"))]);
    let hive = Hive::start(&place);
    assert_eq!(hive.get("a.localhost", "/").text(), "v0");
    let load = Load::start(hive.server.port);
    for number in 1..=4 {
        file(&place, "a/index.js", &version(number));
        hive.server.signal("HUP");
        eventually("the new version serves", || hive.get("a.localhost", "/").text() == format!("v{number}"));
    }
    load.end();
}

#[test]
fn broken_code_is_dropped_and_the_old_goes_on() {
    let place = tenants(&[("a/index.js", &version(1))]);
    let mut hive = Hive::start(&place);
    let mut client = hive.client();
    assert_eq!(ask(&mut client, "a.localhost", "/").text(), "v1");
    let id = ask(&mut client, "a.localhost", "/id").text();
    file(&place, "a/index.js", "syntax error here");
    hive.server.signal("HUP");
    hive.server.until("skep: a: new code exited with code 1 before it listened; the old goes on");
    assert_eq!(ask(&mut client, "a.localhost", "/id").text(), id, "the very instance");
    // A configuration that is wrong changes nothing either.
    file(&place, "a/skep.toml", "hosts = 3\n");
    hive.server.signal("HUP");
    let wrong = format!(
        "skep: {}/a/skep.toml:1: hosts: a string or an array of strings is needed, not integer",
        place.display()
    );
    hive.server.until(&format!("{wrong}; nothing is changed"));
    assert_eq!(ask(&mut client, "a.localhost", "/id").text(), id);
    file(&place, "a/index.js", &version(2));
    file(&place, "a/skep.toml", "hosts = 'new.example'\n");
    hive.server.signal("HUP");
    eventually("the new host is known", || hive.get("new.example", "/").text() == "v2");
    assert_eq!(hive.get("a.localhost", "/").status, 404);
}

#[test]
fn a_changed_file_is_deployed() {
    let place = tenants(&[("a/index.js", "require('./lib/x');"), ("a/lib/x.js", &version(1))]);
    let hive = Hive::start(&place);
    assert_eq!(hive.get("a.localhost", "/").text(), "v1");
    file(&place, "a/lib/x.js", &version(2));
    eventually("the new version serves", || hive.get("a.localhost", "/").text() == "v2");
    file(&place, "a/skep.toml", "hosts = 'new.example'\n");
    eventually("the new host is known", || hive.get("new.example", "/").text() == "v2");
}

#[test]
fn an_idle_tenant_is_stopped_and_its_connections_stay() {
    let place = tenants(&[("a/index.js", &version(1)), ("a/skep.toml", "idle = '2s'\n")]);
    let admin = Admin::in_folder(&folder());
    let hive = Hive::start_with(&place, &admin.words());
    let mut client = hive.client();
    let id = ask(&mut client, "a.localhost", "/id").text();
    assert_eq!(ask(&mut client, "a.localhost", "/id").text(), id);
    eventually("it is stopped", || admin.tenant("a")["state"] == "stopped");
    assert_ne!(ask(&mut client, "a.localhost", "/id").text(), id, "another instance, the same connection");
}

#[test]
fn a_port_of_its_own_brings_whatever_is_spoken() {
    let free = free_port();
    let echo = "require('net').createServer((s) => { s.write('hi '); s.pipe(s); }).listen(7, () => console.log('on'));";
    let place = tenants(&[("a/index.js", echo), ("a/skep.toml", &format!("port = {free}\n"))]);
    let mut hive = Hive::start(&place);
    hive.server.until(&format!("skep: listening on 127.0.0.1:{free}"));
    for _ in 0..2 {
        let mut client = Client::connect(free);
        assert_eq!(client.exactly(3), b"hi ");
        client.send("there");
        assert_eq!(client.exactly(5), b"there");
    }
    assert_eq!(hive.get("a.localhost", "/").status, 404, "it has no host");
}

#[test]
fn what_one_tenant_does_to_a_connection_the_next_does_not_meet() {
    let liar = "require('http').createServer((req, res) => {
        const evil = 'HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\nEVIL';
        if (req.url === '/before') { req.socket.write(evil); return; }
        req.socket.on('data', (d) => console.log('SEEN ' + d.toString('latin1').includes('secret')));
        res.end('A', () => setImmediate(() => { if (req.url === '/after') req.socket.write(evil); }));
      }).on('clientError', (e, s) => { console.log('SEEN fault'); s.destroy(); }).listen(80);";
    let place = tenants(&[("a/index.js", liar), ("b/index.js", &plain("b"))]);
    let hive = Hive::start(&place);
    let both = |first: &str| {
        format!("GET {first} HTTP/1.1\r\nHost: a.localhost\r\n\r\nGET /secret HTTP/1.1\r\nHost: b.localhost\r\n\r\n")
    };
    let mut client = hive.client();
    client.send(both("/"));
    assert_eq!(client.response().text(), "A");
    assert_eq!(client.response().text(), "b /secret");
    for first in ["/before", "/after"] {
        let mut client = hive.client();
        client.send(both(first));
        client.half_close();
        let all = support::text(&client.to_end());
        assert!(!all.contains("EVIL"), "{first}: {all}");
    }
    let mut client = hive.client();
    assert_eq!(ask(&mut client, "a.localhost", "/").text(), "A");
    client.send("GET /secret HTTP/1.1\r\nHost : b.localhost\r\n\r\n");
    assert_eq!(client.response().status, 400);
    let server = hive.server;
    server.signal("TERM");
    let ended = server.end();
    assert!(!ended.out.contains("SEEN true") && !ended.out.contains("SEEN fault"), "{}", ended.out);
}

#[test]
fn a_signal_ends_it_whatever_tenants_listen_for_and_answers_are_finished() {
    let stubborn = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);
      require('http').createServer((req, res) => setTimeout(() => res.end('late'), 300)).listen(80);";
    let place = tenants(&[("a/index.js", stubborn)]);
    let server = Hive::start(&place).server;
    let mut client = server.client();
    client.send("GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n");
    let mut other = server.client();
    assert_eq!(ask(&mut other, "nobody", "/").status, 404, "what was sent before has come");
    std::thread::sleep(std::time::Duration::from_millis(100));
    server.signal("TERM");
    assert_eq!(client.response().text(), "late");
    assert_eq!(server.end().code, Some(0));
}

/// Each guest takes four gigabytes of address space: here there is room for a few.
#[cfg(target_os = "linux")]
#[test]
fn m12_where_address_space_ends_a_start_is_refused_and_neighbours_go_on() {
    let mortal = "require('http').createServer((req, res) => { if (req.url === '/die') process.exit(); res.end('up'); }).listen(80);";
    let names: Vec<String> = (0..12).map(|number| format!("t{number:02}")).collect();
    let files: Vec<String> = names.iter().map(|name| format!("{name}/index.js")).collect();
    let place = tenants(&files.iter().map(|file| (file.as_str(), mortal)).collect::<Vec<_>>());
    let mut hive = Hive::start_after("ulimit -v 30000000", &serving(&place, &[]));
    let status = |hive: &Hive, number: usize| hive.get(&format!("{}.localhost", names[number]), "/").status;
    let answers: Vec<u16> = (0..12).map(|number| status(&hive, number)).collect();
    let up = answers.iter().take_while(|status| **status == 200).count();
    assert!((1..12).contains(&up) && answers[up..].iter().all(|status| *status == 503), "{answers:?}");
    let why = "cannot be started: no memory for a guest: Cannot allocate memory (os error 12)";
    hive.server.until(&format!("skep: t11: {why}"));
    assert!((0..up).all(|number| status(&hive, number) == 200), "who runs goes on");
    assert_eq!(hive.get("t00.localhost", "/die").status, 502);
    eventually("there is room for another", || status(&hive, 11) == 200);
}
