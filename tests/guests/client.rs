//! A guest that asks HTTP servers, for tests/guest_client.rs: what it does is its first word, whom it asks the others.
use skep_guest::http::client::{Request, Writer};
use skep_guest::http::{self, Body, Client, Part, Reply};
use skep_guest::net::Event;
use skep_guest::{net, println, process, task, timer, Flow, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

fn main() {
    let words = process::args();
    let urls: Vec<String> = words[3..].to_vec();
    match words[2].as_str() {
        "get" => task::spawn(get(urls)),
        "head" => show(http::request("HEAD", &urls[0])),
        "post" => show_body(http::request("POST", &urls[0]).header("X-A", "b"), "hello"),
        "large" => show_body(http::request("PUT", &urls[0]), &"x".repeat(3 << 20)),
        "promised" => promised(&urls[0]),
        "pump" => pump(&urls[0]),
        "hold" => hold(&urls[0]),
        "parts" => parts(&urls[0], false),
        "timeout" => show(http::request("GET", &urls[0]).timeout(Duration::from_millis(50))),
        "abort" => abort(&urls[0]),
        "unread" => unread(&urls[0]),
        "limit" => limit(&urls[0]),
        "upgrade" => upgrade(&urls[0]),
        "wrong" => wrong(&urls[0]),
        "late" => parts(&urls[0], true),
        "between" => between(&urls[0]),
        "dropped" => dropped(&urls[0]),
        "instant" => show(http::request("GET", &urls[0]).timeout(Duration::from_micros(1))),
        other => panic!("no such word: {}", other),
    }
}

fn said(reply: Result<Reply>) {
    match reply {
        Ok(reply) => println!("{} {} {:?}", reply.status(), reply.reason(), text(reply.header("x-who"))),
        Err(error) => println!("{}", error),
    }
}

fn text(value: Option<&[u8]>) -> String {
    String::from_utf8_lossy(value.unwrap_or(b"-")).into_owned()
}

/// One after another, by connections that are kept.
async fn get(urls: Vec<String>) {
    for url in urls {
        let reply = match task::send(http::request("GET", &url), "").await {
            Ok(reply) => reply,
            Err(error) => {
                println!("{}", error);
                continue;
            }
        };
        let line = format!("{} {} {}", reply.status(), reply.reason(), text(reply.header("x-who")));
        match task::read(reply.body(), 16 << 20).await {
            Ok(body) if body.len() < 100 => println!("{} {}", line, String::from_utf8_lossy(&body)),
            Ok(body) => println!("{} {} bytes", line, body.len()),
            Err(error) => println!("{} lost: {}", line, error),
        }
    }
}

fn show(request: Request) {
    if let Err(error) = request.send("", said) {
        println!("at once: {}", error);
    }
}

fn show_body(request: Request, body: &str) {
    let sent = request.send(body, |reply| match reply {
        Ok(reply) => reply.read(1 << 20, |body| println!("{}", String::from_utf8_lossy(&body.unwrap_or_default()))),
        Err(error) => println!("{}", error),
    });
    sent.expect("it can be sent");
}

/// Of a length that was given, and of no other.
fn promised(url: &str) {
    let request = || http::request("POST", url).header("Content-Length", "4");
    println!("{:?}", request().send("12345", said).map(drop));
    let mut writer = request().start(|reply| println!("short: {:?}", reply.map(drop))).expect("it can be sent");
    println!("{:?}", writer.write("12345"));
    writer.write("123").expect("there is room");
    println!("{:?}", writer.end().map(drop));
    let mut writer = request().start(said).expect("it can be sent");
    writer.write("1234").expect("there is room");
    writer.end().expect("it is whole");
}

/// 8 MiB, as fast as they are taken.
fn pump(url: &str) {
    let writer = http::request("POST", url).start(said).expect("it can be sent");
    let held: Rc<RefCell<Option<Writer>>> = Rc::new(RefCell::new(None));
    let (left, most, stops) = (Cell::new(8u32 << 20), Cell::new(0u32), Cell::new(0));
    let own = held.clone();
    let go_on = move || {
        let mut written = 0;
        while left.get() > 0 {
            let flow = own.borrow_mut().as_mut().map(|writer| writer.write(vec![b'x'; 16 << 10]));
            left.set(left.get() - (16 << 10));
            written += 16 << 10;
            most.set(most.get().max(written));
            if flow.expect("it is there").expect("there is room") == Flow::Full {
                stops.set(stops.get() + 1);
                return;
            }
        }
        let whole = own.borrow_mut().take();
        if let Some(writer) = whole {
            println!("stopped {}, at most {} at a time", stops.get() > 10, most.get());
            writer.end_with(&[("X-Sum", "8")]).expect("it is there");
        }
    };
    writer.on_drain(go_on);
    let mut writer = writer;
    // The connection is not open: the rest goes by what is told.
    println!("{:?}", writer.write("first"));
    println!("{:?}", writer.write(vec![b'x'; 2 << 20]).map_err(|error| error.name()));
    *held.borrow_mut() = Some(writer);
}

/// Holds what comes until no more can.
fn hold(url: &str) {
    let asked = http::get(url, |reply| {
        let (seen, held) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
        let credits = held.clone();
        let holds = Cell::new(true);
        reply.expect("it answers").body().stream(move |part| match part {
            Part::Data(chunk) => {
                seen.set(seen.get() + chunk.len());
                if !holds.get() {
                    return;
                }
                credits.borrow_mut().push(chunk.into_credit());
                if seen.get() >= 64 << 10 {
                    holds.set(false);
                    let (seen, credits) = (seen.clone(), credits.clone());
                    timer::after(Duration::from_millis(30), move || {
                        println!("held {}", seen.get());
                        credits.borrow_mut().clear();
                    });
                }
            }
            Part::End(trailers) => println!("all {} {}", seen.get(), String::from_utf8_lossy(trailers).trim()),
            Part::Aborted(error) => println!("{}", error),
        });
    });
    asked.expect("it can be asked");
}

fn tell(body: Body) {
    body.stream(|part| match part {
        Part::Data(chunk) => println!("data {}", String::from_utf8_lossy(&chunk)),
        Part::End(trailers) => println!("end {}", String::from_utf8_lossy(trailers).trim()),
        Part::Aborted(error) => println!("aborted {}", error),
    });
}

/// Parts as they come; or all of them when they have come, before anybody has asked.
fn parts(url: &str, late: bool) {
    let asked = http::get(url, move |reply| {
        let body = reply.expect("it answers").body();
        if late {
            timer::after(Duration::from_millis(100), move || tell(body));
        } else {
            tell(body);
        }
    });
    asked.expect("it can be asked");
}

fn abort(url: &str) {
    let pending = http::get(url, said).expect("it can be asked");
    timer::after(Duration::from_millis(20), move || pending.abort());
    // One that has no connection yet, and one whose body is never ended.
    http::get("http://localhost:1/", said).expect("it can be asked").abort();
    drop(http::request("POST", url).start(said).expect("it can be asked"));
}

/// A reply that nobody reads costs its connection; the next request has another.
fn unread(url: &str) {
    let client = Client::new();
    let (next, own) = (url.to_owned(), client.clone());
    let sent = client.request("GET", url).send("", move |reply| {
        drop(reply);
        own.request("GET", &next).send("", said).expect("it can be asked");
    });
    sent.expect("it can be asked");
}

fn limit(url: &str) {
    let asked = http::get(url, |reply| {
        reply.expect("it answers").read(1000, |body| println!("{:?}", body.map(|body| body.len())));
    });
    asked.expect("it can be asked");
}

fn upgrade(url: &str) {
    let request = http::request("GET", url).header("Connection", "Upgrade").header("Upgrade", "echo");
    let sent = request.send("", |reply| {
        let (stream, first) = reply.expect("it answers").into_stream().expect("it has left HTTP");
        println!("first {}", String::from_utf8_lossy(&first));
        stream.write("ping").expect("it is open");
        stream.on(|stream, event| match event {
            Event::Data(chunk) => println!("then {}", String::from_utf8_lossy(&chunk)),
            Event::End => stream.close(),
            _ => {}
        });
    });
    sent.expect("it can be asked");
}

/// The kept connection ends, and before all of its end was told the next request is made: by what another stream brings in the
/// same batch.
fn between(url: &str) {
    let url = url.to_owned();
    let asked = http::get(&url.clone(), move |reply| {
        reply.expect("it answers").read(100, move |_| {
            let address = url.trim_start_matches("http://").trim_end_matches('/');
            let busy = |_| {
                let until = timer::wall() + Duration::from_millis(300);
                while timer::wall() < until {}
            };
            let stream = net::connect(address, busy).expect("it can be connected to");
            stream.write("go").expect("there is room");
            let next = url.clone();
            stream.on(move |stream, event| {
                if let Event::Data(_) = event {
                    http::get(&next, said).expect("it can be asked");
                    stream.close();
                }
            });
        });
    });
    asked.expect("it can be asked");
}

/// A server takes the offer to leave HTTP, and nobody wants the stream.
fn dropped(url: &str) {
    let request = http::request("GET", url).header("Connection", "Upgrade").header("Upgrade", "echo");
    request.send("", |reply| println!("{}", reply.expect("it answers").status())).expect("it can be sent");
}

/// What is refused at once, by its number.
fn wrong(url: &str) {
    let name = |request: Request| request.send("", said).map_err(|error| error.name()).err().unwrap_or("sent");
    println!("{}", name(http::request("GET", "https://localhost/")));
    for url in ["ftp://a/", "http://", "http://a b/", "http://a:99999/", "http://u@a/", "http://a/\u{e9}", "http://a/\r\nX: b"] {
        println!("{}", name(http::request("GET", url)));
    }
    println!("{}", name(http::request("A B", url)));
    println!("{}", name(http::request("CONNECT", url)));
    for (field, value) in [("X", "a\r\nb"), ("X Y", "a"), ("Transfer-Encoding", "chunked"), ("Content-Length", "+1")] {
        println!("{}", name(http::request("GET", url).header(field, value)));
    }
    println!("{}", name(http::request("GET", "http://127.0.0.1:1/")));
}

skep_guest::start!(main);
