//! Asks for what stands at a URL and writes it into a file:
//! `skep run --allow-net --allow-fs=.:rw fetch.wasm http://127.0.0.1:1337/ page.html`
use skep_guest::{fs, http, println, process, task, Result};

/// Bytes of the largest page that is taken.
const MOST: usize = 64 << 20;

fn main() {
    let words = process::args();
    let (url, file) = match (words.get(2), words.get(3)) {
        (Some(url), Some(file)) => (url.clone(), file.clone()),
        _ => panic!("usage: fetch URL FILE"),
    };
    task::spawn(async move {
        match fetch(&url, &file).await {
            Ok(done) => println!("{}", done),
            Err(error) => {
                println!("{}", error);
                process::set_exit_code(1);
            }
        }
    });
}

async fn fetch(url: &str, file: &str) -> Result<String> {
    let reply = task::send(http::request("GET", url), "").await?;
    let status = reply.status();
    let body = task::read(reply.body(), MOST).await?;
    let done = format!("{}: {} bytes", status, body.len());
    task::wait(|then| fs::write(file, body, then)).await?;
    Ok(done)
}

skep_guest::start!(main);
