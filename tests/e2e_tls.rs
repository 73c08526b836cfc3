//! TLS in front of tenants, on real sockets with rustls's own client: whose certificate is shown, whose answer comes, and
//! what a configuration may not say of certificates. It must not know how records are made.
mod support;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::{Server, eventually, file, finish, folder, piped, skep};

/// Writes a certificate for this name and its key into a folder; answers what a client trusts.
fn certify(place: &Path, name: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a name");
    file(place, "cert.pem", &made.cert.pem());
    file(place, "key.pem", &made.signing_key.serialize_pem());
    made.cert.der().clone()
}

const OWN: &str = "certificate = 'cert.pem'\nkey = 'key.pem'\n";

fn plain(name: &str) -> String {
    format!(
        "require('http').createServer((req, res) => {{
           if (req.url === '/pid') return res.end(String(process.pid));
           res.end('{name} ' + req.url);
         }}).listen(80);"
    )
}

/// Two tenants, each with a certificate, behind TLS only.
fn two() -> (PathBuf, Vec<CertificateDer<'static>>) {
    let place = folder();
    file(&place, "skep.toml", "https = '127.0.0.1:0'\n");
    let roots = ["a", "b"].map(|name| {
        file(&place, &format!("{name}/index.js"), &plain(name));
        file(&place, &format!("{name}/skep.toml"), OWN);
        certify(&place.join(name), &format!("{name}.localhost"))
    });
    (place, roots.to_vec())
}

fn serve(place: &Path) -> Server {
    serve_as(place, &[])
}

