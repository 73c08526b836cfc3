//! What tenants print: whole lines, each behind its tenant's name, nothing in them that a terminal would obey. It must not
//! know where lines go.
use super::super::Hall;
use super::Tenants;
use super::printed::put_record;
use super::told::{Line, LogFormat, Stream, is_obeyed, json_line};
use crate::reactor::Kernel;
use crate::time::Clock;
use std::collections::HashMap;

/// Beginnings of lines, by guest and descriptor.
#[derive(Default)]
pub(super) struct Lines(HashMap<(u32, u8), Vec<u8>>);

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// How lines are written from here on.
    pub fn set_log_format(&mut self, format: LogFormat) {
        self.tenants.format = format;
    }

    /// A line of the hall's own about a tenant.
    pub(in crate::runtime) fn say(&mut self, tenant: u32, text: &str) {
        let mut out = Vec::new();
        self.tell_line(tenant, Stream::Host, text.as_bytes(), &mut out);
        self.put_lines(None, 2, &out);
    }

    /// A line of the hall's own about all of it.
    pub(super) fn say_all(&mut self, text: &str) {
        if self.tenants.is_cordon() {
            let mut out = Vec::new();
            put_record(None, Stream::Host, text.as_bytes(), &mut out);
            return self.put_lines(None, 2, &out);
        }
        let line = match self.tenants.format {
            LogFormat::Text => format!("skep: {text}\n"),
            LogFormat::Json => json_line(self.wall, None, Stream::Host, text, ""),
        };
        self.print(None, 2, line.as_bytes());
    }

    /// A tenant's guest prints: whole lines go out.
    pub(in crate::runtime) fn tenant_prints(&mut self, guest: u32, tenant: u32, fd: u8, bytes: &[u8]) {
        let most = self.tenants.limits.line_bytes as usize;
        let stream = if fd == 2 { Stream::Stderr } else { Stream::Stdout };
        let mut begun = self.tenants.lines.0.remove(&(guest, fd)).unwrap_or_default();
        let mut out = Vec::with_capacity(bytes.len() + 64);
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            begun.extend_from_slice(&rest[..end]);
            for piece in pieces(&begun, most) {
                self.tell_line(tenant, stream, piece, &mut out);
            }
            begun.clear();
            rest = &rest[end + 1..];
        }
        begun.extend_from_slice(rest);
        let whole = begun.len().saturating_sub(1) / most * most;
        for piece in begun[..whole].chunks(most) {
            self.tell_line(tenant, stream, piece, &mut out);
        }
        begun.drain(..whole);
        if !begun.is_empty() {
            self.tenants.lines.0.insert((guest, fd), begun);
        }
        self.put_lines(Some((guest, bytes.len())), fd, &out);
    }

    /// What `tell_line` has written goes out, or to the process that has the outputs.
    fn put_lines(&mut self, of: Option<(u32, usize)>, fd: u8, out: &[u8]) {
        if !self.tenants.is_cordon() {
            return self.print(of, fd, out);
        }
        let taken = self.send_records(out);
        let Some((guest, count)) = of else { return };
        let Some(seat) = self.seats.get_mut(guest as usize) else { return };
        let state = seat.guest.state_mut();
        state.log_pending = state.log_pending.saturating_sub(count as u32);
        if taken {
            state.meter.log_bytes += count as u64;
        } else {
            state.meter.log_dropped += 1;
            state.meter.log_dropped_bytes += count as u64;
        }
    }

    /// A guest that is gone leaves lines without an end.
    pub(in crate::runtime) fn last_lines(&mut self, guest: u32, tenant: u32) {
        for fd in [1, 2] {
            if self.tenants.lines.0.contains_key(&(guest, fd)) {
                self.tenant_prints(guest, tenant, fd, b"\n");
            }
        }
    }

    /// One line of a tenant's log: kept, told to those who follow it, and written to `out`; in a process of tenants, which has
    /// neither, only that.
    pub(super) fn tell_line(&mut self, tenant: u32, stream: Stream, bytes: &[u8], out: &mut Vec<u8>) {
        if self.tenants.is_cordon() {
            return put_record(Some(tenant), stream, bytes, out);
        }
        let Tenants { all, rings, limits, format, .. } = &mut self.tenants;
        let name = all.get(tenant as usize).map_or("?", |tenant| tenant.plan.name.as_str());
        let text = String::from_utf8_lossy(bytes).into_owned();
        match format {
            LogFormat::Json => out.extend_from_slice(json_line(self.wall, Some(name), stream, &text, "").as_bytes()),
            LogFormat::Text => put_line(name, stream, bytes, out),
        }
        let line = rings.push(tenant, limits, self.wall, stream, text);
        if self.admin.is_followed(tenant) {
            let news = log_line(name, line);
            self.tell_followers(tenant, news.as_bytes());
        }
    }

    /// Lines of a tenant's log after a number, at most so many, as JSON.
    pub(in crate::runtime) fn log_lines(&self, tenant: u32, after: u64, most: usize) -> String {
        let name = self.tenants.all.get(tenant as usize).map_or("?", |tenant| tenant.plan.name.as_str());
        self.tenants.rings.after(tenant, after, most).map(|line| log_line(name, line)).collect()
    }

    /// Lines of the hall's making that nobody is charged for: dropped when too much waits already. Whether they were not.
    pub(super) fn print_in_room(&mut self, fd: u8, line: &[u8]) -> bool {
        let room = self.logs.waiting_bytes() < self.tenants.limits.log_follow_bytes as usize;
        if room {
            self.print(None, fd, line);
        }
        room
    }
}

