//! Guests in Rust that ask: HTTP servers that behave, servers that lie, and addresses that are not theirs to ask. It must
//! not know how requests travel.
#[path = "support/guests.rs"]
mod guests;
mod support;

use guests::compilers;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use support::{Client, Finished, finish, folder, free_port, piped, skep};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/client.rs")
}

/// Of the first compiler, built once; none where there is no compiler.
fn guest() -> Option<&'static Path> {
    static GUEST: OnceLock<Option<PathBuf>> = OnceLock::new();
    GUEST.get_or_init(|| compilers().first().map(|compiler| compiler.build(&source(), &folder()))).as_deref()
}

fn ask_of(module: &Path, grant: &str, words: &[&str]) -> Finished {
    finish(piped(skep().args(["run", grant]).arg(module).args(words)).spawn().expect("the program starts"))
}

/// What the guest prints; it must end by itself, whatever connections it keeps.
fn ask(words: &[&str]) -> String {
    let Some(guest) = guest() else { return String::new() };
    let done = ask_of(guest, "--allow-net", words);
    assert!(done.code == Some(0) && !done.err.contains("panicked"), "{done:?}");
    done.out
}

/// A server that gives each connection, with its number, to `talk`; its address, and how many there were.
fn serve(talk: impl Fn(usize, Client<TcpStream>) + Send + Sync + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let (talk, count) = (Arc::new(talk), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (number, talk) = (count.fetch_add(1, Ordering::SeqCst), talk.clone());
            thread::spawn(move || talk(number, Client::over(stream)));
        }
    });
    (url, counted)
}

/// The head of a request, and its body if it has a length.
fn request(client: &mut Client<TcpStream>) -> (String, Vec<u8>) {
    let head = client.through(b"\r\n\r\n");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
    let body = client.exactly(length.unwrap_or(0));
    (head, body)
}

/// Answers one request so, and closes.
fn once(answer: impl AsRef<[u8]>) -> String {
    let answer = answer.as_ref().to_vec();
    let (url, _) = serve(move |_, mut client| {
        request(&mut client);
        client.try_send(&answer);
    });
    url
}

const OK: &str = "HTTP/1.1 200 Fine\r\nX-Who: me\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_client_of_every_compiler_asks() {
    for compiler in compilers() {
        let module = compiler.build(&source(), &folder());
        let done = ask_of(&module, "--allow-net", &["get", &once(OK)]);
        assert_eq!((done.out.as_str(), done.code), ("200 Fine me ok\n", Some(0)), "{}: {}", compiler.name, done.err);
    }
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let (url, count) = serve(|_, mut client| {
        for at in 0..4 {
            let (head, _) = request(&mut client);
            let keeps = head.contains("\r\nConnection: keep-alive\r\n") && head.contains("\r\nHost: 127.0.0.1:");
            // Whole with the head, in chunks, without a length on its last.
            let answer = match at {
                0 => OK.to_owned(),
                1 => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\r\r\n3\r\nbcd\r\n0\r\n\r\n".into(),
                2 => format!("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n{}", "y".repeat(200_000)),
                _ => format!("HTTP/1.0 404 No\r\n\r\n{keeps} {}", head.split(' ').nth(1).unwrap_or("")),
            };
            client.send(answer);
        }
    });
    let last = format!("{}a?b=1#c", url);
    let out = ask(&["get", &url, &url, &url, &last]);
    if guest().is_some() {
        assert_eq!(out, "200 Fine me ok\n200 OK - a\rbcd\n200 OK - 200000 bytes\n404 No - true /a?b=1\n");
        assert_eq!(count.load(Ordering::SeqCst), 1, "one connection for all");
    }
}

#[test]
fn a_connection_that_may_not_be_kept_is_not() {
    for end in ["Connection: close\r\n", "Keep-Alive: timeout=1\r\n"] {
        let (url, count) = serve(move |_, mut client| {
            while client.try_send("") {
                request(&mut client);
                client.try_send(format!("HTTP/1.1 200 OK\r\n{end}Content-Length: 1\r\n\r\na"));
            }
        });
        let out = ask(&["get", &url, &url]);
        if guest().is_some() {
            assert_eq!((out.as_str(), count.load(Ordering::SeqCst)), ("200 OK - a\n200 OK - a\n", 2), "{end}");
        }
    }
}

