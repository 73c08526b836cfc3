//! A guest that uses all of the SDK, for tests/guest_sdk.rs: HTTP routes, an echo of streams, timers, tasks, a child.
use skep_guest::host::{self, Value};
use skep_guest::http::{Options, Part, Request, Response, Server};
use skep_guest::net::{self, Event, Listener};
use skep_guest::process::{self, ChannelEvent, ChildEvent};
use skep_guest::{log, println, task, timer, Flow, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

fn main() {
    if let Some(parent) = process::parent() {
        return child(parent);
    }
    if process::env("CALLED").is_some() {
        return called();
    }
    let words = process::args();
    match words.get(2).map(String::as_str) {
        Some("panic") => panic!("as was asked"),
        Some("exit") => process::set_exit_code(7),
        Some("denied") => denied(),
        Some("timers") => timers(),
        _ => serve(),
    }
}

/// Echoes messages until its parent has heard enough.
fn child(parent: process::Channel) {
    parent.on(|parent, event| {
        if let ChannelEvent::Message(message) = event {
            let mut answer = b"child: ".to_vec();
            answer.extend_from_slice(message);
            parent.send(answer).expect("the parent is there");
        }
    });
}

/// Answers the program that the host is part of.
fn called() {
    let count = Cell::new(0);
    host::on_call(move |call| match (call.name.as_str(), call.argument.clone()) {
        ("count", _) => {
            count.set(count.get() + 1);
            call.reply(Value::Json(count.get().to_string())).expect("there is room");
        }
        ("reverse", Value::Bytes(mut bytes)) => {
            bytes.reverse();
            call.reply(Value::Bytes(bytes)).expect("there is room");
        }
        ("ask", argument) => {
            let asked = host::call("echo", &argument, move |answer| match answer {
                Ok(value) => call.reply(value).expect("there is room"),
                Err(why) => call.fail(&why),
            });
            asked.expect("it is granted");
        }
        ("denied", argument) => {
            let error = host::call("secret", &argument, |_| ()).expect_err("it is not granted");
            call.fail(&error.to_string());
        }
        ("later", _) => {
            timer::after(Duration::from_millis(5), move || drop(call));
        }
        _ => call.fail("no \"such\"\n function"),
    });
}

fn trailers(response: Response) -> Result<()> {
    let writer = response.header("Trailer", "X-Sum").start()?;
    writer.write("body")?;
    writer.end_with(&[("X-Sum", "4")])
}

/// Lines that would be two.
fn inject(response: Response) -> Result<()> {
    let informed = response.inform(103, &[("Link", "a\r\nSet-Cookie: b")]).map_err(|error| error.name());
    println!("{:?}", informed);
    let writer = response.header("Trailer", "X").start()?;
    match writer.end_with(&[("X", "a\r\nY: b")]) {
        Ok(()) => println!("SENT"),
        Err(error) => println!("{}", error.name()),
    }
    Ok(())
}

/// Tells when it is freed.
struct Freed;

impl Drop for Freed {
    fn drop(&mut self) {
        println!("FREED");
    }
}

/// A body without end, whose writer is held by what it tells.
fn gone(response: Response) -> Result<()> {
    let writer = Rc::new(response.start()?);
    let (own, freed) = (writer.clone(), Freed);
    let go_on = move || {
        let _told = &freed;
        while let Ok(Flow::Open) = own.write(vec![b'x'; 64 << 10]) {}
    };
    go_on();
    writer.on_drain(go_on);
    Ok(())
}

fn denied() {
    let error = net::connect("127.0.0.1:1", |_| ()).expect_err("nothing was granted");
    println!("{}", error);
    let error = "nowhere".parse::<net::Address>().expect_err("this is no address");
    println!("{}", error.name());
}

fn timers() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let note = |text: &'static str| {
        let log = log.clone();
        move || log.borrow_mut().push(text)
    };
    timer::after(Duration::from_millis(20), note("third"));
    timer::after(Duration::ZERO, note("first"));
    timer::after(Duration::from_millis(10), note("second"));
    timer::after(Duration::from_millis(1), note("never")).cancel();
    let (count, last) = (Rc::new(Cell::new(0)), log.clone());
    let every = Rc::new(Cell::new(None));
    let own = every.clone();
    every.set(Some(timer::every(Duration::from_millis(5), move || {
        count.set(count.get() + 1);
        if count.get() == 8 {
            own.get().map(timer::Timer::cancel);
            println!("{}", last.borrow().join(" "));
        }
    })));
}

fn serve() {
    let options = Options { upgrade: true, ..Options::default() };
    let server = Server::with(&options, "127.0.0.1:0", answer).expect("unprivileged ports need no grant");
    server.on_listening(|at| println!("PORT {}", at.expect("a port is free").port().expect("it is not a path")));
    let echo = Listener::listen("127.0.0.1:0", |stream| {
        stream.on(|stream, event| match event {
            Event::Data(chunk) => drop(stream.pass(chunk)),
            Event::End => stream.close(),
            _ => {}
        });
    });
    echo.expect("unprivileged ports need no grant").on_listening(|at| println!("ECHO {}", at.expect("a port is free")));
    let stop = move || {
        let _closed = server.close();
        process::exit(0);
    };
    if let Err(error) = process::on_signal(15, stop) {
        assert_eq!(error.name(), "EPERM", "within another program signals are not the guest's");
    }
}

