//! Open-loop load on good neighbours: each request has a time at which it is meant to be sent, and is measured from that
//! time, however late it was sent. It must not know who else is in the process.
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Nothing that a neighbour answers takes this long, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a neighbour's clients saw.
#[derive(Default)]
pub struct Seen {
    pub failed: Vec<String>,
    pub micros: Vec<u64>,
}

impl Seen {
    pub fn add(&mut self, other: Seen) {
        self.failed.extend(other.failed);
        self.micros.extend(other.micros);
    }

    /// Microseconds that this share stayed below.
    pub fn quantile(&mut self, share: f64) -> u64 {
        self.micros.sort_unstable();
        let at = ((self.micros.len() as f64 * share) as usize).min(self.micros.len().saturating_sub(1));
        self.micros.get(at).copied().unwrap_or(0)
    }
}

/// Begins to send so many requests a second on one connection for so long.
pub fn begin(port: u16, a_second: u32, span: Duration) -> JoinHandle<Seen> {
    thread::spawn(move || {
        let mut seen = Seen::default();
        if let Err(error) = send(port, a_second, span, &mut seen) {
            seen.failed.push(error.to_string());
        }
        seen
    })
}

fn send(port: u16, a_second: u32, span: Duration, seen: &mut Seen) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_nodelay(true)?;
    let begun = Instant::now();
    for number in 0.. {
        let meant = begun + Duration::from_secs(1) * number / a_second;
        if meant.duration_since(begun) >= span {
            break;
        }
        thread::sleep(meant.saturating_duration_since(Instant::now()));
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
        if let Some(fault) = answer(&mut stream)? {
            seen.failed.push(fault);
        }
        seen.micros.push(meant.elapsed().as_micros() as u64);
    }
    Ok(())
}

/// Reads one whole answer; what is wrong with it.
fn answer(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let (mut bytes, mut part) = (Vec::new(), [0; 8192]);
    loop {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Ok(Some(format!("closed after {} bytes", bytes.len())));
        }
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.and_then(|number| number.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            let fine = head.starts_with("HTTP/1.1 200 ") && length == 2048;
            return Ok((!fine).then(|| head.lines().next().unwrap_or("").to_owned()));
        }
    }
}
