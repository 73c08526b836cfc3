//! What a configuration means, on real sockets: one file for all tenants, instances, what each tenant is granted and what not,
//! faults by file, key and line, and what is answered when a tenant has no room.
mod support;

use serde_json::Value;
use std::collections::HashSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use support::serve::{self, Hive, ask, plain, serving, tenants};
use support::{file, folder};

fn serve(place: &Path) -> Hive {
    Hive::start_after("", serving(place, &[]).env("SEEN", "seen").env("HIDDEN", "hidden"))
}

#[test]
fn one_file_names_all_tenants() {
    let place = folder();
    file(&place, "code/one/index.js", &plain("one"));
    file(&place, "code/two/app.js", &plain("two"));
    file(&place, "three/index.js", &plain("three"));
    let text = "listen = '127.0.0.1:0'\n\
                [tenants.a]\nfolder = 'code/one'\nhosts = 'a.example'\n\
                [tenants.b]\nfolder = 'code/two'\nmain = 'app.js'\nhosts = ['a.example', 'b.example']\npath = '/b'\n\
                [tenants.three]\n";
    let config = file(&place, "hive.toml", text);
    let hive = serve(&config);
    assert_eq!(hive.get("a.example", "/x").text(), "one /x");
    assert_eq!(hive.get("a.example", "/b/x").text(), "two /b/x");
    assert_eq!(hive.get("b.example", "/b").text(), "two /b");
    assert_eq!(hive.get("b.example", "/").status, 404);
    assert_eq!(hive.get("three.localhost", "/").text(), "three /");
}

#[test]
fn who_is_heard_by_nobody_serves_on() {
    let place = tenants(&[("a/index.js", &plain("a"))]);
    let mut hive = serve(&place);
    hive.server.deafen();
    for round in 0..4 {
        // Each says how many tenants there are, or what is wrong.
        file(&place, "a/skep.toml", if round % 2 == 0 { "instances = none\n" } else { "" });
        hive.server.signal("HUP");
        assert_eq!(hive.get("a.localhost", "/").text(), "a /");
    }
}

#[test]
fn a_tenant_may_have_several_instances() {
    let place = folder();
    file(
        &place,
        "a/index.js",
        "const own = Math.random(); require('http').createServer((q, s) => s.end(String(own))).listen(80);",
    );
    file(&place, "a/skep.toml", "instances = 3\n");
    let hive = serve(&place);
    let seen = || (0..30).map(|_| hive.get("a.localhost", "/").text()).collect::<HashSet<String>>().len();
    support::eventually("each of three answers", || seen() == 3);
}

/// Tries what grants are for; answers what came of each.
const TRIES: &str = "const fs = require('fs'), net = require('net'), http = require('http');
  const outcome = (work) => { try { return String(work()); } catch (error) { return error.code; } };
  http.createServer((req, res) => {
    const { outside, port } = JSON.parse(decodeURIComponent(req.url.slice(1)));
    const told = {
      own: outcome(() => fs.readFileSync(__dirname + '/own.txt')),
      outside: outcome(() => fs.readFileSync(outside + '/file.txt')),
      write: outcome(() => fs.writeFileSync(outside + '/written.txt', 'x')),
      ownWrite: outcome(() => fs.writeFileSync(__dirname + '/written.txt', 'x')),
      seen: process.env.SEEN, hidden: process.env.HIDDEN, set: process.env.SET, secret: process.env.SECRET,
      keys: Object.keys(process.env).filter((name) => ['SEEN', 'HIDDEN', 'SET', 'SECRET'].includes(name)).sort().join(),
    };
    const socket = net.connect(port, '127.0.0.1');
    const done = (word) => { told.net = word; socket.destroy(); res.end(JSON.stringify(told)); };
    socket.once('connect', () => done('connected')).once('error', (error) => done(error.code));
  }).listen(80);";

