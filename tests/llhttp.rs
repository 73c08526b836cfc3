//! llhttp's own request and response fixtures as a judge of `proto::http1`: which bytes are taken, which refused.
//!
//! SKEP_LLHTTP names a checkout of nodejs/llhttp at the commit that docs/compat.md names; without it only the printed part
//! of that page is checked. Nothing of a fixture is kept here but its place: tests/judge/llhttp.tsv has a line for each,
//! `fixture, verdict, verdict of --http=node, rule, reason`. A verdict is `same`; `framed` where both take the bytes and end the messages in
//! other places; `stricter` where llhttp takes them; `laxer` where it refuses them. One that is `same` stays so.
//! SKEP_BLESS=1 writes the list anew (a rule and a reason that stand in it stay) and the page.
//! It must not know how a fixture came to be, nor lenient modes, which nobody is offered.
use skep::proto::http1::{Decoder, EofKind, Item, Limits, ResponseTo, Role, Scratch};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const LIST: &str = "tests/judge/llhttp.tsv";
const PAGE: &str = "docs/compat.md";
const BEGIN: &str = "<!-- printed by tests/llhttp.rs: begin -->\n";
const END: &str = "<!-- end of what tests/llhttp.rs prints -->\n";

/// One fixture: where it stands, who reads it, the bytes, and what llhttp makes of them.
struct Fixture {
    place: String,
    role: Role,
    is_finished: bool,
    is_head: bool,
    input: Vec<u8>,
    log: String,
}

/// What came of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcome {
    is_refused: bool,
    messages: usize,
    body: usize,
}

/// A line of the list, less the fixture's place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    verdict: String,
    as_node: String,
    rule: String,
    reason: String,
}

/// In one test, since each step of blessing reads what the one before wrote.
#[test]
fn verdicts_reasons_and_page() {
    the_verdicts_are_llhttps();
    each_difference_has_its_reason();
    the_page_says_what_the_list_says();
}

