//! What the end-to-end tests share: starting the program on a script, and a client that speaks bytes. It must not
//! know what any test is about. Every wait here ends by a deadline far beyond what is ever needed; no test
//! depends on how long something takes.
#![allow(dead_code, reason = "each test file uses its part")]
pub mod processes;
pub mod serve;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing that a test waits for takes this long, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The first lines of most scripts: `up(server)` listens somewhere and says where.
const PRELUDE: &str = "var http = require('http');
function up(server) { server.listen(0, '127.0.0.1', function () { console.log('PORT ' + server.address().port); }); return server; }
function serve(handler) { return up(http.createServer(handler)); }
";

fn temporary() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// A folder of compiled code that all tests share, filled before the first of them starts.
fn cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let folder = temporary().join("e2e-cache");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).expect("a folder for the cache");
        let status = program()
            .env("SKEP_CACHE_DIR", &folder)
            .args(["-e", "0"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("the program starts").success(), "the program runs an empty script");
        folder
    })
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_skep"))
}

/// The program, with the shared cache and nothing on standard input.
pub fn skep() -> Command {
    let mut command = program();
    command.env("SKEP_CACHE_DIR", cache()).stdin(Stdio::null());
    command
}

/// A cache of a test's own, with the compiled code of the shared one: nobody else's process sweeps or fills it.
pub fn own_cache() -> PathBuf {
    let own = folder().join("cache");
    std::fs::DirBuilder::new().mode(0o700).create(&own).expect("a folder for the cache");
    for entry in std::fs::read_dir(cache()).expect("it is there").flatten() {
        // Others may write theirs meanwhile: temporary files come and go.
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _gone = std::fs::copy(entry.path(), own.join(entry.file_name()));
        }
    }
    own
}

/// A new folder for one test.
pub fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = temporary().join(format!("e2e-{}-{number}", std::process::id()));
        match std::fs::create_dir(&folder) {
            Ok(()) => return folder,
            // The numbers of processes come round: it is an earlier one's.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => panic!("a folder for a test: {error}"),
        }
    }
}

/// A port that nobody listens on, for who must be told one: none that the system gives to whoever asks for any, so it is
/// still free when it is used. No two are the same.
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    // Several processes of tests may look at the same time: each begins elsewhere.
    let next = NEXT.get_or_init(|| AtomicU32::new(RandomState::new().hash_one(0) as u32 % COUNT));
    let mut ports = (0..COUNT).map(|_| (FIRST + next.fetch_add(1, Ordering::Relaxed) % COUNT) as u16);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port is free")
}

/// Lets this process, and those that it starts, have as many descriptors as a test with a thousand connections needs: some
/// systems give 256 to who does not ask.
pub fn many_descriptors() {
    const ENOUGH: u64 = 8192;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    if limit.current.is_some_and(|now| now < most) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit }).expect("it may, up to the hard limit");
    }
}

