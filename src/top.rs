//! `skep top`: the tenants of a running `skep serve` as a table, read from its admin socket. It must not know the host's
//! insides: it is a client like any other.
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Time between two tables.
const EVERY: Duration = Duration::from_secs(1);

/// Nobody waits longer for a host that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer is never this large: 100,000 tenants take a fifth of it.
const ANSWER_BYTES: u64 = 256 << 20;

/// Requests and CPU nanoseconds of each tenant.
type Totals = HashMap<String, (u64, u64)>;

/// Shows the table until it is interrupted, or once.
///
/// # Errors
/// When nobody answers at the socket.
pub fn run(socket: &Path, once: bool) -> Result<i32> {
    let mut before: Option<(Instant, Totals)> = None;
    loop {
        let now = Instant::now();
        let state = ask(socket, "/tenants")?;
        let span = before.as_ref().map(|(at, _)| now.duration_since(*at).as_secs_f64());
        let table = table(&state, before.as_ref().map(|(_, totals)| totals), span);
        let mut out = std::io::stdout().lock();
        if once {
            out.write_all(table.as_bytes())?;
            return Ok(0);
        }
        // Home, the table, and nothing below it.
        write!(out, "\x1b[H{}\x1b[J", table.replace('\n', "\x1b[K\r\n"))?;
        out.flush()?;
        before = Some((now, totals(&state)));
        std::thread::sleep(EVERY);
    }
}

