//! Where a tenant's connections go while its listeners come and go. They must not know how a listener is found.
use super::calm::SECOND;
use super::hive::Hive;

#[test]
fn a_listener_that_closes_gets_no_more_connections_and_the_next_one_does() {
    let mut hive = Hive::new(
        "const { createServer } = require('http');
         let count = 0;
         (function up() {
           const name = String(++count);
           const server = createServer((req, res) => {
             res.end(name);
             if (req.url === '/next') { server.close(); up(); }
           });
           server.keepAliveTimeout = 0;
           server.listen(80);
         })();",
    );
    for life in 1..6 {
        let (one, other) = (hive.connect(), hive.connect());
        assert_eq!(hive.ask(&one, "/"), life.to_string());
        assert_eq!(hive.ask(&other, "/next"), life.to_string());
        let next = hive.connect();
        assert_eq!(hive.ask(&next, "/"), (life + 1).to_string());
    }
}

#[test]
fn a_listener_in_the_place_of_one_that_is_gone_is_not_taken_for_it() {
    let mut hive = Hive::new(
        "const who = process.argv[2];
         const server = require('http').createServer((req, res) => {
           res.end(who);
           if (req.url === '/close') server.close();
         });
         server.listen(80);
         setInterval(() => {}, 1000);",
    );
    let first = hive.connect();
    assert_eq!(hive.ask(&first, "/"), "0");
    assert_eq!(hive.ask(&first, "/close"), "0");
    let other = hive.connect();
    assert_eq!(hive.ask_host(&other, "other", "/"), "1");
    let late = hive.connect();
    late.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    hive.pass(SECOND);
    let answer = String::from_utf8_lossy(&late.read_all()).into_owned();
    assert!(!answer.ends_with('1'), "another tenant has answered: {answer}");
}
