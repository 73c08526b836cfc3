//! `skep serve` over several loops of one process: tenants are spread over them, connections go from one to another, and what changes of
//! one tenant is nothing to the others. It must not know what passes between the loops.
mod support;

use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use support::serve::{Admin, Hive, Load, ask, plain, tenants, version};
use support::{Client, eventually, file, folder};

/// Counts its requests, as long as it lives.
const COUNTS: &str = "let count = 0; require('http').createServer((req, res) => {
  if (req.url === '/pid') return res.end(String(process.pid));
  res.end(String(count += 1));
}).listen(80);";

/// Ends when it is asked to, and cannot be started while it is broken.
const MORTAL: &str = "if (require('fs').existsSync(__dirname + '/.broken')) throw new Error('broken');
const id = Math.random(); require('http').createServer((req, res) => {
  if (req.url === '/die') process.exit(7);
  res.end(req.url === '/id' ? String(id) : 'up');
}).listen(80);";

fn two_loops(place: &Path) -> (Hive, Admin) {
    spread(place, ["--loops", "2"])
}

fn spread(place: &Path, words: [&str; 2]) -> (Hive, Admin) {
    let admin = Admin::in_folder(&folder());
    let hive = Hive::start_with(place, &[words, admin.words()].concat());
    (hive, admin)
}

fn homes(admin: &Admin, tenant: &str) -> Value {
    admin.tenant(tenant)["homes"].clone()
}

#[test]
fn tenants_are_spread_over_the_loops_of_one_process() {
    let place = tenants(&[("a/index.js", &plain("a")), ("b/index.js", &plain("b")), ("c/index.js", &plain("c"))]);
    let (hive, admin) = two_loops(&place);
    let pids = ["a.localhost", "b.localhost", "c.localhost"].map(|host| hive.pid(host));
    assert_eq!(pids, [hive.server.pid(); 3], "all is one process");
    assert_eq!(
        [homes(&admin, "a"), homes(&admin, "b"), homes(&admin, "c")],
        [json!(["loop/1"]), json!(["loop/2"]), json!(["loop/1"])]
    );
    assert_eq!(admin.tenant("a")["processes"], json!([hive.server.pid()]));
    hive.serves_in_order(&["a", "b", "c"], &["a", "b", "b", "a", "c", "b", "a"]);
    assert_eq!(hive.get("nobody.example", "/").status, 404);
    let hall: Value = serde_json::from_str(&admin.ask("GET", "/hall", "").text()).expect("it is JSON");
    assert_eq!(hall["guests"], 3, "all loops' numbers are the hall's: {hall}");
}

#[test]
fn what_changes_of_one_tenant_is_nothing_to_the_others() {
    let place = tenants(&[("a/index.js", COUNTS), ("b/index.js", COUNTS), ("c/index.js", COUNTS)]);
    let (hive, admin) = two_loops(&place);
    let count = |tenant: &str| hive.get(&format!("{tenant}.localhost"), "/").text();
    for tenant in ["a", "b", "c"] {
        assert_eq!(count(tenant), "1");
    }
    // A new tenant, one with other grants, and one that goes: who has nothing to do with it keeps what it has.
    file(&place, "d/index.js", &plain("d"));
    file(&place, "b/skep.toml", "hosts = ['b.localhost', 'other.localhost']\n[grants]\nnet = ['127.0.0.1:1']\n");
    eventually("its configuration is taken up", || hive.get("other.localhost", "/").status == 200);
    assert_eq!(count("a"), "2");
    assert_eq!(count("c"), "2");
    std::fs::remove_dir_all(place.join("c")).expect("it is there");
    file(&place, "b/skep.toml", "hosts = ['b.localhost']\n");
    eventually("its configuration is taken up again", || hive.get("other.localhost", "/").status == 404);
    // Of other folders the operator tells.
    file(&place, "e/index.js", &plain("e"));
    let counts = admin.tenant("a")["starts"].clone();
    assert_eq!((count("a"), counts), ("3".into(), json!(1)));
}

