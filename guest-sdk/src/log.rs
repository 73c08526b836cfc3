//! Words for people: standard output and standard error. It must not know who reads them.
use crate::raw;
use std::fmt;

/// Bytes of one call.
const PIECE: usize = 64 << 10;

/// Writes one line to standard output (1) or standard error (2). A line that the log's budget has no room for is lost.
pub fn line(fd: u32, text: &str) {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'\n');
    write(fd, &bytes);
}

/// The same of formatted text; see [`println!`](crate::println).
pub fn formatted(fd: u32, text: fmt::Arguments<'_>) {
    line(fd, &text.to_string());
}

/// Writes bytes as they are.
pub fn write(fd: u32, bytes: &[u8]) {
    for piece in bytes.chunks(PIECE) {
        if raw::log(fd, piece).is_err() {
            return;
        }
    }
}

/// As the standard library's, to the guest's standard output.
#[macro_export]
macro_rules! println {
    ($($words:tt)*) => { $crate::log::formatted(1, ::std::format_args!($($words)*)) };
}

/// As the standard library's, to the guest's standard error.
#[macro_export]
macro_rules! eprintln {
    ($($words:tt)*) => { $crate::log::formatted(2, ::std::format_args!($($words)*)) };
}
