//! A TCP server that sends back what it is sent. A peer that does not read is not read from either. The port may be
//! given as a word.
use skep_guest::net::{Event, Listener};
use skep_guest::{println, process};

fn main() {
    let port = process::args().get(2).cloned().unwrap_or_else(|| "7007".into());
    let listener = Listener::listen(&format!("127.0.0.1:{}", port), |stream| {
        stream.on(|stream, event| match event {
            Event::Data(chunk) => drop(stream.pass(chunk)),
            Event::End => stream.close(),
            _ => {}
        });
    });
    listener.expect("a port is a number").on_listening(|address| match address {
        Ok(address) => println!("Echo server at {}", address),
        Err(error) => panic!("{}", error),
    });
}

skep_guest::start!(main);