#[test]
fn a_tenant_has_what_it_is_granted_and_nothing_else() {
    let place = folder();
    let outside = folder();
    file(&outside, "file.txt", "outside");
    let secret = file(&outside, "secret", "hush\n");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    for name in ["bare", "reads", "writes"] {
        file(&place, &format!("{name}/index.js"), TRIES);
        file(&place, &format!("{name}/own.txt"), "own");
    }
    let at = outside.display();
    file(
        &place,
        "reads/skep.toml",
        &format!("[grants]\nfs = '{at}'\nnet = ['127.0.0.1:1', '10.0.0.1:{port}']\nenv = 'SEEN'\n"),
    );
    let all = format!(
        "[env]\nSET = 'set'\n[secrets]\nSECRET = {{ file = '{}' }}\n[grants]\nfs = ['{at}:rw']\nnet = '127.0.0.1:{port}'\n",
        secret.display()
    );
    file(&place, "writes/skep.toml", &all);
    let hive = serve(&place);
    let told = |name: &str| -> Value {
        let text = format!("{{\"outside\":\"{at}\",\"port\":{port}}}");
        let path: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = hive.get(&format!("{name}.localhost"), &format!("/{path}")).text();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    };
    const DENIED: &str = "ERR_ACCESS_DENIED";
    let bare = told("bare");
    assert_eq!(bare["own"], "own");
    for what in ["outside", "write", "ownWrite", "net"] {
        assert_eq!(bare[what], DENIED, "{what}");
    }
    assert_eq!(bare["keys"], "");
    let reads = told("reads");
    assert_eq!(
        (&reads["outside"], &reads["write"], &reads["net"]),
        (&"outside".into(), &DENIED.into(), &DENIED.into())
    );
    assert_eq!((&reads["seen"], &reads["keys"]), (&"seen".into(), &"SEEN".into()));
    let writes = told("writes");
    assert_eq!((&writes["write"], &writes["net"]), (&"undefined".into(), &"connected".into()));
    assert_eq!((&writes["set"], &writes["secret"]), (&"set".into(), &"hush".into()));
    assert_eq!(writes["keys"], "SECRET,SET");
    assert!(outside.join("written.txt").is_file() && !place.join("bare/written.txt").exists());
}

/// What `--check` says of a folder with this file at its top, and this one of its tenant's.
fn faults(top: &str, tenant: &str) -> String {
    let place = tenants(&[("a/index.js", "0"), ("skep.toml", top), ("a/skep.toml", tenant)]);
    serve::faults(&place, &place)
}

