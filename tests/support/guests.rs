//! Guests that are not JavaScript, built for the tests: in Rust by each compiler that can be had, in C by npm's clang (or
//! `SKEP_CC`). It must not know what a guest does.
#![allow(dead_code, reason = "each test file uses its part")]
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A Rust compiler with a target for WebAssembly.
#[derive(Debug)]
pub struct Compiler {
    pub name: String,
    pub target: &'static str,
    program: PathBuf,
    words: Vec<String>,
    libraries: Option<String>,
}

const TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip1"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() {
        eprintln!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success().then_some(text)
}

/// Set where it is an error that no compiler can be had.
pub const REQUIRED: &str = "SKEP_REQUIRE_COMPILERS";

/// Every compiler that can be had here. What cannot is told on standard error.
pub fn compilers() -> &'static [Compiler] {
    static FOUND: OnceLock<Vec<Compiler>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found: Vec<Compiler> = TARGETS.into_iter().filter_map(current).collect();
        found.extend(old());
        let none = format!("no Rust compiler for WebAssembly can be had: `rustup target add {}`", TARGETS[0]);
        assert!(!found.is_empty() || std::env::var_os(REQUIRED).is_none(), "{none}");
        if found.is_empty() {
            eprintln!("{none}; guests in Rust are not tested");
        }
        found
    })
}

/// The compiler that built this, with the target of rustup: added when it is missing.
fn current(target: &'static str) -> Option<Compiler> {
    let libraries = output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]));
    if !libraries.is_some_and(|folder| Path::new(&folder).is_dir()) {
        output(Command::new("rustup").args(["target", "add", target])).or_else(|| {
            eprintln!("rustup has no target {target} here: not tested with it");
            None
        })?;
    }
    let name = format!("rustc for {target}");
    Some(Compiler { name, target, program: "rustc".into(), words: Vec::new(), libraries: None })
}

/// Rust 1.63, from Debian's packages.
fn old() -> Vec<Compiler> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-rust");
    let script = root().join("guest-sdk/debian-rust.sh");
    let Some(sysroot) = output(Command::new("sh").arg(script).arg(folder)) else {
        eprintln!("Debian's rustc 1.63 cannot be had here: not tested with it");
        return Vec::new();
    };
    let linker = output(Command::new("rustc").args(["--print", "sysroot"])).expect("rustc knows where it stands");
    let host = output(Command::new("rustc").arg("-vV")).expect("rustc knows its version");
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned();
    let compiler = |target: &'static str| Compiler {
        name: format!("rustc 1.63 for {target}"),
        target,
        program: Path::new(&sysroot).join("bin/rustc"),
        words: vec![
            format!("--sysroot={sysroot}"),
            format!("-Clinker={linker}/lib/rustlib/{host}/bin/rust-lld"),
            "-Clinker-flavor=wasm-ld".into(),
            "-Clink-arg=--no-fatal-warnings".into(),
        ],
        libraries: Some(format!("{sysroot}/lib/x86_64-linux-gnu:{sysroot}/lib/llvm-14/lib")),
    };
    // The older name of wasm32-wasip1.
    vec![compiler("wasm32-unknown-unknown"), compiler("wasm32-wasi")]
}

impl Compiler {
    /// Builds a guest from one file; answers the module's.
    pub fn build(&self, source: &Path, folder: &Path) -> PathBuf {
        let sdk = root().join("guest-sdk");
        let library = |name: &str| folder.join(format!("lib{name}.rlib"));
        let extern_of = |name: &str| format!("--extern={name}={}", library(name).display());
        self.run(&["--crate-type=rlib", "--crate-name=skep_abi"], &sdk.join("abi/src/lib.rs"), &library("skep_abi"));
        let guest = ["--crate-type=rlib", "--crate-name=skep_guest", &extern_of("skep_abi")];
        self.run(&guest, &sdk.join("src/lib.rs"), &library("skep_guest"));
        let module = folder.join("guest.wasm");
        let search = format!("-L{}", folder.display());
        self.run(&["--crate-type=cdylib", "--crate-name=guest", &extern_of("skep_guest"), &search], source, &module);
        module
    }

    /// Builds a plain WASI program from one file, without the SDK; answers the module's.
    pub fn build_command(&self, source: &Path, folder: &Path) -> PathBuf {
        let module = folder.join("command.wasm");
        self.run(&["--crate-type=bin", "--crate-name=command"], source, &module);
        module
    }

    fn run(&self, words: &[&str], source: &Path, out: &Path) {
        let mut command = Command::new(&self.program);
        command.args([
            "--edition=2021",
            "-Copt-level=2",
            "-Cpanic=abort",
            "-Cstrip=debuginfo",
            "--target",
            self.target,
        ]);
        command.args(&self.words).args(words).arg(source).arg("-o").arg(out);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        assert!(output(&mut command).is_some(), "{} builds {}", self.name, source.display());
    }
}

/// Builds a guest from one C file and the SDK's.
pub fn build_c(source: &Path, folder: &Path, define: &str) -> PathBuf {
    cc(source, &folder.join("guest.wasm"), &["-D", define])
}

/// Builds a plain WASI program from one C file and the C library.
pub fn build_c_command(source: &Path, folder: &Path) -> PathBuf {
    cc(source, &folder.join("command.wasm"), &["--command"])
}

fn cc(source: &Path, module: &Path, words: &[&str]) -> PathBuf {
    let mut command = Command::new("node");
    command.arg(root().join("guest-sdk/c/cc.mjs")).arg(source).args(words).arg("-o").arg(module);
    assert!(output(&mut command).is_some(), "{} is built", source.display());
    module.to_owned()
}
