//! What tenants print, cut into lines. They must not know where lines go.
use super::calm::SECOND;
use super::hive::Hive;

#[test]
fn long_lines_are_cut_once_however_they_come() {
    for (pieces, lengths) in [
        (&["64"][..], &[64][..]),
        (&["64", "64"], &[64, 64]),
        (&["65"], &[64, 1]),
        (&["63", "1", "1"], &[64, 1]),
        (&["160", "96"], &[64, 64, 64, 64]),
        (&["1000"], &[64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 40]),
    ] {
        // One piece a turn, and the line's end in one of its own.
        let code = format!(
            "const pieces = [{}]; serve(() => {{}});
             (function next() {{
               if (pieces.length === 0) return void process.stdout.write('\\n');
               process.stdout.write('x'.repeat(pieces.shift()));
               setTimeout(next, 10);
             }})();",
            pieces.join(",")
        );
        let mut hive = Hive::with(&code, |_, limits| limits.line_bytes = 64);
        let peer = hive.connect();
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
        hive.pass(SECOND);
        let log = hive.log();
        let told: Vec<usize> = log.lines().map(|line| line.strip_prefix("a: ").expect("its name").len()).collect();
        assert_eq!(told, lengths, "{pieces:?}");
    }
}
