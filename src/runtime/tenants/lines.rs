//! What tenants print: whole lines, each behind its tenant's name, nothing in them that a terminal would obey. It must not
//! know where lines go.
use super::super::Hall;
use crate::reactor::Kernel;
use crate::time::Clock;
use std::collections::HashMap;

/// Beginnings of lines, by guest and descriptor.
#[derive(Default)]
pub(super) struct Lines(HashMap<(u32, u8), Vec<u8>>);

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A line of the hall's own about a tenant.
    pub(super) fn say(&mut self, tenant: u32, text: &str) {
        let name = self.tenants.all.get(tenant as usize).map_or("?", |tenant| tenant.plan.name.as_str());
        let mut line = format!("skep: {name}: ").into_bytes();
        escape(text.as_bytes(), &mut line);
        line.push(b'\n');
        self.print(None, 2, &line);
    }

    /// A line of the hall's own about all of it.
    pub(super) fn say_all(&mut self, text: &str) {
        self.print(None, 2, format!("skep: {text}\n").as_bytes());
    }

    /// A tenant's guest prints: whole lines go out.
    pub(in crate::runtime) fn tenant_prints(&mut self, guest: u32, tenant: u32, fd: u8, bytes: &[u8]) {
        let most = self.tenants.limits.line_bytes as usize;
        let mut begun = self.tenants.lines.0.remove(&(guest, fd)).unwrap_or_default();
        let name = self.tenants.all.get(tenant as usize).map_or("?", |tenant| tenant.plan.name.as_str());
        let mut out = Vec::with_capacity(bytes.len() + name.len() + 8);
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            begun.extend_from_slice(&rest[..end]);
            put_line(name, &begun, most, &mut out);
            begun.clear();
            rest = &rest[end + 1..];
        }
        begun.extend_from_slice(rest);
        while begun.len() > most {
            put_line(name, &begun[..most], most, &mut out);
            begun.drain(..most);
        }
        if !begun.is_empty() {
            self.tenants.lines.0.insert((guest, fd), begun);
        }
        self.print(Some((guest, bytes.len())), fd, &out);
    }

    /// A guest that is gone leaves lines without an end.
    pub(in crate::runtime) fn last_lines(&mut self, guest: u32, tenant: u32) {
        for fd in [1, 2] {
            if self.tenants.lines.0.contains_key(&(guest, fd)) {
                self.tenant_prints(guest, tenant, fd, b"\n");
            }
        }
    }
}

/// One line, as several if it is too long.
fn put_line(name: &str, line: &[u8], most: usize, out: &mut Vec<u8>) {
    let pieces = line.len().div_ceil(most).max(1);
    for piece in 0..pieces {
        let piece = &line[(piece * most).min(line.len())..((piece + 1) * most).min(line.len())];
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        escape(piece, out);
        out.push(b'\n');
    }
}

/// Text as it is; what is no text, and what controls a terminal (C0 but for tabs, DEL, C1), as `\xNN` or `\u{N}` (row L02).
fn escape(text: &[u8], out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\t' => out.push(b'\t'),
                // Marks that turn the order of what a terminal shows around.
                '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{2028}'
                | '\u{2029}' => {
                    out.extend_from_slice(format!("\\u{{{:x}}}", char as u32).as_bytes());
                }
                _ if char.is_control() => out.extend_from_slice(format!("\\x{:02x}", char as u32).as_bytes()),
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
        let mut out = Vec::new();
        put_line("t", &[b'x'; 7], 3, &mut out);
        assert_eq!(out, b"t: xxx\nt: xxx\nt: x\n");
        out.clear();
        put_line("t", b"", 3, &mut out);
        assert_eq!(out, b"t: \n");
    }
}