fn ask(socket: &Path, path: &str) -> Result<Value> {
    let mut stream = UnixStream::connect(socket).with_context(|| format!("nobody answers at {}", socket.display()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: skep\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    let text = String::from_utf8(answer).context("the answer is no text")?;
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "it answers {}", visible(head.lines().next().unwrap_or("nothing")));
    serde_json::from_str(body).context("the answer is no JSON")
}

/// Requests and CPU nanoseconds of each.
fn totals(state: &Value) -> Totals {
    let one = |tenant: &Value| (word(tenant, "name"), (number(tenant, "requests"), number(tenant, "cpuNs")));
    tenants(state).iter().map(one).collect()
}

fn tenants(state: &Value) -> &[Value] {
    state["tenants"].as_array().map_or(&[], Vec::as_slice)
}

fn number(tenant: &Value, name: &str) -> u64 {
    tenant[name].as_u64().unwrap_or(0)
}

/// Text from elsewhere, without what a terminal would obey.
fn word(tenant: &Value, name: &str) -> String {
    visible(tenant[name].as_str().unwrap_or("?"))
}

fn visible(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

/// The table: since the start in the first, by the second in later ones.
fn table(state: &Value, before: Option<&Totals>, span: Option<f64>) -> String {
    let hall = &state["hall"];
    let mut out = String::new();
    let _ = writeln!(
        out,
        "up {:.0} s, {} tenants, {} guests, {} connections, longest turn {:.1} ms",
        hall["upSeconds"].as_f64().unwrap_or(0.0),
        tenants(state).len(),
        number(hall, "guests"),
        number(hall, "connections"),
        number(hall, "longestTurnMicros") as f64 / 1000.0,
    );
    let (requests, cpu) = if span.is_some() { ("REQ/S", "CPU%") } else { ("REQUESTS", "CPU s") };
    let _ = writeln!(
        out,
        "{:<24} {:<9} {requests:>10} {cpu:>8} {:>9} {:>9} {:<12} {:>6} {:>9} {:>7}  LIMITS",
        "TENANT", "STATE", "MEM MiB", "SNAP KiB", "HOME", "CONNS", "P99 ms", "FAILED"
    );
    let mut rows: Vec<&Value> = tenants(state).iter().collect();
    rows.sort_by_key(|tenant| std::cmp::Reverse(number(tenant, "cpuNs")));
    for tenant in rows {
        let name = word(tenant, "name");
        let (mut count, mut nanos) = (number(tenant, "requests") as f64, number(tenant, "cpuNs") as f64 / 1e9);
        if let (Some(before), Some(span)) = (before, span) {
            let (requests, cpu) = before.get(&name).copied().unwrap_or_default();
            count = number(tenant, "requests").saturating_sub(requests) as f64 / span;
            nanos = number(tenant, "cpuNs").saturating_sub(cpu) as f64 / 1e7 / span;
        }
        let hits: Vec<String> = tenant["limitHits"]
            .as_object()
            .map(|hits| hits.iter().map(|(name, count)| visible(&format!("{name} {count}"))).collect())
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{name:<24} {:<9} {count:>10.0} {nanos:>8.1} {:>9.1} {:>9} {:<12} {:>6} {:>9.2} {:>7}  {}",
            word(tenant, "state"),
            number(tenant, "memoryBytes") as f64 / f64::from(1 << 20),
            snapshot(tenant),
            home(tenant),
            number(tenant, "connections"),
            number(tenant, "p99Micros") as f64 / 1000.0,
            number(tenant, "failed"),
            hits.join(", "),
        );
    }
    out
}

/// The loop or process that it runs in: of several the first, and how many more.
fn home(tenant: &Value) -> String {
    let all = |name: &str| tenant[name].as_array().map_or(&[][..], Vec::as_slice);
    let (homes, processes) = (all("homes"), all("processes"));
    let first = homes.first().and_then(Value::as_str).map(visible);
    let first = first.or_else(|| processes.first().map(Value::to_string));
    match (first, homes.len().max(processes.len())) {
        (None, _) => "-".into(),
        (Some(first), 1) => first,
        (Some(first), count) => format!("{first} +{}", count - 1),
    }
}

/// Its size in KiB, with a star if it is on disk, too.
fn snapshot(tenant: &Value) -> String {
    match (number(tenant, "snapshotBytes"), number(tenant, "snapshotsKept")) {
        (0, _) => "-".into(),
        (bytes, 0) => (bytes >> 10).to_string(),
        (bytes, _) => format!("{}*", bytes >> 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(requests: u64, cpu: u64) -> Value {
        json!({
            "hall": { "upSeconds": 12.0, "guests": 1, "connections": 3, "longestTurnMicros": 2500 },
            "tenants": [
                { "name": "quiet", "state": "stopped", "requests": 0, "cpuNs": 0 },
                { "name": "a\u{1b}[2Jb", "state": "running", "requests": requests, "cpuNs": cpu, "memoryBytes": 3 << 20,
                  "connections": 3, "p99Micros": 1500, "snapshotBytes": 700_000, "snapshotsKept": 1, "failed": 1, "limitHits": { "cpu": 2 } },
            ],
        })
    }

    #[test]
    fn totals_first_then_rates_the_busiest_on_top_and_nothing_that_a_terminal_obeys() {
        let first = table(&state(100, 2_000_000_000), None, None);
        let lines: Vec<&str> = first.lines().collect();
        assert!(lines[0].contains("2 tenants") && lines[0].contains("2.5 ms"), "{first}");
        assert!(
            lines[2].starts_with("a?[2Jb ") && lines[2].contains(" 100 ") && lines[2].ends_with("cpu 2"),
            "{first}"
        );
        assert!(lines[2].contains(" 683* ") && lines[3].starts_with("quiet ") && lines[3].contains(" - "), "{first}");
        assert!(!first.contains('\u{1b}'));
        let before = totals(&state(100, 2_000_000_000));
        let second = table(&state(300, 3_000_000_000), Some(&before), Some(2.0));
        let row = second.lines().nth(2).expect("a row");
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells[2..4], ["100", "50.0"], "{second}");
    }

    #[test]
    fn an_answer_that_makes_no_sense_makes_an_empty_table() {
        for state in [json!(null), json!([]), json!({ "tenants": 5 }), json!({ "tenants": [null, 1, {}] })] {
            assert!(table(&state, None, None).lines().count() >= 2);
        }
    }
}