#[test]
fn every_kind_of_wrong_key_is_told_with_file_line_and_key() {
    let tops = [
        ("\nlisten = 7", "skep.toml:2: listen: a string or an array of strings is needed"),
        ("listen = 'here'", "skep.toml:1: listen: \"here\" is no address with a port"),
        ("listen = []", "skep.toml:1: listen: an address is needed"),
        ("https = '127.0.0.1:0'", "skep.toml: https: there is no certificate"),
        ("certificate = 'x'", "skep.toml:1: certificate: its key is missing"),
        (
            "proxy_protocol = '127.0.0.1:1'",
            "skep.toml:1: proxy_protocol: 127.0.0.1:1 is neither in `listen` nor in `https`",
        ),
        ("proxy_protocol = 1", "skep.toml:1: proxy_protocol: a string or an array of strings is needed"),
        ("forwarded = 'maybe'", "skep.toml:1: forwarded: it is true, false, \"set\" or \"trust\""),
        ("trace = 'yes'", "skep.toml:1: trace: true or false is needed"),
        ("\n\nadmin = 1", "skep.toml:3: admin: there is no such key"),
        ("listen = '127.0.0.1:1'\nlisten = '127.0.0.1:2'", "skep.toml:2: "),
    ];
    for (text, said) in tops {
        let told = faults(text, "");
        assert!(told.starts_with(&format!("skep: {said}")), "{text:?}: {told}");
    }
    let tenants = [
        ("instances = 0", "1: instances: a number from 1 to 64 is needed"),
        ("instances = 'two'", "1: instances: a whole number is needed, not string"),
        ("idle = 'soon'", "1: idle: a time such as 30s, or false is needed"),
        ("env = 'X=1'", "1: env: a table is needed, not string"),
        ("[env]\nX = 1", "2: env.X: a string is needed, not integer"),
        ("[secrets]\nX = { env = 'NO_SUCH_VARIABLE' }", "2: secrets.X: there is no variable NO_SUCH_VARIABLE here"),
        ("[secrets]\nX = { file = 'a', env = 'b' }", "2: secrets.X: either file or env says where a secret stands"),
        ("[grants]\nnet = 5", "2: grants.net: a string or an array of strings is needed"),
        ("[grants]\nenv = [1]", "2: grants.env: a string is needed, not integer"),
        ("[grants]\nrun = 'sh'", "2: grants.run: a tenant cannot be granted this yet"),
        ("[grants]\nall = true", "2: grants.all: there is no such key"),
        ("[limits]\n\nsockets = 0", "3: limits.sockets: a number from 1 to 4294967295 is needed"),
        ("[limits]\nat_cpu = 'pause'", "2: limits.at_cpu: it is throttle, shed, refuse or end"),
        ("[limits]\nat_requests = 'throttle'", "2: limits.at_requests: it is shed or refuse"),
        ("instances = { min = 1 }", "1: instances: `max` says how many there may be"),
        ("instances = { min = 3, max = 2 }", "1: instances.max: a number from 3 to 64 is needed"),
        ("[limits]\ncpu_total = 'long'", "2: limits.cpu_total: a time such as 500ms or 10s is needed"),
        ("[limits]\nblob_bytes = 'big'", "2: limits.blob_bytes: a number of bytes or a size such as 64M is needed"),
        ("snapshot = 1", "1: snapshot: it is true, false or \"keep\""),
    ];
    for (text, said) in tenants {
        let told = faults("", text);
        assert!(told.starts_with(&format!("skep: a/skep.toml:{said}")), "{text:?}: {told}");
    }
    let base = folder();
    let single = |text: &str| {
        let config: PathBuf = file(&base, "hive.toml", text);
        file(&base, "a/index.js", "0");
        serve::faults(&config, &base)
    };
    assert_eq!(
        single("[tenants.a]\n[tenants.a.limits]\nhandle = 1\n"),
        "skep: hive.toml:3: tenants.a.limits.handle: there is no such key\n"
    );
    assert!(single("listen = '127.0.0.1:0'\n").contains("there is no tenant: [tenants.NAME] makes one"));
    let named = single("[tenants.'<script>']\nfolder = 'a'\n");
    assert!(
        named.starts_with("skep: hive.toml:1: tenants.<script>: \"<script>\" cannot be a tenant's name"),
        "{named}"
    );
}

#[test]
fn a_tenant_without_room_answers_503_and_says_when_to_come_again() {
    let place = folder();
    file(
        &place,
        "full/index.js",
        "require('http').createServer((q, s) => { if (q.url === '/now') s.end('now'); else q.resume().on('end', () => s.end('late')); }).listen(80);",
    );
    file(&place, "full/skep.toml", "[limits]\nconnections = 1\n");
    file(&place, "other/index.js", &plain("other"));
    let hive = serve(&place);
    // Its place is the client's as long as it does not send the rest.
    let mut first = hive.client();
    first.send("POST /late HTTP/1.1\r\nHost: full.localhost\r\nContent-Length: 1\r\n\r\n");
    support::eventually("there is no more room", || hive.get("full.localhost", "/now").status == 503);
    let mut second = hive.client();
    let turned = ask(&mut second, "full.localhost", "/now");
    assert_eq!((turned.status, turned.field("retry-after")), (503, Some("1")));
    assert_eq!(hive.get("other.localhost", "/x").text(), "other /x", "its neighbour has room");
    first.send("x");
    assert_eq!(first.response().text(), "late");
    drop(first);
    support::eventually("there is room again", || hive.get("full.localhost", "/now").status == 200);
}

#[test]
fn one_that_is_over_its_rate_may_have_its_requests_refused() {
    let place = folder();
    // It always has more to do than its rate lets it, in turns so short that a request which found it with something left is answered soon.
    let spins = "setInterval(() => { for (let n = 0; n < 5e4; n++); }, 1);";
    file(&place, "hog/index.js", &format!("{spins} {}", plain("hog")));
    file(&place, "hog/skep.toml", "[limits]\ncpu_ns_per_second = 20000000\ncpu_burst_ns = 20000000\nat_cpu = 'shed'\n");
    let hive = serve(&place);
    support::eventually("one is refused", || hive.get("hog.localhost", "/").status == 503);
}
