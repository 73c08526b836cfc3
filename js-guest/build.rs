//! Has `build/main.mjs` make the guest and puts it where `src/lib.rs` includes it from. Must not know how a guest is
//! made: compilers, patches and libraries are that script's business.

use std::env;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::time::{Duration, Instant};

const INPUTS: [&str; 10] = [
    "build",
    "engine",
    "engine-ext",
    "glue",
    "lib",
    "overlay",
    "patches",
    "package.json",
    "package-lock.json",
    "../guest-sdk/include",
];
const VARIABLES: [&str; 4] = ["SKEP_CC", "SKEP_JS_GUEST", "SKEP_JS_GUEST_NAMES", "SKEP_SYSROOT"];

/// Longer than this was not a rebuild of a few files, and cargo showed nothing meanwhile: say what it was.
const WORTH_A_WORD: Duration = Duration::from_secs(20);

fn main() {
    for input in INPUTS.iter().filter(|input| Path::new(input).exists()) {
        println!("cargo::rerun-if-changed={input}");
    }
    for variable in VARIABLES {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    let guest = out_dir.join("js-guest.wasm");
    match env::var_os("SKEP_JS_GUEST").filter(|file| !file.is_empty()) {
        Some(file) => take_ready_made(Path::new(&file), &guest),
        None => build(&out_dir, &guest),
    }
    write_digests(&guest);
}

/// So that the host need not take them at each start.
fn write_digests(guest: &Path) {
    let wasm = std::fs::read(guest).unwrap_or_else(|error| give_up(&format!("{}: {error}", guest.display())));
    let library = library_range(&wasm).unwrap_or(wasm.len()..wasm.len());
    let mut code = blake3::Hasher::new();
    code.update(&wasm[..library.start]).update(&wasm[library.end..]);
    for (name, digest) in [("code", code.finalize()), ("library", blake3::hash(&wasm[library]))] {
        let file = guest.with_extension(format!("{name}.blake3"));
        std::fs::write(&file, digest.as_bytes())
            .unwrap_or_else(|error| give_up(&format!("{}: {error}", file.display())));
    }
}

/// The custom section `skep.lib`, its head included. (The host's `module.rs` finds the same: a test of `launch.rs`
/// compares the digests.)
fn library_range(wasm: &[u8]) -> Option<Range<usize>> {
    const NAME: &[u8] = b"\x08skep.lib";
    let mut at = 8;
    while at < wasm.len() {
        let start = at;
        let (mut len, mut shift) = (0, 0);
        at += 1;
        loop {
            let byte = *wasm.get(at)?;
            at += 1;
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 || shift > 28 {
                break;
            }
        }
        let content = wasm.get(at..at.checked_add(len)?)?;
        at += len;
        if wasm[start] == 0 && content.starts_with(NAME) {
            return Some(start..at);
        }
    }
    None
}

/// Needs neither node nor a compiler.
fn take_ready_made(file: &Path, guest: &Path) {
    println!("cargo::rerun-if-changed={}", file.display());
    if let Err(error) = std::fs::copy(file, guest) {
        give_up(&format!("SKEP_JS_GUEST={}: {error}", file.display()));
    }
}

fn build(out_dir: &Path, guest: &Path) {
    let started = Instant::now();
    let status = Command::new("node")
        .arg("build/main.mjs")
        .arg("--out")
        .arg(guest)
        .arg("--cache")
        .arg(cache_dir(out_dir))
        .status();
    match status {
        Ok(status) if status.success() => {}
        // The script has said what is wrong.
        Ok(_) => exit(1),
        Err(error) => give_up(&format!(
            "cannot run node ({error}). The JavaScript guest is built from source with Node.js 20 or newer and npm: \
             install them, or name a ready-made guest with SKEP_JS_GUEST=FILE."
        )),
    }
    if started.elapsed() > WORTH_A_WORD {
        println!(
            "cargo::warning=built the JavaScript guest from source in {} s; later builds reuse its parts",
            started.elapsed().as_secs()
        );
    }
}

/// One cache for all profiles and features: the target folder, which cargo marks, is some levels above OUT_DIR.
fn cache_dir(out_dir: &Path) -> PathBuf {
    let target = out_dir.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    target.unwrap_or(out_dir).join("skep-js-guest")
}

fn give_up(reason: &str) -> ! {
    eprintln!("js-guest: {reason}");
    exit(1);
}
