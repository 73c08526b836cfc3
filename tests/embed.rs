//! The embedding API from outside: calls both ways, deadlines, images, ends, another loop. It must not know what is beneath.
use serde_json::{Value as Json, json};
use skep::policy::Bound;
use skep::{CallError, Guest, LogSink, Options, Outcome, Policy, Runtime, Value};
use std::cell::{Cell, RefCell};
use std::os::fd::AsRawFd as _;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

#[path = "../examples/inside_mio.rs"]
mod inside_mio;
#[path = "../examples/plugins.rs"]
#[allow(dead_code, reason = "its time is the test's")]
mod plugins;
#[path = "../examples/rules.rs"]
#[allow(dead_code, reason = "its time is the test's")]
mod rules;

#[test]
fn the_examples_do_what_they_say() {
    let time = Duration::from_secs(2);
    plugins::run(time).expect("plug-ins run");
    rules::run(time).expect("rules decide");
    inside_mio::main().expect("the loop serves");
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be made here")
}

fn guest_with(runtime: &mut Runtime, policy: &Policy, source: &str) -> Guest {
    let guest = runtime.guest(policy).expect("a guest can be spawned");
    runtime.load(guest, source).expect("the module is right");
    guest
}

fn json(result: Result<Value, CallError>) -> Json {
    match result.expect("it answers") {
        Value::Json(json) => json,
        Value::Bytes(bytes) => panic!("bytes came: {bytes:?}"),
    }
}

fn threw(result: Result<Value, CallError>) -> (String, String) {
    match result {
        Err(CallError::Threw(thrown)) => (thrown.name, thrown.message),
        other => panic!("it should have thrown: {other:?}"),
    }
}

#[test]
fn values_go_in_and_come_out() {
    let mut runtime = runtime();
    let source = "export const same = (v) => v; export const later = async (v) => { await null; return v; };
        export const size = (v) => v.length; export const nothing = () => {};
        export const bytes = (n) => new Uint8Array(n).fill(7);";
    let guest = guest_with(&mut runtime, &Policy::default(), source);
    for value in [json!(null), json!([1, "zwei", {"drei": 3.5}]), json!("ü\u{1f600}\0"), json!(true)] {
        assert_eq!(json(runtime.call(guest, "same", value.clone())), value);
        assert_eq!(json(runtime.call(guest, "later", value.clone())), value);
    }
    assert_eq!(json(runtime.call(guest, "nothing", json!(1))), json!(null));
    for len in [0, 1, 65_000, 70_000, 3 << 20] {
        let bytes = vec![7u8; len];
        assert_eq!(runtime.call(guest, "same", bytes.clone()), Ok(Value::Bytes(bytes.clone())));
        assert_eq!(runtime.call(guest, "bytes", json!(len)), Ok(Value::Bytes(bytes)));
        let text = "x".repeat(len);
        assert_eq!(json(runtime.call(guest, "size", json!(text))), json!(len));
        assert_eq!(json(runtime.call(guest, "later", json!(text.clone()))), json!(text));
    }
}

