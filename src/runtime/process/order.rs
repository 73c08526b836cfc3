//! Orders: what a child is to run and what it may do, as JSON on its channel; and what of this process every child shares.
//! A child's powers are those of the guest that starts it, never more. It must not know how a script is run.
use crate::guest::GuestState;
use crate::policy::{FolderGrant, Grants, HttpLimits, Limits, NetRule, Rate, Run};
use crate::proto::ipc;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// What this process was started with, and hands on to those that it starts.
#[derive(Clone, Debug)]
pub struct Origin {
    /// This program, to be started again.
    pub program: PathBuf,
    /// Where compiled code and images are kept.
    pub cache: Option<PathBuf>,
    /// A guest to run scripts on instead of the built-in one.
    pub guest: Option<PathBuf>,
    /// What the kernel lacks to confine a process is an error.
    pub confine: bool,
    /// Those that may start programs have limits of resources only.
    pub unconfined: bool,
    pub frames: ipc::Limits,
    /// Starts at once, and a second.
    pub fork_rate: (u32, u32),
    pub offers: u32,
    pub orphan: Duration,
}

impl Default for Origin {
    fn default() -> Origin {
        Origin::new(&Limits::default())
    }
}

impl Origin {
    pub fn new(limits: &Limits) -> Origin {
        Origin {
            program: PathBuf::from("/proc/self/exe"),
            cache: None,
            guest: None,
            confine: false,
            unconfined: false,
            frames: ipc::Limits {
                frame_bytes: limits.frame_bytes as usize,
                message_bytes: limits.message_bytes as usize,
            },
            fork_rate: (limits.fork_burst, limits.forks_per_second),
            offers: limits.offers,
            orphan: Duration::from_millis(u64::from(limits.orphan_ms)),
        }
    }
}

/// One order, as the child reads it.
#[derive(Clone, Debug, Default)]
pub struct ChildOrder {
    /// `file`, `eval`, `print`, `stdin`; or `clone`, which runs nothing from its beginning.
    pub mode: String,
    pub main: Option<String>,
    pub source: Option<String>,
    pub module: bool,
    pub exec_argv: Vec<String>,
    /// From library to library.
    pub info: Value,
    pub argv0: String,
    pub args: Vec<String>,
    pub env: Map<String, Value>,
    pub folder: Option<PathBuf>,
    pub grants: Grants,
    pub limits: Limits,
    pub cache: Option<PathBuf>,
    pub guest: Option<PathBuf>,
    pub confine: bool,
    pub unconfined: bool,
    /// Whether the guest is to have a channel.
    pub channel: bool,
    pub depth: u32,
}

impl ChildOrder {
    /// Reads what [`ChildOrder::to_json`] wrote; none when it is anything else.
    pub fn from_json(text: &[u8]) -> Option<ChildOrder> {
        let order: Value = serde_json::from_slice(text).ok()?;
        let text = |key: &str| order[key].as_str().map(str::to_owned);
        let path = |key: &str| text(key).map(PathBuf::from);
        let texts = |key: &str| order[key].as_array().map(|list| list.iter().filter_map(owned).collect());
        Some(ChildOrder {
            mode: text("mode")?,
            main: text("main"),
            source: text("source"),
            module: order["module"].as_bool()?,
            exec_argv: texts("execArgv")?,
            info: order["info"].clone(),
            argv0: text("argv0")?,
            args: texts("args")?,
            env: order["env"].as_object()?.clone(),
            folder: path("folder"),
            grants: read_grants(&order["grants"])?,
            limits: read_limits(&order["limits"])?,
            cache: path("cache"),
            guest: path("guest"),
            confine: order["confine"].as_bool()?,
            unconfined: order["unconfined"].as_bool()?,
            channel: order["channel"].as_bool()?,
            depth: u32::try_from(order["depth"].as_u64()?).ok()?,
        })
    }

    /// The order as it travels.
    pub fn to_json(&self) -> String {
        json!({
            "mode": self.mode,
            "main": self.main,
            "source": self.source,
            "module": self.module,
            "execArgv": self.exec_argv,
            "info": self.info,
            "argv0": self.argv0,
            "args": self.args,
            "env": self.env,
            "folder": self.folder,
            "grants": write_grants(&self.grants),
            "limits": {
                "memory": self.limits.memory_bytes,
                "ofTree": self.limits.memory_of_tree,
                "cpu": self.limits.cpu_total.map(|cpu| cpu.as_nanos() as u64),
                "cpuRate": self.limits.cpu_ns.map(|rate| [rate.per_second, rate.burst]),
                "disk": [self.limits.disk_bytes, self.limits.disk_entries, self.limits.disk_file_bytes],
                "asNode": self.limits.http.as_node,
            },
            "cache": self.cache,
            "guest": self.guest,
            "confine": self.confine,
            "unconfined": self.unconfined,
            "channel": self.channel,
            "depth": self.depth,
        })
        .to_string()
    }

    /// A module is its own code, and the kit is that of scripts: making one for it could take seconds. (One that has another
    /// name finds that out.)
    pub(super) fn is_module(&self) -> bool {
        self.main.as_deref().is_some_and(|main| main.ends_with(".wasm"))
    }

    /// To go on from an image, whose code is that of a module, or of scripts.
    pub(super) fn of_clone(module: bool) -> ChildOrder {
        ChildOrder { mode: "clone".into(), module, ..ChildOrder::default() }
    }

