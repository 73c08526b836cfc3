//! A guest for the tests of workers: listens where the variable PORT says, answers with its number, sends back what it is sent,
//! leaves when that is "leave", and when it is "fork" starts the guest that the variable LIAR names, of which it passes on
//! what it says.
use skep_guest::cluster::Cluster;
use skep_guest::http::Server;
use skep_guest::process::{self, ChannelEvent};

fn main() {
    let cluster = Cluster::start(0).expect("it is a worker");
    let number = cluster.worker().expect("it has a number");
    let port = process::env("PORT").unwrap_or_else(|| "0".into());
    let server = Server::listen(&format!("127.0.0.1:{}", port), move |_request, response| response.end(number.to_string()));
    server.expect("a port is a number").on_listening(|at| {
        if let (Err(error), Some(parent)) = (at, process::parent()) {
            parent.send(format!("\"{}\"", error.name())).expect("there is room");
        }
    });
    process::parent().expect("it has a channel").on(move |channel, event| match event {
        ChannelEvent::Message(b"\"leave\"") => cluster.disconnect(),
        ChannelEvent::Message(b"\"fork\"") => fork(),
        ChannelEvent::Message(message) => drop(channel.send(message)),
        _ => {}
    });
}

fn fork() {
    let child = process::fork(process::env("LIAR").as_deref(), &[], |_| ()).expect("it may fork");
    child.channel().on(|_, event| {
        if let (ChannelEvent::Message(message), Some(parent)) = (event, process::parent()) {
            parent.send(message).expect("there is room");
        }
    });
}

skep_guest::start!(main);
