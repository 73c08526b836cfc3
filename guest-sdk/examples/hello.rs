//! An HTTP server: every request gets the same answer. The port may be given as a word.
use skep_guest::http::Server;
use skep_guest::{println, process};

fn main() {
    let port = process::args().get(2).cloned().unwrap_or_else(|| "1337".into());
    let server = Server::listen(&format!("127.0.0.1:{}", port), |_request, response| {
        response.header("Content-Type", "text/plain").end("Hello World\n")
    });
    server.expect("a port is a number").on_listening(|address| match address {
        Ok(address) => println!("Server running at http://{}/", address),
        Err(error) => panic!("{}", error),
    });
}

skep_guest::start!(main);
