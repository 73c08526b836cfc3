//! A guest for the tests of clones: it goes on in two processes from its memory as it stands, and both say what they know. Told
//! "many", it asks for clones without end.
use skep_guest::net::Listener;
use skep_guest::process::{self, ChannelEvent, ChildEvent, CloneEvent};
use skep_guest::{println, timer};
use std::cell::RefCell;
use std::time::Duration;

thread_local! {
    static KNOWN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn know(text: &str) {
    KNOWN.with(|known| known.borrow_mut().push(text.to_owned()));
}

fn known() -> String {
    KNOWN.with(|known| known.borrow().join(" "))
}

fn main() {
    if process::args().get(2).map(String::as_str) == Some("many") {
        return many();
    }
    know("before");
    let listener = Listener::listen("127.0.0.1:0", |stream| stream.close()).expect("it may listen");
    listener.on_listening(|at| {
        at.expect("a port is free");
        begin();
    });
    listener.keep_alive(false).expect("it is open");
}

fn begin() {
    let child = process::clone(|event| match event {
        CloneEvent::Awake => awake(),
        CloneEvent::Child(ChildEvent::Started(pid)) => println!("started {}", pid > 0),
        CloneEvent::Child(event) => println!("{:?}", event),
    });
    let child = match child {
        Ok(child) => child,
        Err(error) => return println!("{}", error),
    };
    child.channel().on(|channel, event| {
        if let ChannelEvent::Message(message) = event {
            println!("the first heard {}", String::from_utf8_lossy(message));
            channel.send("go").expect("there is room");
        }
    });
    timer::after(Duration::from_millis(20), || println!("tick {}", known()));
    know("after");
}

fn awake() {
    know("clone");
    println!("word {}", process::args()[2]);
    let parent = process::parent().expect("a clone has a channel");
    parent.send(known()).expect("there is room");
    parent.on(|channel, event| {
        if let ChannelEvent::Message(message) = event {
            println!("the clone heard {}", String::from_utf8_lossy(message));
            process::set_exit_code(7);
            channel.close();
        }
    });
}

fn many() {
    let mut asked = 0;
    let refused = loop {
        match process::clone(|_| ()) {
            Ok(_) if asked < 100_000 => asked += 1,
            Ok(_) => break "nothing".into(),
            Err(error) => break error.name().to_owned(),
        }
    };
    println!("{} after {}", refused, asked > 0);
    process::exit(0);
}

skep_guest::start!(main);