#[test]
fn scripts_have_results_and_modules_exports() {
    let mut runtime = runtime();
    let guest = runtime.guest(&Policy::default()).expect("a guest can be spawned");
    assert_eq!(json(runtime.run(guest, "let a = 20; a + 22")), json!(42));
    assert_eq!(json(runtime.run(guest, "Promise.resolve(a)")), json!(20), "scripts share their globals");
    assert_eq!(json(runtime.run(guest, "require('path').basename('/a/b.js')")), json!("b.js"));
    assert_eq!(json(runtime.run(guest, "exports.old = () => 'common'; 1")), json!(1));
    assert_eq!(json(runtime.call(guest, "old", json!(null))), json!("common"));
    runtime.load(guest, "export const f = () => 1").expect("it loads");
    runtime.load(guest, "export const f = () => 2; export const g = 3").expect("it loads");
    assert_eq!(json(runtime.call(guest, "f", json!(null))), json!(2), "the newest module's");
    assert_eq!(threw(runtime.call(guest, "g", json!(null))).0, "TypeError");
    assert_eq!(threw(runtime.call(guest, "toString", json!(null))).0, "TypeError");
    assert_eq!(threw(runtime.run(guest, "throw new RangeError('too far')")), ("RangeError".into(), "too far".into()));
    assert_eq!(threw(runtime.run(guest, "throw null")).0, "Error");
    assert_eq!(threw(runtime.run(guest, "({ get then() { throw new Error('a trap') } })")).1, "a trap");
    assert_eq!(threw(runtime.run(guest, "throw { get name() { throw 1 }, toString() { throw 2 } }")).0, "Error");
    assert_eq!(threw(runtime.run(guest, "const o = {}; o.o = o; o")).0, "TypeError");
    assert_eq!(threw(runtime.run(guest, "1n")).0, "TypeError");
    assert_eq!(threw(runtime.run(guest, "}")).0, "SyntaxError");
    assert!(matches!(runtime.load(guest, "export const x = "), Err(CallError::Threw(_))));
    assert!(matches!(runtime.load(guest, "import 'nowhere'"), Err(CallError::Threw(_))));
    assert_eq!(json(runtime.run(guest, "a")), json!(20), "and goes on");
}

#[test]
fn nothing_is_granted_that_was_not_named() {
    let mut runtime = runtime();
    let guest = runtime.guest(&Policy::default().env("GIVEN", "1")).expect("a guest can be spawned");
    assert_eq!(json(runtime.run(guest, "JSON.stringify(process.env)")), json!("{\"GIVEN\":\"1\"}"));
    for code in [
        "require('fs').readFileSync('/etc/passwd')",
        "require('fs').readdirSync('/')",
        "require('child_process').execSync('id')",
        "new Promise((_, no) => require('child_process').fork('/x.js').on('error', no))",
        "new Promise((_, no) => require('net').connect(80, '127.0.0.1').on('error', no))",
        "new Promise((_, no) => require('net').createServer().on('error', no).listen(0))",
        "require('dns').promises.lookup('example.org')",
        "import('/etc/passwd')",
        "require('skep:host').functions.anything(1)",
    ] {
        let (_, message) = threw(runtime.run(guest, code));
        let denied = ["grant", "EACCES", "EPERM", "ACCESS_DENIED"].iter().any(|word| message.contains(word));
        assert!(denied, "{code}: {message}");
    }
    // A watched signal would be the whole program's.
    assert_eq!(json(runtime.run(guest, "process.on('SIGTERM', () => {}); 1")), json!(1));
    assert!(!signals_caught().contains(&15), "a guest has taken a signal of this process");
}

/// Signals that this process has handlers for.
fn signals_caught() -> Vec<u32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
    let mask = u64::from_str_radix(mask, 16).expect("the kernel writes a number");
    (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1).collect()
}

