//! The fuzz targets `mailbox` and `imports` on a few seconds of seeded input, without cargo-fuzz. A failure names its seed.
//! `SKEP_FUZZ_ROUNDS` makes it longer. What is asserted stands in fuzz/fuzz_targets.
#[path = "../fuzz/fuzz_targets/imports_checks.rs"]
mod imports_checks;
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

/// R01 of SECURITY-CASES: random calls agree with the model.
#[test]
fn imports_smoke() {
    rounds(imports_checks::imports, "imports", 300, 40_000);
}
