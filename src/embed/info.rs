//! What an embedded guest is told of its world: as little as there is. It must not know who reads it.
use super::Policy;
use serde_json::json;

/// The start record.
pub(super) fn start_info(policy: &Policy) -> Vec<u8> {
    let info = json!({
        "argv": ["skep"],
        "execPath": "skep",
        "execArgv": [],
        "env": policy.env,
        "envHidden": false,
        "fork": false,
        "cwd": "/",
        // The process is not the guest's.
        "pid": 1,
        "ppid": 0,
        "nameservers": [],
        "platform": if cfg!(target_os = "macos") { "darwin" } else { "linux" },
        "arch": if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" },
        "mode": "host",
        "inputType": "commonjs",
        "tty": [false, false, false],
        "uid": 65_534,
        "gid": 65_534,
        "hostname": "localhost",
        "version": env!("CARGO_PKG_VERSION"),
        "memoryLimit": policy.limits.memory_bytes,
    });
    info.to_string().into_bytes()
}
