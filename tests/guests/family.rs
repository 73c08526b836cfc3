//! A guest for the tests of processes: whatever it is sent by the process that started it, it sends back, and what came with it
//! it uses. Started by nobody, it forks the file that its word names, sends that a message, and says what comes.
use skep_guest::net::{Event, Listener, Stream};
use skep_guest::process::{self, Channel, ChannelEvent, Handed};
use skep_guest::{http, println};

fn main() {
    if let Some(parent) = process::parent() {
        parent.on(|channel, event| match event {
            ChannelEvent::Message(b"\"a listener\"") => offer(channel),
            ChannelEvent::Message(message) => drop(channel.send(message)),
            ChannelEvent::Handed(message, Handed::Stream(stream)) if message == b"\"back\"" => {
                drop(channel.send_stream("{\"here\":\"again\"}", &stream))
            }
            ChannelEvent::Handed(_, Handed::Stream(stream)) => echo(&stream),
            ChannelEvent::Handed(_, Handed::Listener(received)) => {
                let served = received.serve(&http::Options::default(), |_request, response| response.end("served\n"));
                channel.send(format!("\"{}\"", if served.is_ok() { "serves" } else { "no" })).expect("there is room");
            }
            ChannelEvent::Closed(_) => process::exit(3),
            _ => {}
        });
        return;
    }
    let file = process::args().get(2).cloned().expect("a file is named");
    let child = process::fork(Some(&file), &["word"], |event| println!("{:?}", event)).expect("it may fork");
    child.channel().on(|channel, event| {
        if let ChannelEvent::Message(message) = event {
            println!("said {}", String::from_utf8_lossy(message));
            channel.close();
        }
    });
    child.channel().send("{\"a\":1}").expect("there is room");
}

fn echo(stream: &Stream) {
    stream.write("hello ").expect("it is open");
    stream.on(|stream, event| match event {
        Event::Data(chunk) => drop(stream.pass(chunk)),
        Event::End => stream.close(),
        _ => {}
    });
}

/// A listener of this guest's goes to the process that started it.
fn offer(channel: &Channel) {
    let listener = Listener::listen("127.0.0.1:0", |stream| stream.close()).expect("it may listen");
    let channel = channel.clone();
    listener.on_listening(move |at| {
        at.expect("a port is free");
        channel.send_listener("\"take it\"", &listener).expect("there is room");
        listener.close().expect("it is open here, too");
    });
}

skep_guest::start!(main);