/// A line of a log as operators get it.
fn log_line(name: &str, line: &Line) -> String {
    json_line(line.wall, Some(name), line.stream, &line.text, &format!(",\"seq\":{}", line.seq))
}

/// A line, as several if it is too long.
fn pieces(line: &[u8], most: usize) -> impl Iterator<Item = &[u8]> {
    let count = line.len().div_ceil(most).max(1);
    (0..count).map(move |piece| &line[(piece * most).min(line.len())..((piece + 1) * most).min(line.len())])
}

/// One line of text behind its tenant's name.
fn put_line(name: &str, stream: Stream, line: &[u8], out: &mut Vec<u8>) {
    if stream == Stream::Host {
        out.extend_from_slice(b"skep: ");
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    escape(line, out);
    out.push(b'\n');
}

/// Text as it is; what is no text, and what controls a terminal (C0 but for tabs, DEL, C1), as `\xNN` or `\u{N}` (row L02).
fn escape(text: &[u8], out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\t' => out.push(b'\t'),
                _ if char.is_control() => out.extend_from_slice(format!("\\x{:02x}", char as u32).as_bytes()),
                // Marks that turn the order of what a terminal shows around.
                _ if is_obeyed(char) => out.extend_from_slice(format!("\\u{{{:x}}}", char as u32).as_bytes()),
                _ => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        let escaped = |text: &[u8]| {
            let mut out = Vec::new();
            escape(text, &mut out);
            String::from_utf8(out).expect("escaped text is text")
        };
        assert_eq!(escaped("a\tü 😀".as_bytes()), "a\tü 😀");
        assert_eq!(escaped(b"\x1b[2J\r\x07\x7f"), "\\x1b[2J\\x0d\\x07\\x7f");
        assert_eq!(escaped("\u{9b}31m\u{202e}x".as_bytes()), "\\x9b31m\\u{202e}x");
        assert_eq!(escaped(b"\xff\xc3a"), "\\xff\\xc3a");
    }

    #[test]
    fn a_long_line_is_cut_and_each_piece_has_its_name() {
        let cut = |line: &[u8]| {
            let mut out = Vec::new();
            pieces(line, 3).for_each(|piece| put_line("t", Stream::Stdout, piece, &mut out));
            out
        };
        assert_eq!(cut(&[b'x'; 7]), b"t: xxx\nt: xxx\nt: x\n");
        assert_eq!(cut(b""), b"t: \n");
    }
}