#[test]
fn functions_of_the_program() {
    let mut runtime = runtime();
    let kept = Rc::new(RefCell::new(Vec::new()));
    let later = kept.clone();
    runtime.function("add", |call| {
        let sum: f64 =
            call.argument.as_json().and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_f64).sum();
        call.reply.ok(json!(sum));
    });
    runtime.function("shout", |call| match call.argument {
        Value::Bytes(bytes) => call.reply.ok(bytes.to_ascii_uppercase()),
        Value::Json(_) => call.reply.fail("bytes are wanted"),
    });
    runtime.function("later", move |call| later.borrow_mut().push(call.reply));
    runtime.function("never", |_| {});
    let held = RefCell::new(Vec::new());
    runtime.function("held", move |call| held.borrow_mut().push(call.reply));
    runtime.function("thread", |call| {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            call.reply.ok(json!("from afar"));
        });
    });
    let mut policy = ["add", "shout", "later", "never", "held", "thread", "unknown"]
        .iter()
        .fold(Policy::default(), |policy, name| policy.function(name));
    policy.limits.operations = 1000;
    let source = "import { functions, call } from 'skep:host';
        export const sum = async (v) => await functions.add(v) + await call('add', [1]);
        export const shout = async (t) => (await functions.shout(Buffer.from(t))).toString();
        export const wrong = () => functions.shout('text');
        export const ask = (name) => functions[name]();
        export const big = async (n) => (await functions.shout(Buffer.alloc(n, 'a'))).length;
        export const many = async ([name, n]) =>
          (await Promise.all(Array.from({ length: n }, (_, i) => functions[name]([i])))).length;";
    let guest = guest_with(&mut runtime, &policy, source);
    assert_eq!(json(runtime.call(guest, "sum", json!([1, 2, 3]))), json!(7));
    assert_eq!(json(runtime.call(guest, "shout", json!("hey"))), json!("HEY"));
    assert_eq!(json(runtime.call(guest, "big", json!(1_000_000))), json!(1_000_000));
    assert_eq!(json(runtime.call(guest, "many", json!(["add", 900]))), json!(900));
    let crowded = guest_with(&mut runtime, &policy, source);
    let refused = threw(runtime.call(crowded, "many", json!(["held", 1001]))).1;
    assert!(refused.contains("EAGAIN"), "too many at once are refused: {refused}");
    runtime.close(crowded);
    assert_eq!(threw(runtime.call(guest, "wrong", json!(null))).1, "bytes are wanted");
    assert!(threw(runtime.call(guest, "ask", json!("never"))).1.contains("no answer"));
    assert!(threw(runtime.call(guest, "ask", json!("unknown"))).1.contains("no such function"));
    assert!(threw(runtime.call(guest, "ask", json!("secret"))).1.contains("not granted"));
    assert_eq!(json(runtime.call(guest, "ask", json!("thread"))), json!("from afar"));
    // An answer that comes when the guest is long gone is nobody's.
    let mut pending = runtime.begin(guest, "ask", json!("later"));
    runtime.turn(None);
    assert_eq!(kept.borrow().len(), 1);
    runtime.close(guest);
    let fresh = guest_with(&mut runtime, &policy, source);
    kept.borrow_mut().drain(..).for_each(|reply| reply.ok(json!("late")));
    runtime.turn(Some(Duration::ZERO));
    assert!(matches!(pending.take(), Some(Err(CallError::Ended(_)))));
    assert_eq!(json(runtime.call(fresh, "sum", json!([]))), json!(1));
}

#[test]
fn a_deadline_ends_who_computes_and_forgives_who_waits() {
    /// Enough for what is quick, on a busy machine too.
    const TIME: Duration = Duration::from_millis(500);
    let mut runtime = runtime();
    let policy = Policy::default().deadline(TIME);
    let source = "export const spin = () => { for (;;); }; export const wait = () => new Promise(() => {});
        export const nap = (ms) => new Promise((done) => setTimeout(done, ms, 'slept'));
        export const quick = () => 1; export const chain = async () => { for (;;) await null; };";
    let guest = guest_with(&mut runtime, &policy, source);
    assert_eq!(runtime.call(guest, "wait", json!(null)), Err(CallError::Late));
    assert_eq!(runtime.call(guest, "nap", json!(1500)), Err(CallError::Late));
    assert_eq!(json(runtime.call(guest, "nap", json!(1))), json!("slept"));
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(json(runtime.call(guest, "quick", json!(null))), json!(1), "a late answer harms nobody");
    for name in ["spin", "chain"] {
        let other = guest_with(&mut runtime, &policy, source);
        let begun = Instant::now();
        let error = runtime.call(other, name, json!(null)).expect_err("it never answers");
        let took = begun.elapsed();
        assert!(matches!(&error, CallError::Ended(how) if how.contains("time of a call")), "{error}");
        assert!(took >= TIME && took < Duration::from_secs(60), "{took:?}");
        assert!(matches!(runtime.ended(other), Some(Outcome::Ended(_))));
        assert!(matches!(runtime.call(other, "quick", json!(null)), Err(CallError::Ended(_))));
        assert_eq!(runtime.meter(other).map(|meter| meter.turns), None);
    }
    assert_eq!(json(runtime.call(guest, "quick", json!(null))), json!(1), "the neighbour lives");
}

