//! An HTTP server in 20 lines: every request gets the same answer.
use skep_guest::http::Server;

fn main() {
    let server = Server::listen("127.0.0.1:1337", |_request, response| {
        response.header("Content-Type", "text/plain").end("Hello World\n")
    });
    match server {
        Ok(_) => skep_guest::println!("Server running at http://127.0.0.1:1337/"),
        Err(error) => skep_guest::eprintln!("{}", error),
    }
}

skep_guest::start!(main);
