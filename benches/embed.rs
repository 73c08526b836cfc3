//! What calls into an embedded guest cost: `cargo bench --bench embed`. It measures and never
//! fails: time is no test. It must not know how a call is carried.
use serde_json::json;
use skep::{Policy, Runtime, Value};
use std::time::{Duration, Instant};

/// Rounds of each measurement, short ones: the best counts, as whatever else runs on the machine only adds.
const ROUNDS: u32 = 400;

/// Prints the best mean of `work`, which is done `count` times a round.
fn measure(what: &str, count: u32, mut work: impl FnMut()) {
    let mut round = || {
        let begun = Instant::now();
        (0..count).for_each(|_| work());
        begun.elapsed().as_nanos() as f64 / f64::from(count) / 1000.0
    };
    let best = (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min);
    println!("{what:<58} {best:>9.2} µs");
}

fn main() {
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let mut runtime = Runtime::new().expect("a runtime can be made here");
    runtime.function("echo", |call| call.reply.ok(call.argument));
    let policy = Policy::default().function("echo");
    let timed = policy.clone().deadline(Duration::from_millis(5));
    let source = "import { functions } from 'skep:host';
        export const add = ({ a, b }) => ({ sum: a + b });
        export const same = (value) => value;
        export const later = async (value) => value;
        export const ask = (value) => functions.echo(value);";
    let guest = runtime.guest(&policy).expect("a guest can be spawned");
    runtime.load(guest, source).expect("the module is right");
    let rushed = runtime.guest(&timed).expect("a guest can be spawned");
    runtime.load(rushed, source).expect("the module is right");
    let answer = |result: Result<Value, _>| drop(result.expect("it answers"));
    measure("a call, JSON in and out", 100, || answer(runtime.call(guest, "add", json!({"a": 1, "b": 2}))));
    measure("the same with a deadline", 100, || answer(runtime.call(rushed, "add", json!({"a": 1, "b": 2}))));
    measure("64 bytes in and out", 100, || answer(runtime.call(guest, "same", vec![1; 64])));
    measure("an async function", 100, || answer(runtime.call(guest, "later", json!(1))));
    measure("one that calls a function of the program", 100, || answer(runtime.call(guest, "ask", json!(1))));
    let image = runtime.capture(guest).expect("an image can be taken");
    measure("a guest from an image, dropped", 10, || {
        let fresh = runtime.restore(&image, &policy).expect("it can be restored");
        runtime.close(fresh);
    });
    measure("a guest from an image, a call, dropped", 10, || {
        let fresh = runtime.restore(&image, &policy).expect("it can be restored");
        answer(runtime.call(fresh, "add", json!({"a": 1, "b": 2})));
        runtime.close(fresh);
    });
    measure("a guest from nothing, a call, dropped", 1, || {
        let fresh = runtime.guest(&policy).expect("it can be spawned");
        runtime.load(fresh, source).expect("the module is right");
        answer(runtime.call(fresh, "add", json!({"a": 1, "b": 2})));
        runtime.close(fresh);
    });
}