#[test]
fn what_is_asked_is_what_arrives() {
    let (url, _) = serve(|_, mut client| {
        let (head, body) = request(&mut client);
        let word = head.split(' ').next().unwrap_or("").to_owned();
        let kept =
            head.lines().filter(|line| line.starts_with("X-") || line.starts_with("Content-")).collect::<Vec<_>>();
        let text = format!("{word} {} {}", kept.join(" "), body.len());
        let length = text.len();
        // What comes before the reply is none.
        client.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n");
        let body = if word == "HEAD" { "" } else { &text };
        client.send(format!("HTTP/1.1 200 OK\r\nX-Who: {word}\r\nContent-Length: {length}\r\n\r\n{body}"));
    });
    let got = [ask(&["post", &url]), ask(&["large", &url]), ask(&["head", &url])];
    if guest().is_some() {
        let wanted =
            ["POST X-A: b Content-Length: 5 5\n", "PUT Content-Length: 3145728 3145728\n", "200 OK \"HEAD\"\n"];
        assert_eq!(got, wanted);
    }
}

#[test]
fn a_body_is_of_the_length_that_was_promised() {
    let (url, _) = serve(|_, mut client| {
        request(&mut client);
        client.send(OK);
    });
    let out = ask(&["promised", &url]);
    if guest().is_some() {
        let mut lines: Vec<&str> = out.lines().collect();
        // Given up as an event, so after what was told at once; in which order with the other reply is nobody's promise.
        lines[3..].sort_unstable();
        let einval = "Err(EINVAL: invalid argument)";
        let short = "short: Err(ECANCELED: operation canceled)";
        assert_eq!(lines, [einval, einval, einval, "200 Fine \"me\"", short]);
    }
}

#[test]
fn a_request_goes_as_fast_as_it_is_taken() {
    let (url, _) = serve(|_, mut client| {
        let head = client.through(b"\r\n\r\n");
        assert!(head.contains("Transfer-Encoding: chunked\r\n") && !head.contains("Content-Length"), "{head}");
        let (mut total, mut first) = (0, true);
        loop {
            let line = client.through(b"\r\n");
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a chunk's size");
            if size == 0 {
                break;
            }
            let bytes = client.exactly(size + 2);
            assert!(!first || bytes == b"first\r\n");
            (total, first) = (total + size, false);
        }
        assert_eq!(client.through(b"\r\n\r\n"), "X-Sum: 8\r\n\r\n");
        client.send(format!("HTTP/1.1 200 OK\r\nX-Who: {total}\r\nContent-Length: 0\r\n\r\n"));
    });
    let out = ask(&["pump", &url]);
    if guest().is_some() {
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[..2], ["Ok(Full)", "Err(\"EAGAIN\")"], "before it is open, and beyond what may wait");
        let most: u32 = lines[2].split(' ').nth(4).and_then(|word| word.parse().ok()).expect("it says how much");
        assert!(lines[2].starts_with("stopped true") && most <= 256 << 10, "{out}");
        assert_eq!(lines[3], format!("200 OK \"{}\"", (8 << 20) + 5));
    }
}

#[test]
fn a_reply_comes_as_fast_as_it_is_taken() {
    let body = "z".repeat(1 << 20);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\nX-Sum: 1\r\n\r\n",
        body.len()
    );
    let out = ask(&["hold", &once(chunked)]);
    if guest().is_some() {
        assert_eq!(out, format!("held {}\nall {} X-Sum: 1\n", 64 << 10, 1 << 20));
    }
}

#[test]
fn a_body_waits_for_who_asks_late() {
    let parts = |late: bool| {
        let (url, _) = serve(|_, mut client| {
            request(&mut client);
            client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
            client.send("3\r\ntwo\r\n0\r\nX: y\r\n\r\n");
        });
        ask(&[if late { "late" } else { "parts" }, &url])
    };
    if guest().is_some() {
        for late in [false, true] {
            assert_eq!(parts(late), "data one\ndata two\nend X: y\n");
        }
        assert_eq!(
            ask(&["late", &once("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")]),
            "data short\naborted ECONNRESET: connection reset by peer\n"
        );
    }
}