fn answer(request: Request<'_>, response: Response) -> Result<()> {
    match request.path() {
        "/hello" => response.header("Content-Type", "text/plain").end("Hello World\n"),
        "/head" => {
            let agent = String::from_utf8_lossy(request.header("USER-agent").unwrap_or(b"-")).into_owned();
            let text = format!("{} {:?} {} {}", request.method(), request.query(), agent, request.headers().count());
            response.status(201).header("X-Peer", request.peer()?.to_string().split(':').next().unwrap_or("")).end(text)
        }
        "/echo" => echo(request, response),
        "/sum" => {
            request.body().read(1 << 20, |body| {
                let _gone = match body {
                    Ok(body) => response.end(format!("{} bytes", body.len())),
                    Err(error) => response.status(413).end(error.name()),
                };
            });
            Ok(())
        }
        "/later" => {
            // More than came with the head has come before anybody asks.
            let body = request.body();
            timer::after(Duration::from_millis(50), move || {
                body.read(1 << 20, |body| drop(response.end(format!("{} bytes", body.map_or(0, |body| body.len())))));
            });
            Ok(())
        }
        "/many" => many(response),
        "/trailers" => trailers(response),
        "/late" => {
            task::spawn(async move {
                task::sleep(Duration::from_millis(20)).await;
                let _gone = response.end("late");
            });
            Ok(())
        }
        "/through" => {
            let address = String::from_utf8_lossy(request.header("x-to").unwrap_or(b"")).into_owned();
            task::spawn(async move {
                let text = match through(&address).await {
                    Ok(text) => text,
                    Err(error) => error.to_string(),
                };
                let _gone = response.end(text);
            });
            Ok(())
        }
        "/upgrade" => {
            let stream = response.upgrade()?;
            stream.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")?;
            stream.on(|stream, event| match event {
                Event::Data(chunk) => drop(stream.pass(chunk)),
                Event::End => stream.close(),
                _ => {}
            });
            Ok(())
        }
        "/fork" => fork(response),
        "/forgotten" => Ok(()),
        "/inject" => inject(response),
        "/gone" => gone(response),
        "/broken" => response.header("X", "a\r\nb").end(""),
        "/abort" => {
            response.abort();
            Ok(())
        }
        _ => response.status(404).end("not here"),
    }
}

/// As the body comes, so it goes.
fn echo(request: Request<'_>, response: Response) -> Result<()> {
    let writer = response.start()?;
    writer.on_done(|result| println!("DONE {}", result.is_ok()));
    let mut writer = Some(writer);
    request.body().stream(move |part| match (part, writer.take()) {
        (Part::Data(chunk), Some(open)) => {
            if open.pass(chunk).is_ok() {
                writer = Some(open);
            }
        }
        (Part::End(_), Some(open)) => drop(open.end()),
        (Part::Aborted(error), _) => log::line(2, error.name()),
        _ => {}
    });
    Ok(())
}

/// 4 MiB, as fast as they are taken.
fn many(response: Response) -> Result<()> {
    let writer = Rc::new(RefCell::new(Some(response.start()?)));
    let left = Cell::new(64u32);
    let own = writer.clone();
    let pump = move || {
        while left.get() > 0 {
            left.set(left.get() - 1);
            let flow = own.borrow().as_ref().map_or(Ok(Flow::Open), |writer| writer.write(vec![b'x'; 64 << 10]));
            match flow {
                Ok(Flow::Open) => {}
                Ok(Flow::Full) => return,
                Err(_) => return drop(own.borrow_mut().take()),
            }
        }
        if let Some(writer) = own.borrow_mut().take() {
            let _gone = writer.end();
        }
    };
    pump();
    if let Some(writer) = &*writer.borrow() {
        writer.on_drain(pump);
    }
    Ok(())
}

/// Sends a word to an echo server and answers what comes back.
async fn through(address: &str) -> Result<String> {
    let mut stream = task::connect(address).await?;
    stream.write("ping")?;
    let mut text = String::new();
    while text.len() < 4 {
        match stream.next().await? {
            Some(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            None => break,
        }
    }
    stream.stream().close();
    Ok(text)
}

fn fork(response: Response) -> Result<()> {
    let child = process::fork(None, &[], |event| {
        if let ChildEvent::Exited(code) = event {
            println!("CHILD {}", code);
        }
    })?;
    let mut response = Some(response);
    child.channel().on(move |channel, event| {
        if let (ChannelEvent::Message(message), Some(response)) = (event, response.take()) {
            let _gone = response.end(message);
            channel.close();
        }
    });
    child.channel().send("hi").map(|_| ())
}

skep_guest::start!(main);
