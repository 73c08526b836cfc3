//! The HTTP/1.1 fuzz targets' checks on a few seconds of seeded input: real messages, mutated. A failure names its seed.
//! `SKEP_FUZZ_ROUNDS` makes it longer.

#[path = "../fuzz/fuzz_targets/http1_checks.rs"]
mod http1_checks;

const SEEDS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1337\r\n\r\n",
    b"POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n0\r\nX-T: v\r\nHost: b\r\n\r\nGET",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
    b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nExpect: 100-continue\r\n\r\n\x16\x03\x01",
    b"GET http://a:80/ HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.0 304 Not Modified\r\nETag: \"x\"\r\n\r\nHTTP/1.1 101 X\r\nUpgrade: y\r\n\r\ntunnel",
    b"5\r\nhello\r\n1;a=b;c\r\nx\r\n00\r\nA: b\r\n\r\n",
    b"ffffffffffffffff\r\nx",
    b"\x00Content-Type: text/plain\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n",
    b"\x11Content-Length: 5\r\nConnection: close\r\n",
    b"\x42Transfer-Encoding: chunked\r\nTrailer: X\r\nDate: now\r\n",
];

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"\x7f",
    b"\xff",
    b"0",
    b"5",
    b"f",
    b";",
    b",",
    b"\r\n\r\n",
    b"chunked",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: a\r\n",
    b"GET ",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"Connection: close\r\n",
    b"X: y\r\n",
    b"0\r\n\r\n",
    b"close",
    b"\r\n ",
    b"*",
    b"/",
    b"http://a",
    b"#",
    b"999999999999999999",
    b"Expect: 100-continue\r\n",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

fn mutated(rng: &mut Rng) -> Vec<u8> {
    let mut data = SEEDS[rng.below(SEEDS.len())].to_vec();
    for _ in 0..rng.below(5) {
        let at = rng.below(data.len() + 1);
        let to = (at + rng.below(12)).min(data.len());
        match rng.below(6) {
            0 => drop(data.splice(at..at, WORDS[rng.below(WORDS.len())].iter().copied())),
            1 => drop(data.splice(at..to, WORDS[rng.below(WORDS.len())].iter().copied())),
            2 => drop(data.drain(at..to)),
            3 => {
                let copy = data[at..to].repeat(1 + rng.below(40));
                data.splice(at..at, copy);
            }
            4 if at < data.len() => data[at] = rng.below(256) as u8,
            _ => data.extend_from_slice(SEEDS[rng.below(SEEDS.len())]),
        }
        data.truncate(2_048);
    }
    data
}

fn rounds(check: fn(&[u8]), name: &str) {
    let rounds = std::env::var("SKEP_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000_u64);
    for seed in 1..=rounds {
        let data = mutated(&mut Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        if std::panic::catch_unwind(|| check(&data)).is_err() {
            panic!("{name}, seed {seed}: {:?}", String::from_utf8_lossy(&data));
        }
    }
}

#[test]
fn http1_request_smoke() {
    rounds(http1_checks::request, "request");
}

#[test]
fn http1_response_smoke() {
    rounds(http1_checks::response, "response");
}

#[test]
fn http1_chunked_smoke() {
    rounds(http1_checks::chunked, "chunked");
}

#[test]
fn http1_encode_smoke() {
    rounds(http1_checks::encode, "encode");
}