/// Writes a file into a folder.
pub fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder for a file");
    std::fs::write(&path, text).expect("a test's file is written");
    path
}

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Waits for a child, with everything it says.
pub fn finish(mut child: Child) -> Finished {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let read = |source: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut source) = source {
                let _broken = source.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(out.map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let err = read(err.map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let status = wait(&mut child);
    let text = |thread: thread::JoinHandle<String>| thread.join().expect("a reader of a pipe");
    Finished { code: status.code(), out: text(out), err: text(err) }
}

/// Waits for a child's end.
pub fn wait(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        if Instant::now() > until {
            let _gone = child.kill();
            panic!("the program did not end");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Who answers one datagram with what it says, and " back"; its port.
pub fn answering_datagrams() -> (u16, thread::JoinHandle<()>) {
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    peer.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let port = peer.local_addr().expect("it is bound").port();
    let answering = thread::spawn(move || {
        let mut buffer = [0; 100];
        let (count, from) = peer.recv_from(&mut buffer).expect("a message");
        peer.send_to(&[&buffer[..count], b" back"].concat(), from).expect("it is sent");
    });
    (port, answering)
}

/// Runs the program with these words.
pub fn run_with(words: &[&str]) -> Finished {
    finish(piped(skep().args(words)).spawn().expect("the program starts"))
}

/// Runs a script with these options before its name.
pub fn run_as(options: &[&str], code: &str) -> Finished {
    let path = file(&folder(), "main.js", code);
    finish(piped(skep().arg("run").args(options).arg(path)).spawn().expect("the program starts"))
}

/// Runs a script.
pub fn run(code: &str) -> Finished {
    run_as(&[], code)
}

/// Standard output and error go to the test.
pub fn piped(command: &mut Command) -> &mut Command {
    command.stdout(Stdio::piped()).stderr(Stdio::piped())
}

/// The same with standard error on the pipe of standard output, after this line of the shell.
pub fn merged(command: &Command, line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.args(["-c", &format!("{line}\nexec \"$@\" 2>&1"), "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    shell
}

/// What comes out of a pipe, a line at a time, with its end.
fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    let mut pipe = BufReader::new(pipe);
    thread::spawn(move || {
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}

/// A line without its end.
fn bare(line: &str) -> String {
    line.lines().collect()
}

/// A script that serves.
pub struct Server {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
    pub port: u16,
    pub stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts a script, after the prelude, and waits until it listens.
    pub fn start(code: &str) -> Server {
        Server::start_as(&[], code)
    }

    /// The same with options.
    pub fn start_as(options: &[&str], code: &str) -> Server {
        let path = file(&folder(), "main.js", &format!("{PRELUDE}{code}"));
        Server::launch(skep().arg("run").args(options).arg(path))
    }

    /// Starts whatever says `PORT` and a number first.
    pub fn launch(command: &mut Command) -> Server {
        let mut server = Server::spawn(command);
        let line = server.line();
        let port = line.strip_prefix("PORT ").and_then(|port| port.parse().ok());
        server.port = port.unwrap_or_else(|| panic!("the script listens, and did not say {line:?}"));
        server
    }

    /// Starts a script that may not listen at all.
    pub fn spawn(command: &mut Command) -> Server {
        let mut child = piped(command).spawn().expect("the program starts");
        let lines = lines_of(child.stdout.take().expect("standard output is a pipe"));
        let errors = lines_of(child.stderr.take().expect("standard error is a pipe"));
        let stdin = child.stdin.take();
        Server { child, lines, errors, port: 0, stdin }
    }

    /// The next line the script prints.
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => bare(&line),
            Err(RecvTimeoutError::Timeout) => panic!("the script printed nothing more"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("the script ended: {:?}\n{}", wait(&mut self.child), self.errors.iter().collect::<String>())
            }
        }
    }

    /// The next line on standard error.
    pub fn error_line(&self) -> String {
        bare(&self.errors.recv_timeout(DEADLINE).expect("a line on standard error"))
    }

    /// Reads lines until this one; answers those before it.
    pub fn until(&mut self, wanted: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            match self.line() {
                line if line == wanted => return before,
                line => before.push(line),
            }
        }
    }

    /// Nobody reads what it prints any more: its pipe is closed with its next line.
    pub fn deafen(&mut self) {
        self.lines = channel().1;
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for the end; answers the exit code, the lines left and what was said on standard error.
    pub fn end(mut self) -> Finished {
        let status = wait(&mut self.child);
        let out: Vec<String> = self.lines.iter().map(|line| bare(&line)).collect();
        Finished { code: status.code(), out: out.join("\n"), err: self.errors.iter().collect() }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.port)
    }

    /// One request on a connection of its own; all that comes back until the end.
    pub fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.client();
        client.send(bytes);
        text(&client.to_end())
    }

    /// A plain GET answered with 200: the server lives.
    pub fn get(&self, path: &str) -> Response {
        let mut client = self.client();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        client.response()
    }

    /// Resident memory in KiB.
    pub fn rss(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process lives");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has memory");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of kB")
    }

    /// Open descriptors.
    pub fn fds(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("the process lives").count()
    }

    /// CPU time used so far, in ticks.
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("the process lives");
        let (_, rest) = stat.rsplit_once(") ").expect("the name stands in brackets");
        let fields: Vec<&str> = rest.split_whitespace().collect();
        fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Sends a signal, by its name.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.expect("kill is there").success());
}

/// Waits until something holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < until, "not in time: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Bytes as text, each byte a character.
pub fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// One message, its body without framing.
#[derive(Debug, Default)]
pub struct Response {
    pub status: u16,
    /// Status line and fields, without the empty line.
    pub head: String,
    pub body: Vec<u8>,
    pub trailers: String,
}

impl Response {
    /// A field's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head.lines().skip(1).find(named).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    pub fn text(&self) -> String {
        text(&self.body)
    }

    /// Names of the fields in their order.
    pub fn names(&self) -> Vec<&str> {
        self.head.lines().skip(1).map(|line| line.split_once(':').map_or(line, |(name, _)| name)).collect()
    }
}

