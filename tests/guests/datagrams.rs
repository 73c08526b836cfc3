//! A guest for the tests of UDP sockets that travel, as datagrams.c. Its peer, the process that started it or the file that its word
//! names, tells it what to do: use, keep or forget a socket that came, give one of its own, or do what cannot be done.
use skep_guest::process::{self, Channel, ChannelEvent, Handed};
use skep_guest::udp::{Event, Socket};
use std::net::{IpAddr, SocketAddr};

fn main() {
    let channel = process::parent().unwrap_or_else(|| {
        let file = process::args().get(2).cloned().expect("a file is named");
        process::fork(Some(&file), &[], |_| ()).expect("it may fork").channel().clone()
    });
    let mut kept = None;
    channel.on(move |channel, event| match event {
        ChannelEvent::Handed(message, Handed::Datagram(socket)) => {
            match message {
                b"\"forget\"" => {}
                b"\"later\"" => kept = Some(socket),
                _ => echo(channel, &socket),
            }
            tell(channel, "\"has it\"");
        }
        ChannelEvent::Handed(_, Handed::Listener(_)) => tell(channel, "\"a listener\""),
        ChannelEvent::Message(b"\"listen\"") => kept.take().iter().for_each(|socket| echo(channel, socket)),
        ChannelEvent::Message(b"\"wrong\"") => wrong(channel),
        ChannelEvent::Message(message) => {
            let text = String::from_utf8_lossy(message).replace('"', "");
            match text.split(' ').collect::<Vec<_>>()[..] {
                ["yours", host, port] => {
                    let host = host.parse().expect("it is numeric");
                    offer(channel, host, port.parse().expect("it is a number"));
                }
                _ => tell(channel, "\"what?\""),
            }
        }
        _ => {}
    });
}

fn tell(channel: &Channel, json: &str) {
    channel.send(json).expect("there is room");
}

fn echo(channel: &Channel, socket: &Socket) {
    let channel = channel.clone();
    socket.on(move |socket, event| match event {
        Event::Message(b"", _) => socket.close(),
        Event::Message(message, from) => drop(socket.send_to(from, [&b"here: "[..], message].concat())),
        Event::Closed(error) => tell(&channel, if error.is_none() { "\"closed\"" } else { "\"failed\"" }),
        _ => {}
    });
}

/// A socket of this guest's goes to the peer, twice; then it is used here, too.
fn offer(channel: &Channel, host: IpAddr, port: u16) {
    let channel = channel.clone();
    let bound = Socket::bind(&SocketAddr::new(host, 0).to_string(), move |socket, event| match event {
        Event::Bound(_) => {
            socket.receive(false).expect("it is open");
            channel.send_datagram("\"one\"", socket).expect("there is room");
            channel.send_datagram("\"two\"", socket).expect("there is room");
            socket.send_to(SocketAddr::new(host, port), "still mine").expect("it is open here, too");
        }
        Event::Sent(_) => socket.close(),
        _ => {}
    });
    bound.expect("unprivileged ports need no grant");
}

fn wrong(channel: &Channel) {
    let (channel, mut said) = (channel.clone(), Vec::new());
    let bound = Socket::bind("127.0.0.1:0", move |socket, event| {
        let mut note = |result: skep_guest::Result<_>| said.push(result.map_or_else(|error| error.name(), |_| "taken"));
        match event {
            Event::Bound(_) => {
                socket.close();
                note(channel.send_datagram("1", socket));
            }
            Event::Closed(_) => {
                note(channel.send_datagram("2", socket));
                note(socket.send_to(([127, 0, 0, 1], 9).into(), "x"));
                tell(&channel, &format!("{:?}", said));
            }
            _ => {}
        }
    });
    bound.expect("unprivileged ports need no grant");
}

skep_guest::start!(main);
