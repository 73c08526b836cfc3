//! The admin port's page in a real browser (headless Chromium, driven by the DevTools protocol through a pipe): the live
//! table, orders, logs, and that nothing which a tenant says becomes markup. Without a Chromium it says that it is skipped,
//! unless `SKEP_REQUIRE_CHROMIUM` is set.
mod support;

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;
use support::serve::{Hive, tenants};
use support::{DEADLINE, folder};

const HOSTILE: &str = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">";

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// A browser with one page.
struct Browser {
    child: Child,
    orders: std::fs::File,
    answers: Receiver<Value>,
    session: String,
    serial: u64,
}

impl Browser {
    fn start(chromium: &Path) -> Browser {
        let place = folder();
        let pipes = ["to", "from"].map(|name| place.join(name));
        let made = Command::new("mkfifo").args(&pipes).status().expect("mkfifo starts");
        assert!(made.success(), "pipes are made");
        let mut command = Command::new("sh");
        command.args(["-c", "exec 3<\"$1\" 4>\"$2\"; shift 2; exec \"$@\"", "sh"]).args(&pipes).arg(chromium);
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--disable-background-networking", "--remote-debugging-pipe"]);
        command.arg(format!("--user-data-dir={}", place.join("profile").display())).arg("about:blank");
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let orders = std::fs::File::options().write(true).open(&pipes[0]).expect("the way in");
        let from = std::fs::File::open(&pipes[1]).expect("the way out");
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0).map_while(Result::ok) {
                let Ok(value) = serde_json::from_slice::<Value>(&message) else { continue };
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser { child, orders, answers, session: String::new(), serial: 0 };
        let target = browser.order("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.order("Target.attachToTarget", &attach);
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    fn order(&mut self, method: &str, params: &Value) -> Value {
        self.serial += 1;
        let mut message = json!({ "id": self.serial, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.orders.write_all(format!("{message}\0").as_bytes()).expect("the browser reads");
        loop {
            let answer = self.answers.recv_timeout(DEADLINE).expect("the browser answers");
            if answer["id"] == self.serial {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// What an expression comes to in the page.
    fn tell(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        self.order("Runtime.evaluate", &params)["result"]["value"].clone()
    }

    fn until(&mut self, what: &str, expression: &str) {
        let until = Instant::now() + DEADLINE;
        while self.tell(expression) != true {
            assert!(Instant::now() < until, "{what}: {}", self.tell("document.documentElement.outerHTML"));
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// The browser, or none where there is none and none is wanted.
fn browser() -> Option<Browser> {
    let found = chromium();
    if found.is_none() {
        assert!(std::env::var_os("SKEP_REQUIRE_CHROMIUM").is_none(), "there is no chromium on the PATH");
        println!("skipped: there is no chromium on the PATH (Debian: apt-get install chromium)");
    }
    found.map(|path| Browser::start(&path))
}

/// A hive with an admin port; its page, with the token.
fn serve() -> (Hive, String) {
    let speaks = "require('http').createServer((q, s) => { console.log(decodeURIComponent(q.url.slice(1))); s.end('ok'); }).listen(80);";
    let mut hive = Hive::start_with(
        &tenants(&[("a/index.js", speaks), ("a/skep.toml", "snapshot = true\n")]),
        &["--admin", "127.0.0.1:0", "--loops", "2"],
    );
    let line = hive.server.line();
    let page = line.strip_prefix("skep: admin page on ").unwrap_or_else(|| panic!("where the page is, not {line:?}"));
    (hive, page.to_owned())
}

#[test]
fn the_page_shows_tenants_live_orders_them_about_and_shows_what_they_say_as_text() {
    let Some(mut browser) = browser() else { return };
    let (hive, page) = serve();
    browser.order("Page.navigate", &json!({ "url": page }));
    let row = "document.querySelector('[data-tenant=a]')";
    browser.until("the tenant is there", &format!("{row}?.cells[1].textContent === 'stopped'"));
    assert_eq!(browser.tell("location.href.includes('#')"), false, "the token has left the address");
    let hostile: String = HOSTILE.bytes().map(|byte| format!("%{byte:02X}")).collect();
    hive.get("a.localhost", &format!("/{hostile}"));
    browser
        .until("it runs", &format!("{row}?.cells[1].textContent === 'running' && {row}.cells[2].title === '1 in all'"));
    browser.until(
        "its snapshot is shown, and where it runs",
        &format!("/^[1-9][0-9]*$/.test({row}.querySelector('.snapshot').textContent) && {row}.querySelector('.snapshot').title === '1 taken' && {row}.querySelector('.home').textContent === 'loop/1' && {row}.querySelector('.home').title === 'process {}'", hive.server.pid()),
    );
    let press = |name: &str| {
        format!("[...{row}.querySelectorAll('button')].find((one) => one.textContent === '{name}').click()")
    };
    browser.tell(&press("log"));
    let said = json!(HOSTILE).to_string();
    browser
        .until("its log is shown as text", &format!("document.getElementById('lines').textContent.includes({said})"));
    assert_eq!(
        browser
            .tell("document.querySelectorAll('script').length === 1 && document.querySelectorAll('img').length === 0"),
        true
    );
    assert_eq!(browser.tell("document.title"), "skep");
    browser.tell(&press("stop"));
    browser.until("it is held", &format!("{row}?.cells[1].textContent === 'stopped (held)'"));
    browser.tell(&press("start"));
    browser.until("it runs again", &format!("{row}?.cells[1].textContent === 'running'"));
    // The policy holds against a script that would be in the page all the same.
    let injected = "(() => { const s = document.createElement('script'); s.textContent = 'document.title = \"owned\"'; document.body.append(s); return document.title; })()";
    assert_eq!(browser.tell(injected), "skep");
    // Without the token there is nothing but the page.
    let bare = page.split('#').next().expect("an address").replace("127.0.0.1", "localhost");
    browser.order("Page.navigate", &json!({ "url": bare }));
    browser.until(
        "it asks for the token",
        "document.getElementById('ask')?.hidden === false && document.querySelectorAll('[data-tenant]').length === 0",
    );
}

/// The page as it is in the tree, with an API that answers names which no configuration would let through.
fn liar() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let page = include_str!("../src/runtime/admin/page.html").replace("NONCE", "n");
        let tenant = json!({ "name": HOSTILE, "state": HOSTILE, "requests": 1, "cpuNs": 1, "memoryBytes": 1, "connections": HOSTILE,
            "p99Micros": 1, "failed": HOSTILE, "limitHits": { HOSTILE: HOSTILE }, "snapshotBytes": HOSTILE, "snapshotsKept": HOSTILE, "homes": [HOSTILE], "processes": [HOSTILE] });
        let hall = json!({ "upSeconds": 1, "guests": HOSTILE, "connections": HOSTILE, "longestTurnMicros": 1 });
        let report = json!({ "hall": hall, "tenants": [tenant] }).to_string();
        for stream in listener.incoming().map_while(Result::ok) {
            let (page, report) = (page.clone(), report.clone());
            std::thread::spawn(move || {
                let mut head = String::new();
                let mut reader = BufReader::new(&stream);
                while reader.read_line(&mut head).is_ok_and(|count| count > 2) {}
                let (kind, body) = match head.starts_with("GET / ") {
                    true => ("text/html", &page),
                    false => ("application/json", &report),
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                let _reset = (&stream).write_all(answer.as_bytes());
            });
        }
    });
    format!("http://{at}/#token")
}

#[test]
fn a_name_that_is_markup_is_shown_as_it_is() {
    let Some(mut browser) = browser() else { return };
    browser.order("Page.navigate", &json!({ "url": liar() }));
    let said = json!(HOSTILE).to_string();
    // No policy is sent here: it is the page alone that must not make markup of it.
    browser.until("the name is shown", &format!("document.querySelector('#tenants td')?.textContent === {said}"));
    assert_eq!(browser.tell("document.querySelectorAll('script').length"), 1);
    assert_eq!(browser.tell("document.querySelectorAll('img').length"), 0);
    assert_eq!(browser.tell("document.title"), "skep");
}
