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
    // A 101 that nobody asked for is an answer without a body.
    assert_eq!(lines[3..], ["HPE_LF_EXPECTED", "", "HPE_INVALID_CONSTANT", "short ECONNRESET", "ECONNRESET"]);
}

/// The answer in hand is sent whole before its connection goes, wherever `close()` stands.
#[test]
fn a_server_that_closes_sends_its_answer_first() {
    let out = printed(
        "const http = require('http');
         const ways = [
           (res, close) => { close(); res.end('one'); },
           (res, close) => { res.end('two'); close(); },
           (res, close) => { close(); setTimeout(() => res.end('three'), 5); },
           (res, close) => { close(); res.write('fo'); setImmediate(() => res.end('ur')); },
           (res, close) => { res.end('five '.repeat(200000)); close(); },
         ];
         function next() {
           const way = ways.shift();
           if (!way) return;
           let text = '';
           const server = http.createServer((req, res) => way(res, () => server.close())).listen(0, () => {
             http.get({ port: server.address().port, agent: false }, (res) => {
               res.on('data', (part) => text += part);
               res.on('end', () => console.log(text.slice(0, 5), text.length));
             }).on('error', (e) => console.log(e.message)).on('close', next);
           });
         }
         next();",
    );
    assert_eq!(out, "one 3\ntwo 3\nthree 5\nfour 4\nfive  1000000\n");
}

/// An answer that comes with its FIN is read first, and each of its chunks is told as it is.
#[test]
fn an_answer_and_its_end_in_one_turn_are_both_told() {
    let out = printed(
        r"const http = require('http'), net = require('net');
         const answers = [
           'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
           'HTTP/1.1 200 OK\r\n\r\nok',
           'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n',
         ];
         let at = 0;
         const server = net.createServer((c) => {
           c.on('error', () => {});
           c.once('data', () => c.end(answers[at++], () => c.destroy()));
         }).listen(0, ask);
         function ask() {
           if (at === answers.length) return server.close();
           const told = [];
           http.get({ port: server.address().port, agent: false }, (res) => {
             res.on('data', (part) => told.push(String(part))).on('end', () => told.push('end'));
           }).on('error', (e) => told.push(e.code)).on('close', () => { console.log(told.join(' ')); ask(); });
         }",
    );
    assert_eq!(out, "ok end\nok end\na b c end\n");
}
