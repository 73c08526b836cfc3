//! A plain WASI program for the tests, in Rust: does what its first word says. It knows nothing of Skep.
use std::io::{Read, Write};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    let done = match word(0) {
        "hello" => std::io::stdout().write_all(format!("hello {}\n", word(1)).as_bytes()),
        "env" => {
            println!("{}", std::env::var(word(1)).unwrap_or_else(|_| "none".into()));
            Ok(())
        }
        "exit" => std::process::exit(word(1).parse().unwrap()),
        "cat" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| print!("{}", text))
        }
        "fill" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1u8; 1 << 20]);
            }
        }
        "read" => std::fs::read_to_string(word(1)).map(|text| print!("{}", text)),
        "write" => std::fs::write(word(1), word(2)),
        _ => Ok(()),
    };
    if let Err(error) = done {
        eprintln!("{}", error);
        std::process::exit(1);
    }
}
