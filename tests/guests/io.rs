//! A guest that uses files, standard input, UDP, programs and signals, for tests/guest_io.rs: its first word says which.
use skep_guest::fs::{self, Change, OpenOptions};
use skep_guest::input::{self, Event};
use skep_guest::process::{self, ChildEvent, Command, Stdio};
use skep_guest::{net, println, task, timer, udp, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

fn main() {
    let words = process::args();
    let rest: Vec<String> = words[3..].to_vec();
    match words[2].as_str() {
        "files" => task::spawn(async {
            files().await.expect("what is granted can be done");
        }),
        "refused" => task::spawn(refused(rest)),
        "pieces" => pieces(&rest[0]),
        "watch" => watch(&rest[0]),
        "crowd" => crowd(),
        "input" => read_input(false),
        "slow" => read_input(true),
        "echo" => echo(),
        "send" => send(&rest[0]),
        "spawn" => spawn(&rest),
        "ignored" => ignored(&rest),
        "kill" => kill(&rest[0]),
        "signals" => signals(),
        "spin" => spin(),
        "grow" => grow(),
        other => panic!("no such word: {}", other),
    }
}

/// Paths here are within the folder that it works in.
async fn files() -> Result<()> {
    task::wait(|then| fs::write("a", "hello", then)).await?;
    println!("{}", String::from_utf8_lossy(&task::wait(|then| fs::read("a", then)).await?));
    let large: Vec<u8> = (0..3_000_000u32).map(|at| (at * 7) as u8).collect();
    task::wait(|then| fs::write("large", large.clone(), then)).await?;
    println!("{}", task::wait(|then| fs::read("large", then)).await? == large);
    task::wait(|then| fs::create_dir_all("b/c", then)).await?;
    task::wait(|then| fs::create_dir_all("b/c", then)).await?;
    task::wait(|then| fs::create_dir("d", then)).await?;
    task::wait(|then| fs::rename("a", "b/a", then)).await?;
    task::wait(|then| fs::copy("b/a", "d/copy", then)).await?;
    task::wait(|then| fs::hard_link("b/a", "d/same", then)).await?;
    task::wait(|then| fs::symlink("copy", "d/link", then)).await?;
    println!("{}", task::wait(|then| fs::read_link("d/link", then)).await?);
    println!("{:?}", task::wait(|then| fs::read_dir("d", then)).await?);
    let real = task::wait(|then| fs::canonicalize("d/../d/link", then)).await?;
    println!("{}", real.ends_with("/d/copy"));
    task::wait(|then| fs::set_mode("d/copy", 0o640, then)).await?;
    for path in ["d/copy", "d/same", "d"] {
        let it = task::wait(|then| fs::metadata(path, then)).await?;
        let late = timer::wall().checked_sub(it.modified).map_or(true, |age| age < Duration::from_secs(600));
        println!("{:?} {} {:o} {} {}", it.kind, it.len, it.mode & 0o700, it.links.min(2), late);
    }
    println!("{:?}", task::wait(|then| fs::symlink_metadata("d/link", then)).await?.kind);
    in_place().await?;
    for path in ["d/copy", "d/same", "d/link"] {
        task::wait(|then| fs::remove_file(path, then)).await?;
    }
    task::wait(|then| fs::remove_dir("d", then)).await?;
    println!("{:?}", task::wait(|then| fs::read_dir(".", then)).await?.len());
    Ok(())
}

/// By position, at the end, and what must not be there.
async fn in_place() -> Result<()> {
    let open = OpenOptions::new().read(true).write(true);
    let file = task::wait(|then| open.open("b/a", then)).await?;
    println!("{}", task::wait(|then| file.write("J", Some(0), then)).await?);
    println!("{}", String::from_utf8_lossy(&task::wait(|then| file.read(2, None, then)).await?));
    println!("{}", String::from_utf8_lossy(&task::wait(|then| file.read(100, None, then)).await?));
    println!("{:?}", task::wait(|then| file.read(100, None, then)).await?);
    task::wait(|then| file.set_len(3, then)).await?;
    task::wait(|then| file.sync_all(then)).await?;
    println!("{}", task::wait(|then| file.metadata(then)).await?.len);
    drop(file);
    let end = task::wait(|then| OpenOptions::new().append(true).open("b/a", then)).await?;
    task::wait(|then| end.write("p!", None, then)).await?;
    println!("{}", String::from_utf8_lossy(&task::wait(|then| fs::read("b/a", then)).await?));
    let new = OpenOptions::new().write(true).create_new(true);
    println!("{:?}", task::wait(|then| new.open("b/a", then)).await.map(drop));
    println!("{:?}", OpenOptions::new().open("b/a", |_| ()));
    Ok(())
}

/// What each path is refused with: read, and written.
async fn refused(paths: Vec<String>) {
    for path in paths {
        println!("{:?}", task::wait(|then| fs::read(&path, then)).await.map(drop));
        println!("{:?}", task::wait(|then| fs::write(&path, "x", then)).await);
        let seen = task::wait(|then| {
            let mut then = Some(then);
            fs::stream(&path, move |event| {
                if let Event::Failed(error) = event {
                    then.take().into_iter().for_each(|then| then(Ok(error.name())));
                }
            })
        });
        println!("{:?} {:?}", seen.await.ok(), fs::watch(&path, |_| ()).map(drop));
    }
}

/// A file in pieces; the credit of the first is held for a while.
fn pieces(path: &str) {
    let (pieces, total, held) = (Rc::new(Cell::new(0)), Cell::new(0), Cell::new(false));
    let begun = fs::stream(path, move |event| match event {
        Event::Data(chunk) => {
            pieces.set(pieces.get() + 1);
            total.set(total.get() + chunk.len());
            if !held.replace(true) {
                let (credit, pieces) = (chunk.into_credit(), pieces.clone());
                timer::after(Duration::from_millis(30), move || {
                    println!("held {}", pieces.get());
                    drop(credit);
                });
            }
        }
        Event::End => println!("{} in {}", total.get(), pieces.get()),
        Event::Failed(error) => println!("{}", error),
    });
    begun.expect("there is room");
}

fn watch(folder: &str) {
    let own: Rc<Cell<Option<fs::Watch>>> = Rc::default();
    let watch = own.clone();
    let begun = fs::watch(folder, move |change| {
        println!("{:?}", change);
        if let Change::Renamed(_) = change {
            own.take().into_iter().for_each(|watch| watch.close());
        }
    });
    watch.set(Some(begun.expect("it is granted")));
    println!("watching");
}

/// More operations than may be under way: each is begun or refused, and each that was begun is told of.
fn crowd() {
    let (begun, told) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let mut refused = 0;
    for _ in 0..100_000 {
        let (begun, told) = (begun.clone(), told.clone());
        let counted = begun.clone();
        match fs::metadata(".", move |_| {
            told.set(told.get() + 1);
            if told.get() == counted.get() {
                println!("{} told", told.get() > 0);
            }
        }) {
            Ok(()) => begun.set(begun.get() + 1),
            Err(error) => {
                assert_eq!(error.name(), "EAGAIN");
                refused += 1;
            }
        }
    }
    println!("refused {}", refused > 0);
}

fn read_input(slowly: bool) {
    let (count, held) = (Rc::new(Cell::new(0)), Cell::new(false));
    let begun = input::read(move |event| match event {
        Event::Data(chunk) => {
            count.set(count.get() + chunk.len());
            if chunk.len() < 100 {
                println!("data {}", String::from_utf8_lossy(&chunk));
            }
            if slowly && !held.replace(true) {
                let (credit, count) = (chunk.into_credit(), count.clone());
                timer::after(Duration::from_millis(50), move || {
                    println!("held {}", count.get() <= 64 << 10);
                    drop(credit);
                });
            }
        }
        Event::End => println!("end {}", count.get()),
        Event::Failed(error) => println!("{}", error),
    });
    begun.expect("there is room");
}

fn echo() {
    let bound = udp::Socket::bind("127.0.0.1:0", |socket, event| match event {
        udp::Event::Bound(at) => println!("{}", at),
        udp::Event::Message(b"", _) => socket.close(),
        udp::Event::Message(message, from) => drop(socket.send_to(from, message)),
        udp::Event::Closed(error) => println!("closed {:?}", error),
        _ => {}
    });
    bound.expect("it needs no grant");
}

/// Asks an echo, by address and connected, and what is no message.
fn send(to: &str) {
    let to: std::net::SocketAddr = to.parse().expect("it is an address");
    let connected = Cell::new(false);
    let bound = udp::Socket::bind("127.0.0.1:0", move |socket, event| match event {
        udp::Event::Bound(at) => {
            println!("{}", Some(&at) == socket.local().ok().as_ref());
            println!("{:?}", socket.send_to(to, vec![0; 70_000]));
            println!("{:?}", socket.set_ttl(0));
            println!("{:?}", socket.member(to.ip(), "", true));
            println!("{:?}", socket.send_to(std::net::SocketAddr::new(to.ip(), 9), "x").map(drop));
            socket.set_broadcast(true).and(socket.set_multicast(1, false)).expect("it is open");
            socket.send_to(to, vec![7; 1000]).expect("it is granted");
        }
        udp::Event::Sent(result) => println!("sent {:?}", result),
        udp::Event::Message(message, from) if !connected.replace(true) => {
            println!("{} {}", message.len(), from == to);
            socket.connect(Some(to)).expect("it is granted");
        }
        udp::Event::Connected(result) => {
            println!("connected {:?}", result);
            socket.send("ping").expect("it is connected");
        }
        udp::Event::Message(message, _) => {
            println!("{}", String::from_utf8_lossy(message));
            socket.send("").expect("it is connected");
            socket.close();
        }
        udp::Event::Failed(error) => println!("{}", error),
        udp::Event::Closed(error) => println!("closed {:?}", error),
    });
    bound.expect("it needs no grant");
    println!("{:?}", udp::Socket::bind("127.0.0.1:80", |_, _| ()).map_err(|error| error.name()).map(drop));
    println!("{:?}", udp::Socket::bind("nowhere", |_, _| ()).map(drop));
    let taken = udp::Socket::bind(&to.to_string(), |_, event| println!("{:?}", event));
    taken.expect("it needs no grant");
}

/// Runs a program with these words, gives it what it asks for, and tells what it says.
fn spawn(words: &[String]) {
    let mut command = Command::new(&words[0]).env("GIVEN", "value").folder("/");
    for word in &words[1..] {
        command = command.arg(word);
    }
    let started = command.start(|event| match event {
        ChildEvent::Started(_) => println!("started"),
        other => println!("{:?}", other),
    });
    let program = match started {
        Ok(program) => program,
        Err(error) => return println!("{}", error),
    };
    for (name, stream) in [("out", program.output), ("err", program.errors)] {
        let all = RefCell::new(Vec::new());
        stream.expect("it is a pipe").on(move |stream, event| match event {
            net::Event::Data(chunk) => all.borrow_mut().extend_from_slice(&chunk),
            net::Event::End => stream.close(),
            net::Event::Closed(_) if all.borrow().len() > 100 => println!("{} {} bytes", name, all.borrow().len()),
            net::Event::Closed(_) => println!("{} {}", name, String::from_utf8_lossy(&all.borrow()).trim()),
            _ => {}
        });
    }
    let input = program.input.expect("it is a pipe");
    input.write(vec![b'i'; 300_000]).expect("there is room");
    input.shutdown().expect("it is open");
}

/// A program whose pipes nobody looks at.
fn ignored(words: &[String]) {
    let command = words[1..].iter().fold(Command::new(&words[0]), |command, word| command.arg(word));
    command.start(|event| println!("{:?}", event)).expect("it is granted");
}

fn kill(program: &str) {
    let command = Command::new(program).stdio(Stdio::Null, Stdio::Inherit, Stdio::Null).arg("60");
    let own = Rc::new(RefCell::new(None::<process::Program>));
    let started = own.clone();
    let program = command.start(move |event| match (event, &*own.borrow()) {
        (ChildEvent::Started(_), Some(program)) => {
            println!("{} {:?}", program.input.is_none() && program.output.is_none(), program.kill(0));
            program.kill(15).expect("it lives");
        }
        (event, Some(program)) => println!("{:?} {:?}", event, program.kill(0)),
        _ => {}
    });
    *started.borrow_mut() = Some(program.expect("it is granted"));
}

fn signals() {
    let count = Rc::new(Cell::new(0));
    let own = count.clone();
    let watched = process::on_signal(10, move || {
        own.set(own.get() + 1);
        println!("signal {}", own.get());
    });
    watched.expect("it is a signal");
    process::on_signal(15, || process::exit(5)).expect("it is a signal");
    println!("{:?} {:?}", process::on_signal(9, || ()), process::on_signal(999, || ()));
    // Watching keeps nothing alive; this does.
    timer::after(Duration::from_secs(600), || ());
    println!("ready");
}

#[allow(clippy::empty_loop)]
fn spin() {
    loop {}
}

fn grow() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    // Looked at, so that no compiler leaves it out.
    while kept.iter().all(|bytes| bytes[0] == 1) {
        kept.push(vec![1; 1 << 20]);
    }
}

skep_guest::start!(main);
