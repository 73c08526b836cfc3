//! http's client on real sockets: requests of a script to servers that behave, and to servers that lie.
mod support;

use support::run_as;

/// Runs a script that may listen and connect, and gives what it printed.
fn printed(code: &str) -> String {
    let done = run_as(&["-A"], code);
    assert_eq!(done.code, Some(0), "{}\n{}", done.out, done.err);
    done.out
}

#[test]
fn a_connection_is_kept_and_used_again() {
    let out = printed(
        "const http = require('http'), agent = new http.Agent({ keepAlive: true });
         const server = http.createServer((req, res) => req.pipe(res)).listen(0, () => ask(3));
         function ask(left) {
           if (left === 0) return agent.destroy(), server.close();
           const req = http.request({ port: server.address().port, agent, method: 'POST' }, (res) => {
             let text = '';
             res.setEncoding('utf8').on('data', (part) => text += part);
             res.on('end', () => { console.log(res.statusCode, text, req.reusedSocket); setImmediate(ask, left - 1); });
           });
           req.write('a'); req.end('b' + left);
         }",
    );
    assert_eq!(out, "200 ab3 false\n200 ab2 true\n200 ab1 true\n");
}

/// What the client makes of each raw answer: the error's code, or the body.
#[test]
fn servers_that_lie_are_found_out() {
    let out = printed(
        r"const http = require('http'), net = require('net');
         const answers = [
           'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
           'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
           'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
           'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n',
           'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
           'SSH-2.0\r\n\r\n',
           'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort',
           '',
         ];
         let at = 0;
         const server = net.createServer((c) => { c.on('error', () => {}); c.resume(); c.end(answers[at++]); });
         server.listen(0, ask);
         function ask() {
           if (at === answers.length) return server.close();
           let told = '';
           http.get({ port: server.address().port, agent: false }, (res) => {
             res.on('data', (part) => told += part).on('error', (e) => told += ' ' + e.code);
           }).on('error', (e) => told += e.code).on('close', () => setImmediate(() => { console.log(told); ask(); }));
         }",
    );
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "ok");
    assert_eq!(lines[1..3], ["HPE_UNEXPECTED_CONTENT_LENGTH"; 2]);
    assert_eq!(lines[3..], ["HPE_LF_EXPECTED", "HPE_USER", "HPE_INVALID_CONSTANT", "short ECONNRESET", "ECONNRESET"]);
}