#[test]
fn an_edit_of_one_tenants_configuration_reads_that_tenants_folder_and_no_other() {
    let place = tenants(&[("a/index.js", &plain("a")), ("b/index.js", &plain("b"))]);
    let (hive, admin) = two_loops(&place);
    for (tenant, home) in [("a", "loop/1"), ("b", "loop/2")] {
        assert_eq!(hive.get(&format!("{tenant}.localhost"), "/").status, 200);
        assert_eq!(homes(&admin, tenant), json!([home]));
        // Of another folder only the operator tells.
        file(&place, &format!("beside-{tenant}/index.js"), &plain("beside"));
        file(
            &place,
            &format!("{tenant}/skep.toml"),
            &format!("hosts = ['{tenant}.localhost', 'of-{tenant}.localhost']\n"),
        );
        eventually("it is taken up", || hive.get(&format!("of-{tenant}.localhost"), "/").status == 200);
        assert_eq!(hive.get(&format!("beside-{tenant}.localhost"), "/").status, 404);
    }
}

#[test]
fn who_scales_from_now_on_is_served_by_loops_that_run_already() {
    let place =
        tenants(&[("a/index.js", &plain("a")), ("a/skep.toml", "instances = 2\n"), ("b/index.js", &plain("b"))]);
    let (hive, admin) = two_loops(&place);
    eventually("both loops run", || {
        hive.get("a.localhost", "/").status == 200 && homes(&admin, "a") == json!(["loop/1", "loop/2"])
    });
    assert_eq!(hive.get("b.localhost", "/").text(), "b /");
    let scales = "instances = { min = 1, max = 2 }\n";
    let serves = |host: &str, answer: &str| {
        eventually("it is known", || hive.get(host, "/").status != 404);
        assert_eq!(hive.get(host, "/").text(), answer);
    };
    // A new one. Nothing is read a second time: that would mend what the first has left undone.
    file(&place, "c/index.js", &plain("c"));
    file(&place, "c/skep.toml", scales);
    hive.server.signal("HUP");
    serves("c.localhost", "c /");
    // One that has had one instance: the other loop is to have it now.
    file(&place, "b/skep.toml", &format!("hosts = ['b.localhost', 'other.localhost']\n{scales}"));
    serves("other.localhost", "b /");
}

#[test]
fn one_of_several_that_ends_is_replaced_where_it_was_and_others_answer_meanwhile() {
    for words in [["--loops", "2"], ["--processes", "2"]] {
        let place = tenants(&[("a/index.js", MORTAL), ("a/skep.toml", "instances = 2\n")]);
        let (hive, admin) = spread(&place, words);
        let both = || admin.tenant("a")["instances"] == 2;
        // One that has only begun to start would be broken with what comes next.
        let both_serve = || {
            let id = |_| hive.get("a.localhost", "/id").text();
            (0..4).map(id).collect::<std::collections::BTreeSet<String>>().len() == 2
        };
        let dies = || {
            let before = admin.tenant("a")["crashes"].as_u64();
            let mut client = hive.client();
            client.send("GET /die HTTP/1.1\r\nHost: a.localhost\r\n\r\n");
            eventually("one has ended", || admin.tenant("a")["crashes"].as_u64() > before);
        };
        eventually("both run", || hive.get("a.localhost", "/").text() == "up" && both());
        eventually("both serve", both_serve);
        dies();
        eventually("it is replaced, though nobody asks", both);
        eventually("both serve again", both_serve);
        // What is hidden is no change of the tenant's code.
        let broken = file(&place, "a/.broken", "");
        dies();
        for request in 0..20 {
            assert_eq!(hive.get("a.localhost", "/").text(), "up", "request {request}: the other has it");
        }
        std::fs::remove_file(broken).expect("it is there");
        eventually("it is replaced when it can be", both);
    }
}

#[test]
fn an_operators_orders_hold_in_a_loop_that_gets_the_tenant_later() {
    let place = tenants(&[("a/index.js", &plain("a")), ("b/index.js", &plain("b"))]);
    let (hive, admin) = two_loops(&place);
    let configure = |instances: u16, host: &str| {
        let text = format!("hosts = ['a.localhost', '{host}.localhost']\ninstances = {instances}\n");
        file(&place, "a/skep.toml", &text);
        hive.server.signal("HUP");
    };
    let status = |host: &str| hive.get(&format!("{host}.localhost"), "/").status;
    let serves_from_both = |host: &str| {
        eventually("it serves from both", || status(host) == 200 && homes(&admin, "a") == json!(["loop/1", "loop/2"]));
    };
    assert_eq!([status("a"), status("b")], [200, 200], "both loops run");
    assert_eq!(admin.ask("PUT", "/tenants/a/limits", "{\"connections\": 1}").status, 200);
    configure(2, "two");
    serves_from_both("two");
    let mut clients: Vec<Client> = (0..6).map(|_| hive.client()).collect();
    let served = clients.iter_mut().filter_map(|client| (ask(client, "a.localhost", "/").status == 200).then_some(()));
    assert!(served.count() <= 2, "each instance may have one connection");
    drop(clients);
    // The loop that it leaves while it is held is not told when it is started again.
    assert_eq!(admin.ask("POST", "/tenants/a/stop", "").status, 202);
    configure(1, "one");
    eventually("it has one home", || status("one") == 503);
    assert_eq!(admin.ask("POST", "/tenants/a/start", "").status, 202);
    configure(2, "again");
    serves_from_both("again");
}

