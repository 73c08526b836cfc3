//! HTTP/2 in the clear, from a script's side and from a peer's: the API says what Node's says, peers that break the rules or
//! flood are answered and bounded, and Node's own http2 speaks with ours both ways. Every peer is on this machine.
mod support;

use std::process::Command;
use support::{Finished, Server, file, finish, folder, piped, run_as, skep};

fn ok(done: &Finished) -> &str {
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{}", done.out);
    &done.out
}

#[test]
fn the_api_says_what_nodes_does() {
    let done = run_as(&["-A"], include_str!("js/http2.js"));
    assert_eq!(ok(&done), include_str!("js/http2.txt"));
}

#[test]
fn hpack_holds_to_the_examples_of_its_rfc() {
    let done = run_as(&["-A", "--expose-internals"], include_str!("js/http2_hpack.js"));
    assert_eq!(ok(&done), "examples\n0a1f9a0a2a\nhuffman\ntables\n");
}

/// Each rule of RFC 9113 that a peer can break, and each way to flood (CVE-2023-44487, the floods of 2019, CONTINUATION).
#[test]
fn peers_that_break_the_rules_are_answered_and_bounded() {
    let code = concat!(include_str!("js/http2_frames.js"), include_str!("js/http2_hostile.js"));
    let done = run_as(&["-A"], code);
    let (said, wanted) = (ok(&done), include_str!("js/http2_hostile.txt"));
    for (said, wanted) in said.lines().zip(wanted.lines()) {
        assert_eq!(said, wanted);
    }
    assert_eq!(said.lines().count(), wanted.lines().count());
}

#[test]
fn random_frames_are_answered_by_the_rules() {
    let code = concat!(include_str!("js/http2_frames.js"), include_str!("js/http2_fuzz.js"));
    assert_eq!(ok(&run_as(&["-A", "--expose-internals"], code)), "random frames: 22500\n");
}

const CLIENT: &str = "
    const client = require('http2').connect('http://127.0.0.1:' + process.argv.at(-1));
    let left = 20, sum = 0;
    for (let i = 0; i < 20; i++) {
      const req = client.request({ ':method': 'POST', ':path': '/' + i, 'x-long': 'v'.repeat(i * 1000) });
      req.on('response', (headers) => { sum += headers['x-long'].length; });
      req.on('data', (chunk) => { sum += chunk.length; });
      req.on('trailers', (headers) => { sum += Number(headers.more); });
      req.on('end', () => { if (--left === 0) { console.log(sum); client.close(); } });
      req.end(Buffer.alloc(100000));
    }";

const ECHO: &str = "
    const server = require('http2').createServer((req, res) => {
      res.setTrailer('more', '1');
      res.setHeader('x-long', req.headers['x-long']);
      req.pipe(res);
    });
    server.listen(0, '127.0.0.1', () => console.log('PORT ' + server.address().port));";

fn node(code: &str) -> Command {
    let mut command = Command::new("node");
    command.args(["-e", code, "--"]);
    command
}

/// 20 bodies of 100,000 octets, headers of 0 to 19,000, and a trailer each.
const SUM: &str = "2190020\n";

#[test]
fn nodes_client_is_served() {
    let path = file(&folder(), "main.js", ECHO);
    let server = Server::launch(skep().args(["run", "-A"]).arg(path));
    let done = finish(piped(node(CLIENT).arg(server.port.to_string())).spawn().expect("node starts"));
    assert_eq!(ok(&done), SUM);
}

#[test]
fn nodes_server_is_asked() {
    let server = Server::launch(&mut node(ECHO));
    let path = file(&folder(), "main.js", CLIENT);
    let done =
        finish(piped(skep().args(["run", "-A"]).arg(path).arg(server.port.to_string())).spawn().expect("skep starts"));
    assert_eq!(ok(&done), SUM);
}
