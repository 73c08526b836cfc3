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

#[test]
fn text_in_an_older_encoding_is_decoded_however_it_is_cut() {
    let code = "
        const cases = { gbk: [0xC4, 0xE3, 0xBA, 0xC3], shift_jis: [0x93, 0xFA, 0x96, 0x7B], 'koi8-r': [0xF0, 0xD2, 0xC9],
          'iso-2022-jp': [0x1B, 0x24, 0x42, 0x46, 0x7C, 0x1B, 0x28, 0x42, 0x41], latin1: [0x80, 0xE9] };
        for (const [label, bytes] of Object.entries(cases)) {
          const decoder = new TextDecoder(label);
          let parts = '';
          for (const byte of bytes) parts += decoder.decode(new Uint8Array([byte]), { stream: true });
          parts += decoder.decode();
          console.log(decoder.encoding, parts, decoder.decode(new Uint8Array(bytes)) === parts);
        }
        try { new TextDecoder('gbk', { fatal: true }).decode(new Uint8Array([0xD2, 0xFF])); } catch (e) { console.log(e.code); }";
    let done = run(code);
    assert_eq!(done.code, Some(0), "{}", done.err);
    let expected = "gbk 你好 true\nshift_jis 日本 true\nkoi8-r При true\niso-2022-jp 日A true\nwindows-1252 €é true\n\
                    ERR_ENCODING_INVALID_ENCODED_DATA\n";
    assert_eq!(done.out, expected);
}

#[test]
fn ports_and_channels_carry_clones_between_turns() {
    let code = "
        const { port1, port2 } = new MessageChannel();
        const bytes = new ArrayBuffer(4);
        port2.on('message', (message) => {
          console.log(message.n, message.bytes?.byteLength, bytes.byteLength);
          if (message.n === 2) port2.close();
        });
        port1.postMessage({ n: 1 });
        port1.postMessage({ n: 2, bytes }, [bytes]);
        const [one, other] = [new BroadcastChannel('hive'), new BroadcastChannel('hive')];
        other.onmessage = ({ data }) => { console.log(data); one.close(); other.close(); };
        one.postMessage('buzz');
        console.log('sent');";
    let done = run(code);
    assert_eq!(done.code, Some(0), "{}", done.err);
    let mut lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(lines.remove(0), "sent");
    lines.sort_unstable();
    assert_eq!(lines, ["1 undefined 0", "2 4 0", "buzz"]);
}
