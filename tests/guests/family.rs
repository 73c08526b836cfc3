//! A guest for the tests of processes: whatever it is sent by the process that started it, it sends back. Started by nobody, it
//! forks the file that its word names, sends that a message, and says what comes.
use skep_guest::println;
use skep_guest::process::{self, ChannelEvent};

fn main() {
    if let Some(parent) = process::parent() {
        parent.on(|channel, event| match event {
            ChannelEvent::Message(message) => drop(channel.send(message)),
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

skep_guest::start!(main);
