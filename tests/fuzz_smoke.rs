//! The fuzz targets `mailbox`, `imports` and `ipc` on a few seconds of seeded input, without cargo-fuzz. A failure names its seed.
//! `SKEP_FUZZ_ROUNDS` makes it longer. What is asserted stands in fuzz/fuzz_targets.
#[path = "../fuzz/fuzz_targets/imports_checks.rs"]
mod imports_checks;
#[path = "../fuzz/fuzz_targets/ipc_checks.rs"]
mod ipc_checks;
#[path = "../fuzz/fuzz_targets/mailbox_checks.rs"]
mod mailbox_checks;

/// SplitMix64: one seed, one input.
fn input(seed: u64, most: usize) -> Vec<u8> {
    let mut state = seed;
    let mut draw = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let len = (draw() % most as u64) as usize;
    (0..len.div_ceil(8)).flat_map(|_| draw().to_le_bytes()).collect()
}

fn rounds(check: fn(&[u8]), name: &str, usual: u64, most: usize) {
    let rounds = std::env::var("SKEP_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    for seed in 1..=rounds {
        let data = input(seed, most);
        assert!(std::panic::catch_unwind(|| check(&data)).is_ok(), "{name}, seed {seed}");
    }
}

#[test]
fn mailbox_smoke() {
    rounds(mailbox_checks::mailbox, "mailbox", 5_000, 600);
}

/// R01 of SECURITY-CASES: random calls agree with the model, and each call of the table is among them; each that is given a
/// handle was refused some and not refused others.
#[test]
fn imports_smoke() {
    rounds(imports_checks::imports, "imports", 300, 40_000);
    let made = imports_checks::MADE.lock().expect("no other test makes calls");
    for call in skep_abi::CALLS {
        let seen = made.get(call.name).copied().unwrap_or_default();
        assert!(seen.calls > 0, "{} was never called", call.name);
        if call.params.iter().any(|(_, ty)| *ty == skep_abi::Type::Handle) {
            // No program was granted, so there is no child to ask about.
            let child = call.name.starts_with("child_");
            assert!(seen.refused > 0 && (seen.taken > 0 || child), "{}: {seen:?}", call.name);
        }
    }
}

/// T-IPC of SECURITY-CASES: random bytes mostly fail at once, so half of the inputs are frames with a few bytes changed.
#[test]
fn ipc_smoke() {
    rounds(ipc_checks::ipc, "ipc", 3_000, 900);
    rounds(|data| ipc_checks::ipc(&frames(data)), "frames", 3_000, 400);
}

/// Frames by the bytes, one of them spoilt.
fn frames(data: &[u8]) -> Vec<u8> {
    use skep::proto::ipc::{Frame, Kind, encode};
    let mut out = vec![data.first().copied().unwrap_or(0)];
    for chunk in data.chunks(9) {
        let kind = Kind::ALL[usize::from(chunk[0]) % Kind::ALL.len()];
        let payload = vec![chunk[0]; chunk.len() % 9];
        encode(&mut out, &Frame { kind, fd: chunk[0] & 64 != 0, more: chunk[0] & 128 != 0, id: 1, payload: &payload });
    }
    if let [first, second, ..] = data {
        let at = 1 + (usize::from(*first) << 8 | usize::from(*second)) % out.len().saturating_sub(1).max(1);
        if let Some(byte) = out.get_mut(at) {
            *byte ^= 1 << (second % 8);
        }
    }
    out
}
