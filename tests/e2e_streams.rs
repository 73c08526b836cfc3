//! Streams, web streams and events inside a guest: the scripts of tests/js print what Node prints.
mod support;

use support::run;

#[test]
fn streams_end_drain_abort_and_cross_to_the_web_as_nodes_do() {
    let done = run(include_str!("js/streams.js"));
    assert_eq!(done.code, Some(0), "{}", done.err);
    let expected = "AB r:end w:prefinish w:finish w:close r:close\n\
                    drained true 0\n\
                    AbortError ABORT_ERR true\n\
                    h\u{e9}llo true\n\
                    no more true true\n";
    assert_eq!(done.out, expected);
}
