//! Lines of tenants' logs: what one is, how it is written, and the newest of each tenant, kept within bounds for operators
//! who ask. It must not know who prints nor where lines go.
use crate::policy::ServeLimits;
use crate::proto::http1::rfc3339;
use std::collections::{HashMap, VecDeque};

/// What a line weighs beside its text.
const OVERHEAD: usize = 48;

/// How lines are written to standard output and error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// The tenant's name and the text, in which nothing controls a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
    /// The host's own words.
    Host,
    /// The end of a request that was traced.
    Trace,
}

impl Stream {
    const ALL: [Stream; 4] = [Stream::Stdout, Stream::Stderr, Stream::Host, Stream::Trace];

    /// As it is told to another process.
    pub fn code(self) -> u8 {
        self as u8
    }

    pub fn of(code: u8) -> Option<Stream> {
        Stream::ALL.into_iter().find(|stream| *stream as u8 == code)
    }

    fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
            Stream::Host => "host",
            Stream::Trace => "trace",
        }
    }

    fn level(self) -> &'static str {
        match self {
            Stream::Stdout | Stream::Trace => "info",
            Stream::Stderr => "error",
            Stream::Host => "warn",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counts up from 1 with each line of the tenant's.
    pub seq: u64,
    /// Nanoseconds since 1970.
    pub wall: u64,
    pub stream: Stream,
    pub text: Box<str>,
}

/// One JSON object, with a line end. `tenant` is none where it is about all of them; `more` is members of its own, each
/// behind a comma.
pub fn json_line(wall: u64, tenant: Option<&str>, stream: Stream, text: &str, more: &str) -> String {
    let tenant = tenant.map_or("null".into(), quoted);
    let (time, level, stream) = (rfc3339(wall), stream.level(), stream.name());
    let text = quoted(text);
    format!(
        "{{\"time\":\"{time}\",\"tenant\":{tenant},\"level\":\"{level}\",\"stream\":\"{stream}\",\"text\":{text}{more}}}\n"
    )
}

/// A JSON string that may be shown on a terminal.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut out = String::with_capacity(json.len());
    for char in json.chars() {
        match char {
            char if is_obeyed(char) => out.push_str(&format!("\\u{:04x}", char as u32)),
            char => out.push(char),
        }
    }
    out
}

/// Whether a terminal does something else with it than show it: C0, DEL, C1, and marks that turn the order of text around.
pub(super) fn is_obeyed(char: char) -> bool {
    let turns = matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')
}

/// The newest lines of one tenant.
#[derive(Debug, Default)]
pub(super) struct Ring {
    lines: VecDeque<Line>,
    bytes: usize,
    last: u64,
}

impl Ring {
    fn push(&mut self, line: Line, most: usize) {
        self.bytes += line.text.len() + OVERHEAD;
        self.last = line.seq;
        self.lines.push_back(line);
        while self.bytes > most && self.lines.len() > 1 {
            let old = self.lines.pop_front().expect("there is more than one");
            self.bytes -= old.text.len() + OVERHEAD;
        }
    }
}

/// Those of all that have printed.
#[derive(Debug, Default)]
pub(super) struct Rings {
    rings: HashMap<u32, Ring>,
    bytes: usize,
}

impl Rings {
    /// Keeps a line; answers it.
    pub fn push(&mut self, tenant: u32, limits: &ServeLimits, wall: u64, stream: Stream, text: String) -> &Line {
        let crowded = self.bytes > limits.log_rings_bytes;
        let most = if crowded { limits.log_ring_least } else { limits.log_ring_bytes };
        let ring = self.rings.entry(tenant).or_default();
        let before = ring.bytes;
        ring.push(Line { seq: ring.last + 1, wall, stream, text: text.into() }, most as usize);
        self.bytes = self.bytes + ring.bytes - before;
        ring.lines.back().expect("one was pushed")
    }

    /// The tenant's lines after a number, the last `most` of them.
    pub fn after(&self, tenant: u32, seq: u64, most: usize) -> impl Iterator<Item = &Line> {
        let lines = self.rings.get(&tenant).map(|ring| &ring.lines);
        let skip = lines.map_or(0, |lines| {
            let older = lines.partition_point(|line| line.seq <= seq);
            older.max(lines.len().saturating_sub(most))
        });
        lines.into_iter().flatten().skip(skip)
    }

    pub fn forget(&mut self, tenant: u32) {
        if let Some(ring) = self.rings.remove(&tenant) {
            self.bytes -= ring.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_bounded_and_all_rings_are() {
        let limits =
            ServeLimits { log_ring_bytes: 1000, log_rings_bytes: 5000, log_ring_least: 100, ..ServeLimits::default() };
        let mut rings = Rings::default();
        for seq in 1..=100 {
            let line = rings.push(7, &limits, 1, Stream::Stdout, format!("line {seq}"));
            assert_eq!((line.seq, &*line.text), (seq, &*format!("line {seq}")));
        }
        assert!(rings.bytes <= 1000, "{}", rings.bytes);
        let kept: Vec<u64> = rings.after(7, 0, usize::MAX).map(|line| line.seq).collect();
        assert_eq!((kept.last(), kept.len() > 10), (Some(&100), true));
        assert_eq!(rings.after(7, 98, usize::MAX).map(|line| line.seq).collect::<Vec<_>>(), [99, 100]);
        assert_eq!(rings.after(7, 0, 1).map(|line| line.seq).collect::<Vec<_>>(), [100]);
        assert_eq!(rings.after(8, 0, 9).count(), 0);
        for tenant in 0..1000 {
            for _ in 0..20 {
                rings.push(tenant, &limits, 1, Stream::Stderr, "x".repeat(60));
            }
        }
        // Beyond what all may hold, each keeps its newest line.
        assert!(rings.bytes <= 5000 + 1000 + 1000 * (60 + OVERHEAD), "{}", rings.bytes);
        assert!((0..1000).all(|tenant| rings.after(tenant, 0, 9).count() >= 1));
        (0..1000).for_each(|tenant| rings.forget(tenant));
        assert_eq!((rings.bytes, rings.rings.len()), (0, 0));
    }

    #[test]
    fn a_json_line_is_one_line_of_json_whatever_is_in_it() {
        let hostile = "a\n{\"tenant\":\"b\"}\r\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\"\\</script>\u{7f}ü😀";
        let line = json_line(1_700_000_000_123_456_789, Some("t\"\n"), Stream::Stderr, hostile, ",\"n\":1");
        assert!(
            line.ends_with("}\n") && line.lines().count() == 1 && !line.trim_end().chars().any(is_obeyed),
            "{line}"
        );
        let value: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
        assert_eq!((&value["text"], &value["tenant"], &value["n"]), (&hostile.into(), &"t\"\n".into(), &1.into()));
        assert_eq!((&value["level"], &value["stream"]), (&"error".into(), &"stderr".into()));
        assert_eq!(value["time"], "2023-11-14T22:13:20.123Z");
        assert!(json_line(0, None, Stream::Host, "", "").contains("\"tenant\":null"));
    }
}
