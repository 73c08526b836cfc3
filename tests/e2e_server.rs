//! http's server on real sockets: what a script may change late, and what Node refuses in which words.
mod support;

use support::run_as;

/// Runs a script that may listen and connect, and gives what it printed.
fn printed(code: &str) -> String {
    let done = run_as(&["-A"], code);
    assert_eq!(done.code, Some(0), "{}\n{}", done.out, done.err);
    done.out
}

#[test]
fn connections_are_limited_after_listen_too() {
    let out = printed(
        "const net = require('net'), http = require('http');
         const server = http.createServer((req, res) => res.end('ok')).listen(0, () => {
           server.maxConnections = 1;
           const { port } = server.address();
           const first = net.connect(port, () => first.write('GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'));
           first.once('data', () => {
             const second = net.connect(port).on('error', () => {}).on('close', () => {
               console.log('dropped');
               first.destroy();
               server.close();
             });
             second.resume();
           });
         });",
    );
    assert_eq!(out, "dropped\n");
}

#[test]
fn a_head_that_is_made_stays_and_trailers_need_chunks() {
    let out = printed(
        "const http = require('http');
         const server = http.createServer((req, res) => {
           res.setHeader('Trailer', 'x');
           try { res.writeHead(200, { 'Content-Length': 2 }); } catch (error) { console.log(error.code); }
           res.removeHeader('Trailer');
           res.writeHead(200);
           res.statusCode = 500;
           res.end('ok', () => console.log('ended'));
           res.end((error) => console.log(error.code));
         }).listen(0, () => http.get({ port: server.address().port, agent: false }, (res) => {
           console.log(res.statusCode);
           res.resume().on('end', () => server.close());
         }));",
    );
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["200", "ERR_HTTP_TRAILER_INVALID", "ERR_STREAM_ALREADY_FINISHED", "ended"]);
}

#[test]
fn streams_of_a_scripts_own_keep_to_their_servers() {
    let out = printed(
        "const http = require('http'), { Duplex } = require('stream');
         const make = (name) => http.createServer((req, res) => { console.log(name, req.url, req.socket.name); res.end(name); });
         const over = (server, name) => {
           const stream = new Duplex({ read() {}, write(chunk, encoding, cb) { this.out = (this.out ?? '') + chunk; cb(); } });
           server.emit('connection', Object.assign(stream, { name }));
           return stream;
         };
         const a = over(make('A'), 'a'), b = over(make('B'), 'b');
         a.push('GET /first HTTP/1.1\\r\\nHo');
         b.push('GET /second HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n');
         let rest = 'st: x\\r\\n\\r\\n';
         const look = setInterval(() => {
           if (!b.out?.endsWith('B')) return;
           if (rest) { a.push(rest); rest = ''; }
           if (!a.out?.endsWith('A')) return;
           console.log(a.out.slice(-1), b.out.slice(-1)); a.destroy(); b.destroy(); clearInterval(look);
         }, 5);",
    );
    assert_eq!(out, "B /second b\nA /first a\nA B\n");
}

#[test]
fn a_request_of_the_scripts_own_class_has_its_fields() {
    let out = printed(
        "const http = require('http');
         class Mine extends http.IncomingMessage { agent() { return this.headers['user-agent']; } }
         const server = http.createServer({ IncomingMessage: Mine }, (req, res) => {
           console.log(req.agent(), Object.hasOwn(req.headersDistinct, '__proto__'));
           res.end();
         }).listen(0, () => http.get({
           port: server.address().port, agent: false, headers: { 'User-Agent': 'me', ['__proto__']: 'p' },
         }, (res) => res.resume().on('end', () => server.close())));",
    );
    assert_eq!(out, "me true\n");
}