#[test]
fn servers_that_lie_are_found_out() {
    if guest().is_none() {
        return;
    }
    let cases: [(&str, &str); 9] = [
        ("", "ECONNRESET: connection reset by peer"),
        ("SSH-2.0\r\n\r\n", "EPROTO: HPE_INVALID_CONSTANT Expected HTTP/"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            "EPROTO: HPE_UNEXPECTED_CONTENT_LENGTH",
        ),
        ("HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "EPROTO: HPE_LF_EXPECTED"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "200 OK - lost: ECONNRESET"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "200 OK - lost: EPROTO: HPE_INVALID_CHUNK_SIZE",
        ),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nrest", "101 Switching Protocols - "),
        ("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "204 No - "),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", "200 OK - to the end"),
    ];
    for (answer, told) in cases {
        let out = ask(&["get", &once(answer)]);
        assert!(out.starts_with(told) && out.lines().count() == 1, "{answer:?}: {out}");
    }
}

/// What comes when nobody has asked answers no later request.
#[test]
fn an_answer_left_on_an_idle_connection_is_nobodys() {
    let (url, count) = serve(|number, mut client| {
        request(&mut client);
        let smuggled = if number == 0 { "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" } else { "" };
        client.send(format!("{OK}{smuggled}"));
        client.try_send("");
        // It stays open: only the answer that nobody asked for keeps the guest from using it again.
        client.is_closed();
    });
    let out = ask(&["get", &url, &url]);
    if guest().is_some() {
        // The second may have gone out already when the fault is told.
        let lines: Vec<&str> = out.lines().collect();
        let clean = count.load(Ordering::SeqCst) == 2 && lines[1] == "200 Fine me ok";
        assert!(lines[0] == "200 Fine me ok" && (clean || lines[1].starts_with("EPROTO: ")), "{out}");
    }
}

#[test]
fn silence_and_changes_of_mind() {
    if guest().is_none() {
        return;
    }
    let silent = || {
        let (url, _) = serve(|_, mut client| {
            request(&mut client);
            client.is_closed();
        });
        url
    };
    assert_eq!(ask(&["timeout", &silent()]), "ETIMEDOUT: connection timed out\n");
    assert_eq!(ask(&["abort", &silent()]), "ECANCELED: operation canceled\n".repeat(3));
    let endless = || {
        let (url, count) = serve(|number, mut client| {
            request(&mut client);
            if number > 0 {
                return client.send(OK);
            }
            client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while client.try_send(format!("10000\r\n{}\r\n", "e".repeat(1 << 16))) {}
        });
        (url, count)
    };
    let (url, count) = endless();
    assert_eq!((ask(&["unread", &url]).as_str(), count.load(Ordering::SeqCst)), ("200 Fine \"me\"\n", 2));
    assert_eq!(ask(&["limit", &endless().0]), "Err(EMSGSIZE: message too long)\n");
}

#[test]
fn a_connection_leaves_http() {
    let (url, _) = serve(|_, mut client| {
        let (head, _) = request(&mut client);
        assert!(head.contains("Connection: Upgrade\r\n") && !head.contains("keep-alive"), "{head}");
        client.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhi");
        let ping = client.exactly(4);
        client.send(ping);
    });
    let out = ask(&["upgrade", &url]);
    if guest().is_some() {
        assert_eq!(out, "first hi\nthen ping\n");
    }
}

#[test]
fn names_lead_to_addresses_that_are_tried_in_turn() {
    let (url, _) = serve(|_, mut client| {
        let (head, _) = request(&mut client);
        assert!(head.contains("\r\nHost: localhost:"), "{head}");
        client.send(OK);
    });
    let nobody = format!("http://127.0.0.1:{}/", free_port());
    let here = url.replace("127.0.0.1", "localhost");
    let nobody_here = nobody.replace("127.0.0.1", "localhost");
    let out = ask(&["get", &here, "http://nothing.invalid/", &nobody, &nobody_here]);
    if guest().is_some() {
        let refused = "ECONNREFUSED: connection refused";
        let lines: Vec<&str> = out.lines().collect();
        let [here, nothing, rest @ ..] = &lines[..] else { panic!("{out}") };
        assert_eq!((*here, rest), ("200 Fine me ok", &[refused, refused][..]));
        // Where there is no name server nobody can tell.
        assert!(["ENOTFOUND: ", "EAGAIN: "].iter().any(|error| nothing.starts_with(error)), "{nothing}");
    }
}

