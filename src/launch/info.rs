//! What a guest is told of its world when it starts. It must not know how it is started.
use super::{Order, Program};
use crate::policy::Grants;
use crate::program;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// What a script is told of the world around it, besides its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub env: serde_json::Map<String, serde_json::Value>,
    /// Programs and libraries that started it said this of it.
    pub info: serde_json::Value,
    pub argv0: Option<String>,
    pub depth: u32,
    /// Where it stands, if not where this process does; then it has no terminal either.
    pub folder: Option<PathBuf>,
}

impl World {
    /// The process's own.
    pub fn own() -> Result<World> {
        let env = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .map(|(key, value)| (key, value.into()))
            .collect();
        Ok(World { env, ..World::default() })
    }
}

/// Names of this process's variables that are not granted, nor given by whoever started it.
pub(super) fn hidden_variables(grants: &Grants, world: &World) -> BTreeSet<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| !grants.env(name) && !world.env.contains_key(name)).collect()
}

/// What the guest is told of its world, as JSON.
pub(crate) fn start_info(order: &Order, world: &World) -> Result<String> {
    let exe = std::env::current_exe().context("the path of this program is unknown")?;
    let exe = exe.to_string_lossy().into_owned();
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    let mut argv = vec![exe.clone()];
    let (mode, main, source, module) = match &order.program {
        Program::File(path) => {
            let main = program::resolve(path)?.to_string_lossy().into_owned();
            argv.push(main.clone());
            (if order.check { "check" } else { "file" }, Some(main), None, false)
        }
        Program::Eval { source, print, module } => {
            (if *print { "print" } else { "eval" }, None, Some(source.clone()), *module)
        }
        Program::Stdin { module } => ("stdin", None, None, *module),
        Program::Clone { .. } => ("clone", None, None, false),
    };
    argv.extend(order.args.iter().map(text));
    let mut exec_argv = order.node_flags.clone();
    if module {
        exec_argv.push("--input-type=module".into());
    }
    let cwd = match &world.folder {
        Some(folder) => folder.clone(),
        None => std::env::current_dir().context("the current folder is gone")?,
    };
    let tty = match world.folder {
        Some(_) => [false; 3],
        None => [std::io::stdin().is_terminal(), std::io::stdout().is_terminal(), std::io::stderr().is_terminal()],
    };
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let info = json!({
        "argv": argv,
        "execPath": exe,
        "execArgv": exec_argv,
        "env": world.env,
        "envHidden": !order.grants.env_hidden.is_empty(),
        "info": world.info,
        "argv0": world.argv0,
        "fork": order.grants.fork > 0,
        "cwd": cwd.to_string_lossy(),
        "pid": std::process::id(),
        "ppid": rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get()),
        "nameservers": nameservers(order),
        "platform": if cfg!(target_os = "macos") { "darwin" } else { "linux" },
        "arch": if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" },
        "mode": mode,
        "main": main,
        "source": source,
        "inputType": if module { "module" } else { "commonjs" },
        "tty": tty,
        "uid": uid,
        "gid": gid,
        "hostname": "localhost",
        "version": env!("CARGO_PKG_VERSION"),
        "memoryLimit": order.limits.memory_bytes,
    });
    Ok(info.to_string())
}

/// The system's name servers, for a script that may ask one: those of /etc/resolv.conf, as a resolver reads it.
fn nameservers(order: &Order) -> Vec<String> {
    if order.grants.net.is_empty() {
        return Vec::new();
    }
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let words = text.lines().filter_map(|line| line.strip_prefix("nameserver"));
    let numeric = words.map(str::trim).filter(|word| word.parse::<std::net::IpAddr>().is_ok());
    numeric.map(str::to_owned).collect()
}