    /// What a guest's library asks for, in its own words; none when they make no sense.
    pub(super) fn of_program(text: &str) -> Option<ChildOrder> {
        let program: Value = serde_json::from_str(text).ok()?;
        let text = |key: &str| program[key].as_str().map(str::to_owned);
        let mode = text("mode").filter(|mode| ["file", "eval", "print", "stdin", "check"].contains(&mode.as_str()))?;
        let needed = match mode.as_str() {
            "file" | "check" => program["main"].is_string(),
            "eval" | "print" => program["source"].is_string(),
            _ => true,
        };
        let order = ChildOrder {
            main: text("main"),
            source: text("source"),
            module: program["inputType"] == "module",
            exec_argv: program["execArgv"]
                .as_array()
                .map(|list| list.iter().filter_map(owned).collect())
                .unwrap_or_default(),
            info: program["info"].clone(),
            mode,
            ..ChildOrder::default()
        };
        needed.then_some(order)
    }
}

fn owned(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn write_grants(grants: &Grants) -> Value {
    let rule = |rule: &NetRule| json!([rule.host.map(|host| host.to_string()), rule.port]);
    let folder = |grant: &FolderGrant| json!([grant.folder, grant.write]);
    json!({
        "net": grants.net.iter().map(rule).collect::<Vec<_>>(),
        "listenAny": grants.listen_any,
        // A child has no front that would bring it connections.
        "listenNone": grants.listen_none || grants.listen_virtual,
        "folders": grants.folders.iter().map(folder).collect::<Vec<_>>(),
        "env": grants.env,
        "envAll": grants.env_all,
        "input": grants.input,
        "fork": grants.fork,
        "run": match &grants.run {
            Run::None => json!({}),
            Run::Named(names) => json!(names),
            Run::All => json!(true),
        },
    })
}

fn read_grants(grants: &Value) -> Option<Grants> {
    let rule = |rule: &Value| {
        let host = match rule[0].as_str() {
            Some(host) => Some(host.parse().ok()?),
            None => None,
        };
        let port = match rule[1].as_u64() {
            Some(port) => Some(u16::try_from(port).ok()?),
            None => None,
        };
        Some(NetRule { host, port })
    };
    let folder = |grant: &Value| Some(FolderGrant { folder: grant[0].as_str()?.into(), write: grant[1].as_bool()? });
    let run = match &grants["run"] {
        Value::Bool(true) => Run::All,
        Value::Object(names) if !names.is_empty() => {
            let named = |(name, path): (&String, &Value)| Some((name.clone(), PathBuf::from(path.as_str()?)));
            Run::Named(names.iter().map(named).collect::<Option<_>>()?)
        }
        _ => Run::None,
    };
    Some(Grants {
        net: grants["net"].as_array()?.iter().map(rule).collect::<Option<_>>()?,
        listen_any: grants["listenAny"].as_bool()?,
        listen_none: grants["listenNone"].as_bool()?,
        listen_virtual: false,
        folders: grants["folders"].as_array()?.iter().map(folder).collect::<Option<_>>()?,
        env: grants["env"].as_array()?.iter().filter_map(owned).collect(),
        env_all: grants["envAll"].as_bool()?,
        env_hidden: Default::default(), // of the process itself: found where it starts
        input: grants["input"].as_bool()?,
        fork: u32::try_from(grants["fork"].as_u64()?).ok()?,
        run,
        no_signals: false, // a process of its own
        // The program that this host is part of is not the child's.
        functions: Default::default(),
    })
}

fn read_limits(limits: &Value) -> Option<Limits> {
    let cpu_total = limits["cpu"].as_u64().map(Duration::from_nanos);
    let http = HttpLimits { as_node: limits["asNode"].as_bool()?, ..HttpLimits::default() };
    let rate = |rate: &Value| Some(Rate { per_second: rate[0].as_u64()?, burst: rate[1].as_u64()? });
    Some(Limits {
        memory_bytes: limits["memory"].as_u64()?,
        memory_of_tree: limits["ofTree"].as_bool()?,
        cpu_total,
        cpu_ns: rate(&limits["cpuRate"]),
        disk_bytes: limits["disk"][0].as_u64(),
        disk_entries: limits["disk"][1].as_u64(),
        disk_file_bytes: limits["disk"][2].as_u64(),
        http,
        ..Limits::default()
    })
}

/// The environment of a guest, as it was told at its start.
pub(super) fn environment(state: &GuestState) -> Map<String, Value> {
    let info: Value = serde_json::from_slice(&state.start_info).unwrap_or_default();
    info["env"].as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_comes_out_as_it_went_in() {
        let mut order = ChildOrder::of_program(r#"{"mode":"file","main":"/a.js","execArgv":["--x"],"info":{"a":1}}"#)
            .expect("it makes sense");
        order.grants = Grants {
            net: vec![NetRule { host: Some([127, 0, 0, 1].into()), port: Some(1) }, NetRule { host: None, port: None }],
            folders: vec![FolderGrant { folder: "/x".into(), write: true }],
            run: Run::Named([("sh".to_owned(), "/bin/sh".into())].into()),
            fork: 7,
            ..Grants::default()
        };
        order.limits.http.as_node = true;
        order.limits.disk_entries = Some(9);
        let back = ChildOrder::from_json(order.to_json().as_bytes()).expect("it is one of ours");
        assert_eq!(back.to_json(), order.to_json());
        assert_eq!(back.grants.run, order.grants.run);
        assert_eq!(back.grants.net, order.grants.net);
        assert!(back.limits.http.as_node);
        assert_eq!((back.limits.disk_bytes, back.limits.disk_entries), (None, Some(9)));
    }

    #[test]
    fn what_is_no_order_is_none() {
        for text in ["", "{}", "[]", "{\"mode\":1}", "null"] {
            assert!(ChildOrder::from_json(text.as_bytes()).is_none(), "{text}");
        }
        for text in [r#"{"mode":"file"}"#, r#"{"mode":"eval"}"#, r#"{"mode":"sh","main":"x"}"#] {
            assert!(ChildOrder::of_program(text).is_none(), "{text}");
        }
    }
}