#[test]
fn an_operators_signal_has_all_loops_read_everything_again_and_ends_them() {
    let place =
        tenants(&[("a/index.js", &version(0)), ("a/skep.toml", "instances = 2\n"), ("b/index.js", &plain("b"))]);
    let (hive, admin) = two_loops(&place);
    eventually("it runs in both", || {
        hive.get("a.localhost", "/").status == 200 && homes(&admin, "a") == json!(["loop/1", "loop/2"])
    });
    let load = Load::start(hive.server.port);
    for number in 1..=3 {
        file(&place, "a/index.js", &version(number));
        file(&place, &format!("more{number}/index.js"), &plain("more"));
        hive.server.signal("HUP");
        eventually("all instances are new", || {
            (0..6).all(|_| hive.get("a.localhost", "/").text() == format!("v{number}"))
        });
        assert_eq!(hive.get(&format!("more{number}.localhost"), "/").text(), "more /");
    }
    load.end();
    std::fs::remove_dir_all(place.join("more1")).expect("it is there");
    hive.server.signal("HUP");
    eventually("it is gone", || hive.get("more1.localhost", "/").status == 404);
    hive.server.signal("TERM");
    let end = hive.server.end();
    assert_eq!(end.code, Some(0), "{end:?}");
}

#[test]
fn a_snapshot_is_kept_for_another_life_and_orders_reach_the_loop() {
    let code = "const top = Math.random(); require('http').createServer((q, s) => s.end(String(top))).listen(80);";
    let place = tenants(&[("a/index.js", &plain("a")), ("b/index.js", code), ("b/skep.toml", "snapshot = 'keep'\n")]);
    let top = {
        let (hive, admin) = two_loops(&place);
        let top = hive.get("b.localhost", "/").text();
        eventually("it is on disk", || admin.tenant("b")["snapshotsKept"] == 1);
        assert_eq!(admin.ask("POST", "/tenants/b/stop", "").status, 202);
        eventually("it is held", || hive.get("b.localhost", "/").status == 503);
        assert_eq!(admin.ask("POST", "/tenants/b/start", "").status, 202);
        eventually("it runs again", || hive.get("b.localhost", "/").status == 200);
        assert_eq!(hive.get("b.localhost", "/").text(), top, "its top level has run once");
        hive.server.signal("TERM");
        hive.server.end();
        top
    };
    let (hive, _admin) = two_loops(&place);
    assert_eq!(hive.get("b.localhost", "/").text(), top, "in another process, too");
}

#[test]
fn where_no_descriptor_is_left_no_loop_is_lost() {
    let place = tenants(&[("a/index.js", COUNTS), ("b/index.js", COUNTS)]);
    let admin = Admin::in_folder(&folder());
    let words = [&["--loops", "2"][..], &admin.words()].concat();
    let hive = Hive::start_after("ulimit -n 128", &support::serve::serving(&place, &words));
    for tenant in ["a", "b"] {
        assert_eq!(hive.get(&format!("{tenant}.localhost"), "/").text(), "1");
    }
    let at = ("127.0.0.1", hive.server.port);
    // Some have asked and are a loop's, others have said nothing yet.
    let mut all: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(at).expect("the kernel takes it")).collect();
    for one in all.iter_mut().step_by(2) {
        let _closed = one.write_all(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n");
    }
    let mut last = Client::over(all.swap_remove(0));
    assert_eq!(last.response().status, 200);
    drop(all);
    eventually("it answers again", || {
        let asked = TcpStream::connect(at).and_then(|mut one| {
            one.write_all(b"GET / HTTP/1.1\r\nHost: b.localhost\r\nConnection: close\r\n\r\n")?;
            std::io::read_to_string(one)
        });
        asked.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    });
    let answer = ask(&mut last, "a.localhost", "/");
    assert_eq!(answer.status, 200);
    for tenant in ["a", "b"] {
        assert_eq!(admin.tenant(tenant)["starts"], 1, "none has been lost");
    }
}
