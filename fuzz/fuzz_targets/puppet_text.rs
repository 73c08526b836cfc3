//! The text of a guest that makes any call with any arguments: the *rogue engine*. Its inbox holds a program, its
//! memory gets the answers. Made from the boundary's own table; shared by the guest room's tests and the fuzz target
//! `imports`. It must not know what is called, nor why.
#![allow(dead_code, reason = "each user needs a part")]
use skep_abi::{CALLS, Type, VERSION};
use std::fmt::Write as _;

/// Bytes of its memory.
pub const MEMORY: u32 = 4 << 16;

/// Where the test's own data goes; the inbox ends below it.
pub const SCRATCH: u32 = 0x1_0000;

/// Where answers stand.
pub const ANSWERS: u32 = 0x2_0000;

/// Logs what stands from ANSWERS on.
const REPORT: &str =
    "(drop (call $log (i32.const 1) (i32.const 0x20000) (i32.sub (local.get $out) (i32.const 0x20000))))";

fn wat_type(ty: Type) -> &'static str {
    if matches!(ty, Type::I64 | Type::Handle) { "i64" } else { "i32" }
}

/// The module. `report`: after each program it also logs its answers, for who cannot look into its memory.
pub fn text(report: bool) -> String {
    let report = if report { REPORT } else { "" };
    let mut imports = String::new();
    let mut arms = String::new();
    for (index, call) in CALLS.iter().enumerate() {
        let types: Vec<_> = call.params.iter().map(|(_, ty)| wat_type(*ty)).collect();
        let (params, result) = (types.join(" "), wat_type(call.result));
        writeln!(imports, r#"(import "skep" "{0}" (func ${0} (param {params}) (result {result})))"#, call.name)
            .expect("a string");
        write!(arms, "(if (i32.eq (i32.load (local.get $at)) (i32.const {index})) (then (i64.store (local.get $out) ")
            .expect("a string");
        let mut made = format!("(call ${}", call.name);
        for (slot, ty) in types.iter().enumerate() {
            write!(made, " ({ty}.load offset={} (local.get $at))", 8 + slot * 8).expect("a string");
        }
        made.push(')');
        let made = if result == "i32" { format!("(i64.extend_i32_s {made})") } else { made };
        writeln!(arms, "{made})))").expect("a string");
    }
    format!(
        r#"(module {imports}
          (memory (export "memory") 4 8)
          (func (export "skep_abi") (result i32)
            (drop (call $inbox (i32.const 8192) (i32.const 32768))) (i32.const {VERSION}))
          (func (export "skep_on_events") (param $len i32) (result i32)
            (local $at i32) (local $end i32) (local $out i32)
            (local.set $at (i32.const 8192))
            (local.set $out (i32.const {ANSWERS}))
            (local.set $end (i32.add (local.get $at) (local.get $len)))
            ;; A WARM batch starts with the count 1; ours with call numbers from 1000 on, or is empty.
            (if (i32.eq (i32.load (local.get $at)) (i32.const 1)) (then (if (i32.eq (i32.load16_u offset=28 (local.get $at)) (i32.const 1)) (then (return (i32.const 0))))))
            (loop $next
              (if (i32.lt_u (local.get $at) (local.get $end)) (then
                {arms}
                (local.set $out (i32.add (local.get $out) (i32.const 8)))
                (local.set $at (i32.add (local.get $at) (i32.const 80)))
                (br $next))))
            {report}
            (i32.const 0)))"#
    )
}