fn the_verdicts_are_llhttps() {
    let Some(checkout) = std::env::var_os("SKEP_LLHTTP") else { return };
    let known: BTreeMap<String, Row> = list().into_iter().collect();
    let is_blessed = std::env::var_os("SKEP_BLESS").is_some();
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for fixture in fixtures(Path::new(&checkout)) {
        let theirs = theirs(&fixture);
        let [(ours, verdict), (_, as_node)] = [false, true].map(|as_node| {
            let ours = decode(&fixture, as_node);
            (ours, verdict(ours, theirs))
        });
        let mut row = known.get(&fixture.place).cloned().unwrap_or_default();
        let is_lost =
            [(&row.verdict, verdict), (&row.as_node, as_node)].iter().any(|(was, is)| *was == "same" && *is != "same");
        if is_lost || (!is_blessed && (&row.verdict[..], &row.as_node[..]) != (verdict, as_node)) {
            faults.push(format!(
                "{}: {verdict}, {as_node}; listed as {:?}, {:?}; {ours:?}, llhttp {theirs:?}",
                fixture.place, row.verdict, row.as_node
            ));
        }
        if verdict == "same" {
            row = Row::default();
        }
        (row.verdict, row.as_node) = (verdict.into(), as_node.into());
        rows.push((fixture.place, row));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(is_blessed || rows.len() == known.len(), "another commit of llhttp: {} fixtures", rows.len());
    if is_blessed {
        write_list(&rows);
    }
}

fn the_page_says_what_the_list_says() {
    let path = root().join(PAGE);
    let page = fs::read_to_string(&path).expect("the page exists");
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for it");
    let (_, after) = rest.split_once(END).expect("the place has an end");
    let printed = format!("{before}{BEGIN}{}{END}{after}", printed(&list()));
    if std::env::var_os("SKEP_BLESS").is_some() {
        return fs::write(&path, &printed).expect("the page can be written");
    }
    assert!(printed == page, "{PAGE} is stale: run SKEP_BLESS=1 cargo test --release --test llhttp");
}

fn each_difference_has_its_reason() {
    for (place, row) in list() {
        assert_eq!(row.verdict == "same", row.reason.is_empty(), "{place}");
        for verdict in [&row.verdict[..], &row.as_node] {
            assert!(["same", "framed", "stricter"].contains(&verdict), "{place}: {verdict}");
        }
    }
}

fn verdict(ours: Outcome, theirs: Outcome) -> &'static str {
    match (ours.is_refused, theirs.is_refused) {
        (true, false) => "stricter",
        (false, true) => "laxer",
        (false, false) if ours != theirs => "framed",
        _ => "same",
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn list() -> Vec<(String, Row)> {
    let text = fs::read_to_string(root().join(LIST)).unwrap_or_default();
    let row = |line: &str| {
        let mut cells = line.split('\t').map(String::from);
        let mut cell = || cells.next().unwrap_or_default();
        (cell(), Row { verdict: cell(), as_node: cell(), rule: cell(), reason: cell() })
    };
    text.lines().map(row).collect()
}

fn write_list(rows: &[(String, Row)]) {
    let mut text = String::new();
    for (place, row) in rows {
        let line = format!("{place}\t{}\t{}\t{}\t{}", row.verdict, row.as_node, row.rule, row.reason);
        writeln!(text, "{}", line.trim_end()).expect("writing to a String cannot fail");
    }
    fs::write(root().join(LIST), text).expect("the list can be written");
}

/// The part of the page that follows from the list.
fn printed(rows: &[(String, Row)]) -> String {
    let mut text =
        String::from("\n| fixtures of | same verdict | of | % | with `--http=node` | % |\n|---|---|---|---|---|---|\n");
    for kind in ["request", "response", ""] {
        let of: Vec<&Row> = rows.iter().filter(|row| row.0.starts_with(kind)).map(|row| &row.1).collect();
        let is_taken = |verdict: &str| ["same", "framed"].contains(&verdict);
        let same = of.iter().filter(|row| is_taken(&row.verdict)).count();
        let as_node = of.iter().filter(|row| is_taken(&row.as_node)).count();
        let share = |count: usize| 100.0 * count as f64 / of.len().max(1) as f64;
        let name = if kind.is_empty() { "both" } else { kind };
        writeln!(text, "| {name} | {same} | {} | {:.1} | {as_node} | {:.1} |", of.len(), share(same), share(as_node))
            .expect("writing to a String cannot fail");
    }
    text.push_str("\n| fixture | verdict | with `--http=node` | rule | reason |\n|---|---|---|---|---|\n");
    for (place, row) in rows.iter().filter(|(_, row)| row.verdict != "same") {
        let Row { verdict, as_node, rule, reason } = row;
        writeln!(text, "| {place} | {verdict} | {as_node} | {rule} | {reason} |")
            .expect("writing to a String cannot fail");
    }
    text.push('\n');
    text
}

/// The decoder's outcome. In the client role each response answers a request that offered an upgrade, or a HEAD where
/// the fixture says that bodies are skipped. Some fixtures stop in the middle of a head, whose fields llhttp judges one by
/// one and the decoder all at once: there an empty line brings the verdict out.
fn decode(fixture: &Fixture, as_node: bool) -> Outcome {
    // Whether Host must be there is Node's option beside llhttp; that it is well-formed is the codec's own rule.
    let limits = Limits { require_host: false, as_node, ..Limits::default() };
    let (mut decoder, mut scratch) = (Decoder::new(fixture.role), Scratch::default());
    let mut outcome = Outcome::default();
    let to = if fixture.is_head { ResponseTo::Head } else { ResponseTo::Upgrade };
    if fixture.role == Role::Client {
        decoder.expect_response(to);
    }
    let mut rest = &fixture.input[..];
    loop {
        let step = decoder.decode(rest, &limits, &mut scratch);
        rest = &rest[step.consumed..];
        match step.item {
            Item::Head(head) if head.is_informational() => outcome.messages += 1,
            Item::Head(_) => {}
            Item::Body(data) => outcome.body += data.len(),
            Item::End(_) => {
                outcome.messages += 1;
                if fixture.role == Role::Client && !decoder.is_closed() && !decoder.is_deciding() {
                    decoder.expect_response(to);
                }
            }
            Item::Error(_) => return Outcome { is_refused: true, ..outcome },
            Item::NeedMore if decoder.is_in_head() && !fixture.is_finished => {
                let step = decoder.decode(b"\r\n\r\n", &limits, &mut scratch);
                return Outcome { is_refused: matches!(step.item, Item::Error(_)), ..outcome };
            }
            // To llhttp the head that leads out of HTTP is a message; the decoder ends none there.
            Item::Tunnel if fixture.role == Role::Client => {
                return Outcome { messages: outcome.messages + 1, ..outcome };
            }
            Item::NeedMore | Item::UpgradePending | Item::Tunnel => break,
        }
    }
    outcome.is_refused = fixture.is_finished && decoder.eof() == EofKind::Premature;
    outcome
}

/// llhttp's outcome, read from its log. A pause for an upgrade (22) is no error; that for HTTP/2's preface (23) is one,
/// as in Node.
fn theirs(fixture: &Fixture) -> Outcome {
    let mut outcome = Outcome::default();
    for line in fixture.log.lines() {
        if let Some((_, rest)) = line.split_once("error code=") {
            let code = rest.split(' ').next().unwrap_or_default();
            outcome.is_refused |= code != "21" && code != "22";
        } else if line.ends_with("finish=2") {
            outcome.is_refused = true;
        } else if line.ends_with(" message complete") {
            outcome.messages += 1;
        } else if line.contains("span[body]=") {
            outcome.body += length(line);
        }
    }
    outcome
}

fn length(line: &str) -> usize {
    let digits = line.split("len=").nth(1).and_then(|rest| rest.split(' ').next());
    digits.and_then(|digits| digits.parse().ok()).expect("a span has a length")
}

/// Every fixture without a lenient mode, in the order of files and lines.
fn fixtures(checkout: &Path) -> Vec<Fixture> {
    let mut found = Vec::new();
    for (folder, role) in [("request", Role::Server), ("response", Role::Client)] {
        let folder_path = checkout.join("test").join(folder);
        let mut files: Vec<PathBuf> =
            fs::read_dir(&folder_path).expect("a checkout of llhttp").flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "md")) {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let text = fs::read_to_string(file).expect("a fixture is text");
            in_file(&format!("{folder}/{name}"), role, &text, &mut found);
        }
    }
    found
}

