//! A TCP server that sends back what it is sent. A peer that does not read is not read from either.
use skep_guest::net::{Event, Listener};

fn main() {
    let listener = Listener::listen("127.0.0.1:7007", |stream| {
        stream.on(|stream, event| match event {
            Event::Data(chunk) => drop(stream.pass(chunk)),
            Event::End => stream.close(),
            _ => {}
        });
    });
    if let Err(error) = listener {
        skep_guest::eprintln!("{}", error);
    }
}

skep_guest::start!(main);
