//! Four workers behind one address; each tells its number. The port may be given as a word.
use skep_guest::cluster::{Cluster, Side};
use skep_guest::{println, process};

fn main() {
    let port = process::args().get(2).cloned().unwrap_or_else(|| "1337".into());
    let cluster = Cluster::start(4).expect("it needs --allow-fork=4");
    let number = cluster.worker().unwrap_or(0);
    let served = cluster.serve(&format!("127.0.0.1:{}", port), move |_request, response| {
        response.header("Content-Type", "text/plain").end(format!("Hello from worker {}\n", number))
    });
    if let Side::Primary(listener) = served.expect("a port is a number") {
        listener.on_listening(|address| match address {
            Ok(address) => println!("Server running at http://{}/", address),
            Err(error) => panic!("{}", error),
        });
    }
}

skep_guest::start!(main);
