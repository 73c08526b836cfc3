//! A runtime inside a program that has an event loop already, here mio's: the runtime's descriptor is watched like a socket, and
//! it is turned when that is readable or its time has come. A server of lines, each answered by a guest. With tokio the
//! same descriptor goes into an `AsyncFd`. `cargo run --release --example inside_mio`
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use serde_json::json;
use skep::{Guest, Pending, Policy, Runtime};
use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

const GUEST: Token = Token(0);
const LISTENER: Token = Token(1);

const ANSWERS: &str = "export const answer = (line) => new Promise((done) =>
    setTimeout(() => done([...line].reverse().join('')), 5));";

struct Client {
    stream: mio::net::TcpStream,
    read: Vec<u8>,
    answer: Option<Pending>,
}

pub fn main() -> Result<(), Box<dyn Error>> {
    let mut runtime = Runtime::new()?;
    let guest = runtime.guest(&Policy::default().deadline(Duration::from_secs(30)))?;
    runtime.load(guest, ANSWERS)?;
    let mut poll = Poll::new()?;
    let mut listener = mio::net::TcpListener::bind("127.0.0.1:0".parse()?)?;
    poll.registry().register(&mut SourceFd(&runtime.as_raw_fd()), GUEST, Interest::READABLE)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    // Two clients, to see it work; the program ends with them.
    let at = listener.local_addr()?;
    let asked: Vec<_> = ["stressed", "drawer"].map(|word| std::thread::spawn(move || ask(at, word))).into();
    let (mut events, mut clients) = (Events::with_capacity(64), HashMap::new());
    while asked.iter().any(|client| !client.is_finished()) {
        let most = Duration::from_millis(50);
        poll.poll(&mut events, Some(runtime.idle_time().map_or(most, |time| time.min(most))))?;
        for event in &events {
            match event.token() {
                GUEST => {}
                LISTENER => accept(&listener, &poll, &mut clients)?,
                Token(number) => read_line(&mut clients, number, &mut runtime, guest),
            }
        }
        runtime.turn(Some(Duration::ZERO));
        clients.retain(|_, client| !answered(client));
    }
    let answers: Result<Vec<_>, _> = asked.into_iter().map(|client| client.join().expect("a client lives")).collect();
    println!("{:?}", answers.as_ref().map_err(ToString::to_string)?);
    assert_eq!(answers?, ["desserts\n", "reward\n"]);
    Ok(())
}

fn accept(listener: &mio::net::TcpListener, poll: &Poll, clients: &mut HashMap<usize, Client>) -> std::io::Result<()> {
    while let Ok((mut stream, _)) = listener.accept() {
        let number = (2..).find(|number| !clients.contains_key(number)).expect("there are numbers enough");
        poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
        clients.insert(number, Client { stream, read: Vec::new(), answer: None });
    }
    Ok(())
}

fn read_line(clients: &mut HashMap<usize, Client>, number: usize, runtime: &mut Runtime, guest: Guest) {
    let Some(client) = clients.get_mut(&number) else { return };
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = client.stream.read(&mut piece) {
        client.read.extend_from_slice(&piece[..count]);
    }
    if client.read.ends_with(b"\n") && client.answer.is_none() {
        let line = String::from_utf8_lossy(&client.read).trim_end().to_owned();
        client.answer = Some(runtime.begin(guest, "answer", json!(line)));
    }
}

/// Whether this client has had its answer.
fn answered(client: &mut Client) -> bool {
    let Some(result) = client.answer.as_mut().and_then(Pending::take) else { return false };
    let text = match &result {
        Ok(value) => value.as_json().and_then(|json| json.as_str()).unwrap_or_default(),
        Err(_) => "sorry",
    };
    client.stream.write_all(format!("{text}\n").as_bytes()).is_ok()
}

fn ask(at: SocketAddr, word: &str) -> std::io::Result<String> {
    let mut stream = std::net::TcpStream::connect(at)?;
    writeln!(stream, "{word}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}
