//! Which guest runs a program: a Wasm file is a guest itself, or a program for WASI; anything else is a script for the JavaScript guest. It must
//! not know how a guest is started.
use crate::guest::cache::{COMPILING, Digests, GuestFile};
use crate::guest::is_plain;
use crate::guest::module::WASM_BYTES;
use crate::launch::Program;
use anyhow::{Context as _, Result, anyhow, ensure};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Names a guest to run scripts on instead of the built-in one, for those who work on it.
const GUEST_VARIABLE: &str = "SKEP_JS_GUEST";

/// What a Wasm file begins with.
pub const MAGIC: &[u8; 4] = b"\0asm";

/// The guest of a program.
pub enum Chosen {
    /// The JavaScript guest that comes with this host.
    BuiltIn,
    /// Another one for scripts.
    Scripts(Vec<u8>),
    /// The program is a guest.
    Itself(Vec<u8>),
    /// The program is one for WASI, which knows no events.
    Plain(Vec<u8>),
}

impl Chosen {
    /// As the cache takes it.
    pub fn file(&self) -> GuestFile<'_> {
        match self {
            Chosen::BuiltIn => {
                let digests = Digests { code: skep_js_guest::CODE_DIGEST, library: skep_js_guest::LIBRARY_DIGEST };
                GuestFile::built_in(skep_js_guest::WASM, digests)
            }
            Chosen::Scripts(wasm) | Chosen::Itself(wasm) | Chosen::Plain(wasm) => GuestFile::from(wasm),
        }
    }

    /// What is said while it is compiled.
    pub fn compiling(&self) -> &'static str {
        match self {
            Chosen::Itself(_) | Chosen::Plain(_) => COMPILING,
            _ => "compiling the JavaScript engine for this machine (once)",
        }
    }
}

/// Looks at the program's first bytes; scripts run on the guest that was `named`, if one was.
///
/// # Errors
/// When the script cannot be found, or a file cannot be read or is too large.
pub fn choose(program: &Program, named: Option<&Path>) -> Result<Chosen> {
    if let Program::File(path) = program {
        let path = resolve(path)?;
        let mut file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut head = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut head).with_context(|| cannot_read(&path))?;
        if head == MAGIC {
            let wasm = rest_of(file, head, &path)?;
            return Ok(if is_plain(&wasm) { Chosen::Plain(wasm) } else { Chosen::Itself(wasm) });
        }
    }
    of_scripts(named)
}

/// The guest that runs scripts: the one that was named, or the built-in one.
///
/// # Errors
/// When the one that was named cannot be read.
pub fn of_scripts(named: Option<&Path>) -> Result<Chosen> {
    let Some(file) = named else { return Ok(Chosen::BuiltIn) };
    let wasm = std::fs::read(file).with_context(|| format!("{GUEST_VARIABLE}={}", file.display()))?;
    Ok(Chosen::Scripts(wasm))
}

/// What a developer of the JavaScript guest names by a variable.
pub fn named_guest() -> Option<PathBuf> {
    std::env::var_os(GUEST_VARIABLE).filter(|file| !file.is_empty()).map(PathBuf::from)
}

/// The whole file, if it is not larger than any guest may be.
fn rest_of(file: File, head: Vec<u8>, path: &Path) -> Result<Vec<u8>> {
    let mut wasm = head;
    file.take(WASM_BYTES as u64 + 1).read_to_end(&mut wasm).with_context(|| cannot_read(path))?;
    ensure!(wasm.len() <= WASM_BYTES, "{} is larger than {WASM_BYTES} bytes, the most that is taken", path.display());
    Ok(wasm)
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

/// The folder a script may read without asking: the nearest one upward with a package.json, else its own.
pub fn project_of(program: &Program) -> Result<Option<PathBuf>> {
    let start = match program {
        Program::File(path) => {
            let path = resolve(path)?;
            path.parent().map(Path::to_path_buf).unwrap_or(path)
        }
        Program::Eval { .. } | Program::Stdin { .. } | Program::Clone { .. } => {
            std::env::current_dir().context("the current folder is gone")?
        }
    };
    let found = start.ancestors().find(|folder| folder.join("package.json").is_file());
    Ok(Some(found.unwrap_or(&start).to_path_buf()))
}

/// The script's real path; its extension may be left out, and a folder means its index, as in Node.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    let tries = ["", ".js", ".mjs", ".cjs", ".json"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    let found = tries.iter().find(|path| path.is_file()).cloned();
    let found = found.or_else(|| Some(path.join("index.js")).filter(|path| path.is_file()));
    let Some(found) = found else {
        return Err(anyhow!("cannot find the script {} (MODULE_NOT_FOUND)", path.display()));
    };
    found.canonicalize().with_context(|| format!("cannot open {}", found.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_guest_has_the_digests_that_it_would_have_as_a_file() {
        let digests = Digests { code: skep_js_guest::CODE_DIGEST, library: skep_js_guest::LIBRARY_DIGEST };
        assert_eq!(digests, Digests::of(skep_js_guest::WASM));
    }
}