/// A client that writes what it is told to.
pub struct Client<S = TcpStream> {
    pub stream: S,
    buffer: Vec<u8>,
}

impl Client {
    pub fn connect(port: u16) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        stream.set_write_timeout(Some(DEADLINE)).expect("a deadline");
        stream.set_nodelay(true).expect("an option");
        Client::over(stream)
    }

    pub fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Client<S> {
        Client { stream, buffer: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server takes it");
    }

    /// Sends what the server may refuse to take any more.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Reads more; false at the end.
    fn more(&mut self) -> bool {
        let mut piece = [0; 65536];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return false,
                Ok(count) => {
                    self.buffer.extend_from_slice(&piece[..count]);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
                Err(error) => panic!("reading: {error}; so far {:?}", text(&self.buffer)),
            }
        }
    }

    /// Everything until the server closes.
    #[allow(clippy::wrong_self_convention, reason = "it reads to the end, it converts nothing")]
    pub fn to_end(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.buffer)
    }

    /// The server closes without another byte.
    pub fn is_closed(&mut self) -> bool {
        !self.more() && self.buffer.is_empty()
    }

    /// Exactly this many bytes.
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.more(), "the server closed after {:?}", text(&self.buffer));
        }
        self.buffer.drain(..count).collect()
    }

    /// Everything up to and with these bytes.
    pub fn through(&mut self, end: &[u8]) -> String {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|bytes| bytes == end) {
                return text(&self.exactly(at + end.len()));
            }
            assert!(self.more(), "the server closed after {:?}", text(&self.buffer));
        }
    }

    /// The next response.
    pub fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// The next response to a request of this method.
    pub fn response_to(&mut self, method: &str) -> Response {
        let mut response = self.head();
        let bodiless = method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304);
        if bodiless {
            return response;
        }
        if response.field("transfer-encoding") == Some("chunked") {
            self.chunks(&mut response);
        } else if let Some(length) = response.field("content-length") {
            let length = length.parse().expect("a length is a number");
            response.body = self.exactly(length);
        } else {
            response.body = self.to_end();
        }
        response
    }

    /// The next head.
    pub fn head(&mut self) -> Response {
        let head = self.through(b"\r\n\r\n");
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {head:?}"));
        Response { status, head: head[..head.len() - 4].to_owned(), ..Response::default() }
    }

    fn chunks(&mut self, response: &mut Response) {
        loop {
            let line = self.through(b"\r\n");
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a chunk's size");
            if size == 0 {
                break;
            }
            response.body.extend(self.exactly(size));
            assert_eq!(self.exactly(2), b"\r\n", "a chunk ends with its line");
        }
        loop {
            match self.through(b"\r\n").as_str() {
                "\r\n" => return,
                line => response.trailers.push_str(line),
            }
        }
    }
}