#[test]
fn a_program_may_lend_a_signal_for_deadlines() {
    let mut runtime = Runtime::with(Options { signals: true, ..Options::default() }).expect("one can be made here");
    let policy = Policy::default().deadline(Duration::from_secs(1));
    let guest = guest_with(&mut runtime, &policy, "export const spin = () => { for (;;); };");
    let error = runtime.call(guest, "spin", json!(null)).expect_err("it never answers");
    assert!(matches!(&error, CallError::Ended(how) if how.contains("time of a call")), "{error}");
}

#[test]
fn ends_are_told() {
    let mut runtime = runtime();
    let guest = |runtime: &mut Runtime, policy: &Policy| runtime.guest(policy).expect("a guest can be spawned");
    let first = guest(&mut runtime, &Policy::default());
    assert!(matches!(runtime.run(first, "process.exit(7)"), Err(CallError::Ended(how)) if how.contains("code 7")));
    assert!(matches!(runtime.ended(first), Some(Outcome::Exited(7))));
    let small = guest(&mut runtime, &Policy::default().memory(32 << 20));
    let bomb = "const kept = []; for (;;) kept.push(new Uint8Array(1 << 20).fill(1))";
    assert_eq!(threw(runtime.run(small, bomb)).0, "RangeError", "memory is at its end, and the guest is told");
    let cheap = guest(&mut runtime, &Policy::default().cpu(Duration::from_millis(30)));
    assert!(matches!(runtime.run(cheap, "for (;;);"), Err(CallError::Ended(how)) if how.contains("CPU")));
    let thrower = guest(&mut runtime, &Policy::default());
    assert_eq!(json(runtime.run(thrower, "setTimeout(() => { throw new Error('late') }, 1); 1")), json!(1));
    while runtime.ended(thrower).is_none() {
        runtime.turn(Some(Duration::from_millis(50)));
    }
    assert!(matches!(runtime.ended(thrower), Some(Outcome::Exited(1))));
    let closed = guest(&mut runtime, &Policy::default());
    runtime.close(closed);
    runtime.close(closed);
    assert!(runtime.ended(closed).is_none());
    assert!(runtime.capture(closed).is_err());
    let again = guest(&mut runtime, &Policy::default());
    assert!(matches!(runtime.run(closed, "1"), Err(CallError::Ended(_))), "a number is never another guest's");
    assert_eq!(json(runtime.run(again, "1")), json!(1));
}

#[test]
fn images_are_taken_and_restored() {
    let mut runtime = runtime();
    runtime.function("slow", std::mem::forget);
    let policy = Policy::default().function("slow");
    let source = "import { functions } from 'skep:host'; let n = 0; let told = '';
        export const next = () => ++n; export const random = () => Math.random();
        export const hang = () => { functions.slow().catch((error) => { told = error.code; }); };
        export const told_ = () => told;";
    let first = guest_with(&mut runtime, &policy, source);
    assert_eq!(json(runtime.call(first, "next", json!(null))), json!(1));
    runtime.call(first, "hang", json!(null)).expect("it answers");
    let image = runtime.capture(first).expect("an image can be taken");
    assert!(image.bytes() > 1 << 20);
    assert_eq!(json(runtime.call(first, "next", json!(null))), json!(2), "it goes on");
    let mut randoms = Vec::new();
    for _ in 0..20 {
        let fresh = runtime.restore(&image, &Policy::default()).expect("a guest can be restored");
        assert_eq!(json(runtime.call(fresh, "next", json!(null))), json!(2));
        assert_eq!(json(runtime.call(fresh, "told_", json!(null))), json!("ECANCELED"), "what it waited for is gone");
        randoms.push(json(runtime.call(fresh, "random", json!(null))).to_string());
        runtime.close(fresh);
    }
    randoms.sort();
    randoms.dedup();
    assert_eq!(randoms.len(), 20, "what an image repeats is renewed");
    assert!(runtime.restore(&image, &Policy::default().memory(1 << 20)).is_err(), "it is larger than that");
}