fn serve_as(place: &Path, words: &[&str]) -> Server {
    let mut shell = std::process::Command::new("sh");
    let command = skep();
    shell.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.args(["-c", "exec \"$@\" 2>&1", "sh"]).arg(command.get_program()).args(["serve"]).args(words).arg(place);
    let mut server = Server::spawn(shell.stdin(std::process::Stdio::null()));
    let line = server.line();
    let port = line.strip_prefix("skep: listening on 127.0.0.1:").and_then(|rest| rest.strip_suffix(" (TLS)"));
    server.port = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("where it listens, not {line:?}"));
    server
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn connect(port: u16, roots: &[CertificateDer<'static>], name: &str) -> Tls {
    let mut store = RootCertStore::empty();
    roots.iter().for_each(|root| store.add(root.clone()).expect("a certificate"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("both");
    let config = Arc::new(builder.with_root_certificates(store).with_no_client_auth());
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let socket = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    StreamOwned::new(ClientConnection::new(config, name).expect("a client"), socket)
}

/// One request, and its answer with a Content-Length.
fn ask(tls: &mut Tls, request: &str) -> std::io::Result<(u16, String)> {
    tls.write_all(request.as_bytes())?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        tls.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a head is text").to_ascii_lowercase();
    let status = head[9..12].parse().expect("a status");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    tls.read_exact(&mut body)?;
    Ok((status, String::from_utf8(body).expect("a body is text")))
}

fn get(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[test]
fn each_name_has_its_certificate_and_its_tenant() {
    let (place, roots) = two();
    let server = serve(&place);
    for (at, name) in ["a", "b"].iter().enumerate() {
        let host = format!("{name}.localhost");
        let mut tls = connect(server.port, &roots[at..=at], &host);
        for round in 0..3 {
            let answer = ask(&mut tls, &get(&host, &format!("/{round}"))).expect("an answer");
            assert_eq!(answer, (200, format!("{name} /{round}")));
        }
        // The other's certificate is not this name's.
        let mut tls = connect(server.port, &roots[1 - at..=1 - at], &host);
        ask(&mut tls, &get(&host, "/")).expect_err("a certificate that is not trusted");
    }
    let mut tls = connect(server.port, &roots, "c.localhost");
    ask(&mut tls, &get("c.localhost", "/")).expect_err("nobody has a certificate for it");
}

#[test]
fn a_name_leads_to_its_tenants_own_process() {
    let (place, roots) = two();
    let server = serve_as(&place, &["--process-per-tenant"]);
    let mut pids = vec![server.pid().to_string()];
    for (at, name) in ["a", "b"].iter().enumerate() {
        let host = format!("{name}.localhost");
        let mut tls = connect(server.port, &roots[at..=at], &host);
        for round in 0..2 {
            let answer = ask(&mut tls, &get(&host, &format!("/{round}"))).expect("an answer");
            assert_eq!(answer, (200, format!("{name} /{round}")));
        }
        pids.push(ask(&mut tls, &get(&host, "/pid")).expect("an answer").1);
        // Its process has no other's key, and takes the connection for nobody else.
        let other = format!("{}.localhost", ["b", "a"][at]);
        assert_eq!(ask(&mut tls, &get(&other, "/")).expect("an answer").0, 421);
        let mut tls = connect(server.port, &roots[1 - at..=1 - at], &host);
        ask(&mut tls, &get(&host, "/")).expect_err("a certificate that is not trusted");
    }
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 3, "two processes, and that of the fronts");
    let mut tls = connect(server.port, &roots, "c.localhost");
    ask(&mut tls, &get("c.localhost", "/")).expect_err("nobody has a certificate for it");
}

#[test]
fn a_connection_made_for_one_host_serves_no_other() {
    let (place, roots) = two();
    let server = serve(&place);
    let mut tls = connect(server.port, &roots, "a.localhost");
    assert_eq!(ask(&mut tls, &get("A.localhost:8443", "/1")).expect("an answer").0, 200);
    assert_eq!(ask(&mut tls, &get("b.localhost", "/2")).expect("an answer").0, 421);
    assert_eq!(tls.read(&mut [0; 8]).expect("an end in order"), 0);
    let mut tls = connect(server.port, &roots, "a.localhost");
    assert_eq!(ask(&mut tls, &get("b.localhost", "/2")).expect("an answer").0, 421);
}

#[test]
fn much_goes_both_ways() {
    let place = folder();
    file(&place, "skep.toml", "https = '127.0.0.1:0'\ncertificate = 'cert.pem'\nkey = 'key.pem'\n");
    let echo = "require('http').createServer((req, res) => {
        res.setHeader('content-length', req.headers['content-length']); req.pipe(res); }).listen(80);";
    file(&place, "a/index.js", echo);
    let root = certify(&place, "a.localhost");
    let server = serve(&place);
    let mut tls = connect(server.port, &[root], "a.localhost");
    let body: String = (0..300_000).map(|at| format!("{at:07}")).collect();
    let request =
        format!("POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: {}\r\n\r\n{}", body.len(), &body[..100_000]);
    // Sent in parts, so that neither side has to keep all of it.
    tls.write_all(request.as_bytes()).expect("taken");
    let mut sent = 100_000;
    let mut back = Vec::new();
    let mut buf = [0; 16_384];
    while sent < body.len() {
        let next = body.len().min(sent + 100_000);
        tls.write_all(&body.as_bytes()[sent..next]).expect("taken");
        sent = next;
        while back.len() + 400_000 < sent {
            let count = tls.read(&mut buf).expect("an answer");
            back.extend_from_slice(&buf[..count]);
        }
    }
    while !back.ends_with(&body.as_bytes()[body.len() - 21..]) {
        let count = tls.read(&mut buf).expect("an answer");
        assert!(count > 0, "the rest is missing");
        back.extend_from_slice(&buf[..count]);
    }
    let head = back.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert!(back[head..] == *body.as_bytes(), "bytes were lost or altered");
}

#[test]
fn who_speaks_no_tls_gets_no_answer() {
    let (place, roots) = two();
    let server = serve(&place);
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
    socket.write_all(get("a.localhost", "/").as_bytes()).expect("taken");
    let mut back = Vec::new();
    // The rest that was not read makes it a reset at times.
    let _ = socket.read_to_end(&mut back);
    assert!(back.is_empty() || back[0] == 0x15, "an alert at most");
    let mut tls = connect(server.port, &roots, "a.localhost");
    assert_eq!(ask(&mut tls, &get("a.localhost", "/")).expect("others go on").0, 200);
}

#[test]
fn a_renewed_certificate_is_shown_after_a_signal() {
    let (place, roots) = two();
    let mut server = serve(&place);
    let mut kept = connect(server.port, &roots, "a.localhost");
    assert_eq!(ask(&mut kept, &get("a.localhost", "/")).expect("an answer").0, 200);
    let renewed = certify(&place.join("a"), "a.localhost");
    server.signal("HUP");
    server.until("skep: 2 tenants");
    let trusting = [renewed];
    eventually("the new certificate", || {
        let mut tls = connect(server.port, &trusting, "a.localhost");
        ask(&mut tls, &get("a.localhost", "/")).is_ok_and(|(status, _)| status == 200)
    });
    assert_eq!(ask(&mut kept, &get("a.localhost", "/")).expect("what is open goes on").0, 200);
}

#[test]
fn certificates_that_cannot_be_used_are_told_with_file_line_and_key() {
    let cases = [
        ("https = '127.0.0.1:0'\n", "skep.toml: https: there is no certificate"),
        ("\ncertificate = 'cert.pem'\n", "skep.toml:2: certificate: its key is missing"),
        ("key = 'key.pem'\n", "skep.toml:1: key: its certificate is missing"),
        ("certificate = 'none.pem'\nkey = 'key.pem'\n", "none.pem cannot be read"),
        ("certificate = 'key.pem'\nkey = 'key.pem'\n", "skep.toml:1: certificate: the certificate cannot be used"),
        ("certificate = 'cert.pem'\nkey = 'cert.pem'\n", "skep.toml:2: key: the private key cannot be used"),
        ("certificate = 'cert.pem'\nkey = 'other.pem'\n", "skep.toml:2: key: the private key is not that of"),
    ];
    for (text, wanted) in cases {
        let place = folder();
        certify(&place, "other.localhost");
        std::fs::rename(place.join("key.pem"), place.join("other.pem")).expect("both are here");
        certify(&place, "a.localhost");
        file(&place, "a/index.js", &plain("a"));
        file(&place, "skep.toml", text);
        let mut command = skep();
        let child = piped(command.arg("serve").arg("--check").arg(&place)).spawn().expect("it starts");
        let done = finish(child);
        assert!(done.code != Some(0) && done.err.contains(wanted), "{wanted}: {}", done.err);
    }
}
