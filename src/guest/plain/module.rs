//! Which Wasm files are plain programs, and the bounds on what the compiler is given of one. Such a program has no image: what
//! `guest/module.rs` refuses for an image's sake (a start function, tables that change, passive data) it may have. It must
//! not know how it is run.
use crate::guest::module::{WASM_BYTES, bounded, few_functions, few_types};
use anyhow::{Context as _, Result, ensure};
use skep_abi::exports;
use wasmparser::{ExternalKind, Parser, Payload};

/// Where such a program begins.
pub(super) const START: &str = "_start";

/// The one module that it imports from.
pub(super) const WASI: &str = "wasi_snapshot_preview1";

/// Whether this file is a program and no guest of the boundary: it begins at `_start`, and has no door for events.
pub fn is_plain(wasm: &[u8]) -> bool {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::ExportSection(section)) => {
                let functions = section.into_iter().flatten().filter(|export| export.kind == ExternalKind::Func);
                names.extend(functions.map(|export| export.name));
                break;
            }
            Ok(Payload::CodeSectionStart { .. }) | Err(_) => break,
            Ok(_) => {}
        }
    }
    names.contains(&START) && !names.contains(&exports::ON_EVENTS)
}

/// Looks at a whole file before anything of it is compiled.
///
/// # Errors
/// Names what is wrong with the file, or beyond the bounds.
pub(in crate::guest) fn check(wasm: &[u8]) -> Result<()> {
    ensure!(wasm.len() <= WASM_BYTES, "the program has {} bytes; at most {WASM_BYTES} are taken", wasm.len());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.context("this is not a well-formed WebAssembly module")? {
            Payload::TypeSection(section) => few_types(section.count())?,
            Payload::FunctionSection(section) => few_functions(section.count())?,
            Payload::CodeSectionEntry(body) => bounded(&body, |_| Ok(()))?,
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    ensure!(
                        import.module == WASI,
                        "the program imports {}.{}: one that begins at `{START}` has the calls of {WASI}, and no others",
                        import.module,
                        import.name
                    );
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wasm(text: &str) -> Vec<u8> {
        wat::parse_str(text).expect("the test's text is Wasm")
    }

    #[test]
    fn a_program_begins_at_start_and_has_no_door_for_events() {
        assert!(is_plain(&wasm(r#"(module (func (export "_start")))"#)));
        assert!(!is_plain(&wasm(r#"(module (func (export "main")))"#)));
        assert!(!is_plain(&wasm(r#"(module (memory (export "_start") 1))"#)));
        let both = r#"(module (func (export "_start")) (func (export "skep_on_events") (param i32) (result i32) i32.const 0))"#;
        assert!(!is_plain(&wasm(both)));
        assert!(!is_plain(b"\0asm"));
    }

    #[test]
    fn what_is_not_wasi_is_named() {
        let module = wasm(r#"(module (import "env" "system" (func)) (func (export "_start")))"#);
        let fault = check(&module).expect_err("there is no such call").to_string();
        assert!(fault.contains("imports env.system"), "{fault}");
    }

    #[test]
    fn a_start_function_passive_data_and_changing_tables_are_no_matter() {
        let text = r#"(module (memory (export "memory") 1) (table 2 funcref) (data "later")
            (func $f (drop (table.grow (ref.null func) (i32.const 1))) (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 5)))
            (start $f) (func (export "_start")))"#;
        check(&wasm(text)).expect("nothing is wrong with it");
    }
}