/// A guest by hand: it answers a CALL with the bytes that it was given.
const MODULE: &str = r#"(module
  (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
  (import "skep" "call_reply" (func $reply (param i64 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "_initialize") (drop (call $inbox (i32.const 65536) (i32.const 65536))))
  (func (export "skep_abi") (result i32) (i32.const VERSION))
  (func (export "skep_on_events") (param $len i32) (result i32)
    (local $at i32) (local $end i32) (local $name i32)
    (local.set $at (i32.const 65560))
    (local.set $end (i32.add (i32.const 65536) (local.get $len)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (if (i32.eq (i32.load16_u offset=4 (local.get $at)) (i32.const 80)) (then
        (local.set $name (i32.and (i32.add (i32.load offset=20 (local.get $at)) (i32.const 7)) (i32.const -8)))
        (drop (call $reply (i64.load offset=8 (local.get $at)) (i32.and (i32.load16_u offset=6 (local.get $at)) (i32.const 4))
          (i32.add (i32.add (local.get $at) (i32.const 24)) (local.get $name))
          (i32.sub (i32.load offset=16 (local.get $at)) (local.get $name))))
        ;; A second answer is nobody's.
        (if (i32.ge_s (call $reply (i64.load offset=8 (local.get $at)) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 0))
          (then (unreachable)))))
      (local.set $at (i32.add (local.get $at) (i32.load (local.get $at))))
      (br $next)))
    (i32.const 0)))"#;

#[test]
fn any_module_can_be_called() {
    let mut runtime = runtime();
    let text = MODULE.replace("VERSION", &skep_abi::VERSION.to_string());
    let module = runtime.module(&wat::parse_str(text).expect("it is well-formed")).expect("it is a guest");
    let guest = runtime.guest_of(&module, &Policy::default()).expect("a guest can be spawned");
    assert_eq!(json(runtime.call(guest, "any", json!({"a": 1}))), json!({"a": 1}));
    assert_eq!(runtime.call(guest, "", vec![1, 2]), Ok(Value::Bytes(vec![1, 2])));
    assert!(matches!(runtime.run(guest, "this is no JSON"), Err(CallError::NoValue(_))));
    let error = runtime.module(b"\0asm\x01\0\0\0").err().expect("it is no guest").to_string();
    assert!(error.contains("memory"), "{error}");
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn futures_and_callbacks() {
    let mut runtime = runtime();
    let guest = guest_with(
        &mut runtime,
        &Policy::default(),
        "export const nap = (ms) => new Promise((done) => setTimeout(done, ms, ms))",
    );
    let mut pending = runtime.begin(guest, "nap", json!(10));
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let mut context = Context::from_waker(&waker);
    assert!(matches!(std::pin::Pin::new(&mut pending).poll(&mut context), Poll::Pending));
    let told = Rc::new(Cell::new(0));
    for n in 1..=5 {
        let told = told.clone();
        runtime.call_then(guest, "nap", json!(n), move |result| {
            told.set(told.get() * 10 + json(result).as_u64().expect("a number"));
        });
    }
    while count.0.load(Ordering::Relaxed) == 0 {
        runtime.turn(None);
    }
    assert_eq!(told.get(), 12_345);
    assert!(
        matches!(std::pin::Pin::new(&mut pending).poll(&mut context), Poll::Ready(Ok(Value::Json(ms))) if ms == 10)
    );
    drop(runtime.begin(guest, "nap", json!(1)));
    assert_eq!(json(runtime.call(guest, "nap", json!(5))), json!(5), "an answer that nobody wants is no harm");
}

#[test]
fn within_another_loop() {
    let mut runtime = runtime();
    let source = "export const open = () => new Promise((done) => {
        const server = require('http').createServer((req, res) => res.end('hi')).listen(0, '127.0.0.1', () => done(server.address().port));
    });";
    let source = format!("import {{ createRequire }} from 'module'; const require = createRequire('/x');{source}");
    let guest = guest_with(&mut runtime, &Policy::default().listen(), &source);
    let port = json(runtime.call(guest, "open", json!(null))).as_u64().expect("a port") as u16;
    let client = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let mut client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("it takes that");
        let mut text = String::new();
        client.read_to_string(&mut text).expect("it answers");
        text
    });
    let mut poll = mio::Poll::new().expect("a poll can be made");
    let mut events = mio::Events::with_capacity(4);
    let fd = runtime.as_raw_fd();
    poll.registry()
        .register(&mut mio::unix::SourceFd(&fd), mio::Token(0), mio::Interest::READABLE)
        .expect("it can be watched");
    let mut sleeps = 0;
    while !client.is_finished() {
        let most = Duration::from_millis(100);
        poll.poll(&mut events, Some(runtime.idle_time().map_or(most, |time| time.min(most)))).expect("it waits");
        sleeps += 1;
        runtime.turn(Some(Duration::ZERO));
    }
    assert!(client.join().expect("the client lives").ends_with("hi"));
    assert!(sleeps < 100, "{sleeps} turns: it does not sleep");
}