#[test]
fn what_is_not_granted_is_not_asked() {
    let Some(guest) = guest() else { return };
    let (url, count) = serve(|_, mut client| drop(request(&mut client)));
    let other = ask_of(guest, "--allow-net=127.0.0.1:1", &["get", &url, &url.replace("127.0.0.1", "localhost")]);
    let lines: Vec<&str> = other.out.lines().collect();
    assert_eq!((lines.len(), count.load(Ordering::SeqCst)), (2, 0), "{other:?}");
    for line in lines {
        assert!(line.starts_with("EACCES: ") && line.contains("--allow-net="), "{line}");
    }
    let wrong = ask_of(guest, "--allow-env", &["wrong", &url]);
    let lines: Vec<&str> = wrong.out.lines().collect();
    assert_eq!((lines[0], lines[lines.len() - 1]), ("ENOSYS", "EACCES"), "{wrong:?}");
    assert!(lines.len() == 15 && lines[1..14].iter().all(|line| *line == "EINVAL"), "{wrong:?}");
}

#[test]
fn the_example_fetches_into_a_file() {
    let Some(compiler) = compilers().first() else { return };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-sdk/examples/fetch.rs");
    let module = compiler.build(&example, &folder());
    let here = folder();
    let page = here.join("page").display().to_string();
    let url = once(format!("HTTP/1.1 200 OK\r\n\r\n{}", "p".repeat(200_000)));
    let mut command = skep();
    command.arg("run").args(["--allow-net", &format!("--allow-fs={}:rw", here.display())]).arg(&module);
    let done = finish(piped(command.args([&url, &page])).spawn().expect("the program starts"));
    assert_eq!((done.code, done.out.as_str()), (Some(0), "200: 200000 bytes\n"), "{}", done.err);
    assert_eq!(std::fs::read(&page).map(|bytes| bytes.len()).expect("it was written"), 200_000);
    let denied = ask_of(&module, "--allow-net", &[&once(OK), &page]);
    assert!(denied.code == Some(1) && denied.out.starts_with("EACCES: "), "{denied:?}");
}

#[test]
fn a_kept_connection_that_has_ended_takes_no_request_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        let accept = || Client::over(listener.accept().expect("it connects").0);
        let mut first = accept();
        request(&mut first);
        first.send(OK);
        let mut second = accept();
        second.exactly(2);
        // The guest computes: it is told both at once.
        drop(first);
        second.send("x");
        let mut third = accept();
        request(&mut third);
        third.send(OK);
    });
    let out = ask(&["between", &url]);
    if guest().is_some() {
        assert_eq!(out, "200 Fine \"me\"\n");
    }
}

#[test]
fn a_protocol_that_nobody_asked_for_is_the_connection_s_end() {
    let (url, count) = serve(|number, mut client| {
        request(&mut client);
        if number == 0 {
            client.try_send("HTTP/1.1 101 Why\r\n\r\n");
            // Were the connection kept, this would be the next request's.
            request(&mut client);
            client.try_send("HTTP/1.1 200 Late\r\nContent-Length: 3\r\n\r\nold");
        } else {
            client.try_send(OK);
        }
    });
    let out = ask(&["get", &url, &url]);
    if guest().is_some() {
        assert_eq!((out.as_str(), count.load(Ordering::SeqCst)), ("101 Why - \n200 Fine me ok\n", 2));
    }
}

#[test]
fn a_stream_that_nobody_takes_is_closed() {
    let (url, _) = serve(|_, mut client| {
        request(&mut client);
        client.send("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst");
        client.to_end();
    });
    let out = ask(&["dropped", &url]);
    if guest().is_some() {
        assert_eq!(out, "101\n");
    }
}

#[test]
fn a_time_below_a_millisecond_is_one() {
    let (url, _) = serve(|_, mut client| {
        request(&mut client);
        client.to_end();
    });
    let out = ask(&["instant", &url]);
    if guest().is_some() {
        assert!(out.starts_with("ETIMEDOUT"), "{out}");
    }
}