/// The fixtures of one file: a heading, a comment that says how it is read, a block of input, a block of log.
fn in_file(file: &str, role: Role, text: &str, found: &mut Vec<Fixture>) {
    let (mut heading, mut meta) = (String::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("## ") || line.starts_with("### ") {
            heading = line.trim_start_matches('#').trim().to_string();
        } else if line.starts_with("<!-- meta=") {
            meta = line.replace(' ', "");
        } else if line == "```http" {
            let input: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let kind = if role == Role::Server { "request" } else { "response" };
            let is_finished = meta.contains(&format!("\"type\":\"{kind}-finish\""));
            if !is_finished && !meta.contains(&format!("\"type\":\"{kind}\"")) {
                continue;
            }
            let is_head = meta.contains("\"skipBody\":true");
            let twins =
                found.iter().filter(|f| f.place.split(" #").next() == Some(&format!("{file}: {heading}"))).count();
            let place =
                if twins == 0 { format!("{file}: {heading}") } else { format!("{file}: {heading} #{}", twins + 1) };
            found.push(Fixture { place, role, is_finished, is_head, input: unescape(&input), log: String::new() });
        } else if line == "```log" {
            let log: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if let Some(last) = found.last_mut().filter(|last| last.log.is_empty()) {
                last.log = log.join("\n");
            }
        }
    }
}

/// The bytes that a block of input stands for: lines end in CRLF unless a backslash joins them, and C's escapes.
fn unescape(lines: &[&str]) -> Vec<u8> {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        match line.strip_suffix('\\') {
            Some(joined) => text.push_str(joined),
            None if at + 1 < lines.len() => text.extend([*line, "\r\n"]),
            None => text.push_str(line),
        }
    }
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let digits = |radix, most| {
            after.chars().skip((radix == 16) as usize).take(most).take_while(|c: &char| c.is_digit(radix)).count()
        };
        let (taken, char) = match after.chars().next() {
            Some('r') => (1, '\r'),
            Some('n') => (1, '\n'),
            Some('t') => (1, '\t'),
            Some('f') => (1, '\x0c'),
            Some('x') if digits(16, 8) > 0 => (1 + digits(16, 8), number(&after[1..=digits(16, 8)], 16)),
            Some('0'..='7') => (digits(8, 3), number(&after[..digits(8, 3)], 8)),
            _ => (0, '\\'),
        };
        plain.push(char);
        rest = &after[taken..];
    }
    plain.push_str(rest);
    plain.into_bytes()
}

fn number(digits: &str, radix: u32) -> char {
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).expect("a character's number")
}