struct Lines(Rc<RefCell<Vec<u8>>>);

impl LogSink for Lines {
    fn write(&mut self, _fd: u8, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn wait(&mut self, _fd: u8) {}
}

#[test]
fn output_goes_where_the_program_says() {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let options = Options { log: Box::new(Lines(lines.clone())), ..Options::default() };
    let mut runtime = Runtime::with(options).expect("a runtime can be made here");
    let guest = runtime.guest(&Policy::default()).expect("a guest can be spawned");
    runtime.run(guest, "console.log('said'); console.error('cried')").expect("it runs");
    assert_eq!(String::from_utf8_lossy(&lines.borrow()), "said\ncried\n");
}

/// Whatever the kernel has no room for while nobody reads is counted: nothing is lost that nobody hears of.
#[cfg(target_os = "linux")]
#[test]
fn h07_datagrams_that_the_kernel_drops_are_counted() {
    const SENT: u32 = 20_000;
    let mut runtime = runtime();
    let source = "import dgram from 'dgram';
        let count = 0;
        const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 65536 }).on('message', () => count++);
        export const port = () => new Promise((done) => socket.bind(0, '127.0.0.1', () => done(socket.address().port)));
        export const received = () => count;
        export const close = () => new Promise((done) => socket.close(done));";
    let guest = guest_with(&mut runtime, &Policy::default().listen(), source);
    let port = json(runtime.call(guest, "port", json!(null))).as_u64().expect("a number") as u16;
    let ours = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    for _ in 0..SENT {
        ours.send_to(b"0123456789", ("127.0.0.1", port)).expect("the kernel takes it, or drops it");
    }
    let received =
        |runtime: &mut Runtime| json(runtime.call(guest, "received", json!(null))).as_u64().expect("a number");
    let lost = |runtime: &Runtime| runtime.meter(guest).expect("it lives").hits(Bound::Datagrams);
    let began = Instant::now();
    // It is known while they come.
    while received(&mut runtime) + u64::from(lost(&runtime)) != u64::from(SENT) {
        assert!(began.elapsed() < Duration::from_secs(120), "{} {}", received(&mut runtime), lost(&runtime));
    }
    assert!(lost(&runtime) > SENT / 2, "{}", lost(&runtime));
    json(runtime.call(guest, "close", json!(null)));
    assert_eq!(received(&mut runtime) + u64::from(lost(&runtime)), u64::from(SENT));
}
