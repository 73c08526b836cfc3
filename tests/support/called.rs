//! What every guest that answers an embedding program's calls does, whatever it is written in: `guests/sdk.rs` and `guests/sdk.c`
//! say so. It must not know the language.
use serde_json::json;
use skep::{Guest, Policy, Runtime, Value};
use std::path::Path;

/// Why the call fails.
pub fn failed(runtime: &mut Runtime, guest: Guest, name: &str, argument: serde_json::Value) -> String {
    runtime.call(guest, name, argument).expect_err("it fails").to_string()
}

/// Calls a guest, and two that go on from its image; `also` is asked of each of the three.
pub fn answers_calls(module: &Path, also: impl Fn(&mut Runtime, Guest)) {
    let mut runtime = Runtime::new().expect("a runtime can be made here");
    runtime.function("echo", |call| match call.argument {
        Value::Json(json) if json == "no" => call.reply.fail("it was no"),
        Value::Json(json) if json == "no, at length" => call.reply.fail(&"no".repeat(50_000)),
        argument => call.reply.ok(argument),
    });
    let module = runtime.module(&std::fs::read(module).expect("it was built")).expect("it is a guest");
    let policy = Policy::default().env("CALLED", "1").function("echo");
    let first = runtime.guest_of(&module, &policy).expect("a guest can be spawned");
    for len in [0, 3, 200_000] {
        let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let reversed = bytes.iter().rev().copied().collect();
        assert_eq!(runtime.call(first, "reverse", bytes.clone()), Ok(Value::Bytes(reversed)));
        assert_eq!(runtime.call(first, "ask", bytes.clone()), Ok(Value::Bytes(bytes)));
    }
    assert_eq!(runtime.call(first, "ask", json!({"a": [1]})), Ok(json!({"a": [1]}).into()));
    assert_eq!(failed(&mut runtime, first, "ask", json!("no")), "Error: it was no");
    assert!(failed(&mut runtime, first, "denied", json!(1)).contains("\"secret\" is not granted"));
    assert_eq!(failed(&mut runtime, first, "nothing", json!(1)), "Error: no \"such\"\n function");
    assert!(runtime.run(first, "1 + 1").expect_err("it is no engine").to_string().contains("no scripts"));
    also(&mut runtime, first);
    // An image is of the whole memory; what comes of it does not begin anew.
    assert_eq!(runtime.call(first, "count", json!(null)), Ok(json!(1).into()));
    let image = runtime.capture(first).expect("an image can be taken");
    for _ in 0..2 {
        let fresh = runtime.restore(&image, &policy).expect("it can be restored");
        assert_eq!(runtime.call(fresh, "count", json!(null)), Ok(json!(2).into()));
        also(&mut runtime, fresh);
        runtime.close(fresh);
    }
    let idle = runtime.guest_of(&module, &Policy::default().listen()).expect("a guest can be spawned");
    let error = failed(&mut runtime, idle, "count", json!(1));
    assert!(error.contains("answers no calls"), "{error}");
}
