//! The command line: words to an order, and the order's end to an exit code. It must not know how a
//! script is run.
use crate::launch::{self, Confine, Order, Program};
use crate::policy::words::{bytes, net_rule, size, span};
use crate::policy::{FolderGrant, Grants, Limits, NetRule, Rate, Run};
use crate::program;
use crate::runtime::{CHILD_WORD, LogFormat, OPTIONS};
use crate::serve;
use crate::top;
use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code of a wrong command line, as Node's.
const USAGE: u8 = 9;

/// Words that name a command; anything else is a script for `run`.
const COMMANDS: &[&str] = &["run", "check", "serve", "top", "help"];

/// Node's options with a value: name, letter, value's name, help.
const NODE_VALUES: &[(&str, Option<char>, &str, &str)] = &[
    ("require", Some('r'), "MODULE", "Require this module first"),
    ("import", None, "MODULE", "Import this module first"),
    ("conditions", Some('C'), "NAME", "A condition for a package's exports and imports"),
    ("unhandled-rejections", None, "MODE", "What a rejection that nobody handles does: throw, strict, warn, none..."),
    ("stack-trace-limit", None, "FRAMES", "How many frames a stack trace has"),
];

/// Node's options without one.
const NODE_SWITCHES: &[&str] = &[
    "no-warnings",
    "trace-warnings",
    "no-deprecation",
    "trace-deprecation",
    "throw-deprecation",
    "pending-deprecation",
    "trace-uncaught",
    "expose-gc",
    "expose-internals",
    "preserve-symlinks",
    "preserve-symlinks-main",
    "no-experimental-require-module",
];

/// Runs the program; `words` includes its name.
pub fn main(words: Vec<OsString>) -> ExitCode {
    if words.len() == 2 && words[1] == CHILD_WORD {
        return exit_code(launch::run_child());
    }
    let matches = match command().try_get_matches_from(with_command(words)) {
        Ok(matches) => matches,
        Err(error) => {
            let _closed = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    if let Some(option) = stray_option(&matches) {
        eprintln!("skep: bad option: {option} (options of skep come before the script; see `skep --help`)");
        return ExitCode::from(USAGE);
    }
    let done = match matches.subcommand() {
        Some(("check", matches)) => order(matches, true).and_then(launch::run),
        Some(("top", matches)) => show_top(matches),
        Some(("serve", matches)) => wish(matches).and_then(|wish| serve::run(&wish)),
        Some((_, matches)) => order(matches, false).and_then(launch::run),
        None => {
            let _closed = command().print_help();
            return ExitCode::from(USAGE);
        }
    };
    exit_code(done)
}

fn exit_code(done: Result<i32>) -> ExitCode {
    match done {
        Ok(code) => ExitCode::from(code as u8),
        Err(error) => {
            eprintln!("skep: {error:#}");
            ExitCode::from(1)
        }
    }
}

/// A word that looks like an option of ours where the script should stand.
fn stray_option(matches: &ArgMatches) -> Option<String> {
    let (_, matches) = matches.subcommand().filter(|(name, _)| !["serve", "top"].contains(name))?;
    if matches.contains_id("eval") || matches.contains_id("print") {
        return None;
    }
    let first = matches.get_many::<OsString>("words")?.next()?.to_string_lossy().into_owned();
    (first.starts_with('-') && first.len() > 1 && !PathBuf::from(&first).exists()).then_some(first)
}

/// `skep FILE` and `skep -e CODE` mean `skep run ...`.
fn with_command(mut words: Vec<OsString>) -> Vec<OsString> {
    let first = words.get(1).map(|word| word.to_string_lossy().into_owned());
    let own = |word: &str| COMMANDS.contains(&word) || ["-h", "--help", "-V", "--version", "-v"].contains(&word);
    if first.is_some_and(|first| !own(&first)) {
        words.insert(1, "run".into());
    }
    // A script's program starts us again: what the script may do, ours may.
    if let (Ok(options), Some("run")) = (std::env::var(OPTIONS), words.get(1).and_then(|word| word.to_str())) {
        words.splice(2..2, options.lines().map(OsString::from));
    }
    words
}

fn command() -> Command {
    let version = env!("CARGO_PKG_VERSION");
    Command::new("skep")
        .version(version)
        .disable_version_flag(true)
        .about("Runs untrusted Node-style scripts in WebAssembly cells")
        .arg(
            Arg::new("version")
                .short('V')
                .short_alias('v')
                .long("version")
                .action(ArgAction::Version)
                .help("Print the version"),
        )
        .subcommand(script_command("run", "Run a script (the default: `skep FILE` is `skep run FILE`)"))
        .subcommand(script_command("check", "Parse a script without running it"))
        .subcommand(serve_command())
        .subcommand(top_command())
        .after_help(
            "A script may listen on unprivileged ports, read the project it stands in and write to standard output; \
             everything else is granted by name.",
        )
}

fn node_options() -> impl Iterator<Item = Arg> {
    let values = NODE_VALUES.iter().map(|&(name, letter, value, help)| {
        let arg = Arg::new(name).long(name).value_name(value).action(ArgAction::Append).help(help);
        match letter {
            Some(letter) => arg.short(letter),
            None => arg,
        }
    });
    let switch = |&name: &&'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help("As Node's");
    values.chain(NODE_SWITCHES.iter().map(switch))
}

fn confinement_options() -> [Arg; 3] {
    let switch =
        |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    [
        switch(
            "confine",
            "Have the kernel refuse this process what is not granted (Linux; child processes always are)",
        ),
        switch("require-confinement", "Fail where the kernel cannot confine what is to be confined"),
        switch("unconfined", "Let child processes that may start programs live without a filter of system calls")
            .conflicts_with("require-confinement"),
    ]
}

fn limit_options() -> [Arg; 6] {
    let limit = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    [
        limit("memory", "SIZE", "Memory of the script and all that it forks, e.g. 64M (default 512M for each)"),
        limit("cpu", "TIME", "CPU it and all that it forks may use, e.g. 500ms or 10s (default: no limit)"),
        limit(
            "cpu-rate",
            "TIME",
            "CPU they may use a second, e.g. 500ms or 2s, and rest beyond it (default: no limit)",
        ),
        limit("disk", "SIZE", "Bytes in all folders that they may write, e.g. 1G; more is EDQUOT (default: no limit)"),
        limit("disk-entries", "N", "Files and folders in these; more is EDQUOT (default: no limit)"),
        limit("disk-file", "SIZE", "Bytes that one file may grow to; more is EFBIG (default: no limit)"),
    ]
}

fn script_command(name: &'static str, about: &'static str) -> Command {
    let list = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("")
            .action(ArgAction::Append)
            .help(help)
    };
    let path = Arg::new("allow-fs")
        .long("allow-fs")
        .value_name("PATH[:rw]")
        .action(ArgAction::Append)
        .value_parser(clap::value_parser!(OsString));
    Command::new(name)
        .about(about)
        .args(node_options())
        .arg(Arg::new("eval").short('e').long("eval").value_name("CODE").help("Run this code"))
        .arg(
            Arg::new("print")
                .short('p')
                .long("print")
                .value_name("CODE")
                .conflicts_with("eval")
                .help("Run this code and print its value"),
        )
        .arg(
            Arg::new("input-type")
                .long("input-type")
                .value_name("TYPE")
                .value_parser(["commonjs", "module"])
                .help("What the code of -e is"),
        )
        .arg(list("allow-net", "HOST:PORT,...", "Let the script connect (to these addresses)"))
        .arg(
            Arg::new("allow-listen")
                .long("allow-listen")
                .action(ArgAction::SetTrue)
                .help("Let it listen on ports below 1024 and UNIX sockets"),
        )
        .arg(
            Arg::new("deny-listen")
                .long("deny-listen")
                .action(ArgAction::SetTrue)
                .help("Let it listen nowhere, not even on a free port"),
        )
        .arg(path.help("Let it read (and write) this folder"))
        .arg(list("allow-env", "KEY,...", "Let it see the environment (these variables)"))
        .arg(list("allow-fork", "N", "Let it start processes, at most N in all"))
        .arg(list("allow-run", "NAME,...", "Let it start other programs (these), which no grant confines"))
        .arg(Arg::new("allow-all").short('A').long("allow-all").action(ArgAction::SetTrue).help("Grant all of these"))
        .args(confinement_options())
        .args(limit_options())
        .arg(
            Arg::new("http").long("http").value_name("AS").value_parser(["strict", "node"]).help(
                "Refuse messages that others may read differently (the default), or take what Node's parser takes",
            ),
        )
        .arg(
            Arg::new("words")
                .value_name("FILE [ARGS]")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(clap::value_parser!(OsString)),
        )
}

fn serve_command() -> Command {
    let path = Arg::new("place").value_name("DIR|FILE.toml").required(true).value_parser(clap::value_parser!(PathBuf));
    let listen = Arg::new("listen").long("listen").value_name("ADDRESS:PORT").action(ArgAction::Append);
    let check = Arg::new("check").long("check").action(ArgAction::SetTrue);
    let processes = Arg::new("processes").long("processes").value_name("N");
    let processes = processes.value_parser(clap::value_parser!(u16).range(1..=1024));
    let loops = Arg::new("loops").long("loops").value_name("N").conflicts_with_all(["processes", "process-per-tenant"]);
    let loops = loops.value_parser(clap::value_parser!(u16).range(1..=1024));
    let per_tenant = Arg::new("process-per-tenant").long("process-per-tenant").action(ArgAction::SetTrue);
    let required = Arg::new("require-confinement").long("require-confinement").action(ArgAction::SetTrue);
    Command::new("serve")
        .about("Serve many tenants, each in a cell of its own")
        .arg(path.help("A folder with a folder for each tenant, or a file that names them"))
        .arg(listen.help("Listen here, whatever the configuration says"))
        .args(admin_options())
        .args(front_options())
        .arg(loops.help("Loops of this process that tenants are spread over (default: one a core)"))
        .arg(processes.help(
            "Processes of each group of tenants, and of those without one together (default: 1; without groups loops)",
        ))
        .arg(per_tenant.help("Give each tenant a process of its own"))
        .arg(required.help("Fail where the kernel cannot confine processes of tenants"))
        .arg(check.help("Only check the configuration"))
}

fn admin_options() -> [Arg; 3] {
    let value = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let token = value("admin-token", "FILE").value_parser(clap::value_parser!(PathBuf));
    [
        value("admin", "PATH|ADDRESS:PORT").action(ArgAction::Append).help(
            "Let operators ask and order at this UNIX socket, and at this port of the machine's own, with a page",
        ),
        token.requires("admin").help("The port's token, on the first line of a file; else one is made and printed"),
        value("log", "FORMAT").value_parser(["text", "json"]).help("How log lines are written (default: text)"),
    ]
}

/// A UNIX socket, and a loopback port.
fn admin(matches: &ArgMatches) -> Result<(Option<PathBuf>, Option<SocketAddr>)> {
    let (mut path, mut port) = (None, None);
    for text in matches.get_many::<String>("admin").into_iter().flatten() {
        match text.parse::<SocketAddr>() {
            Ok(at) if !at.ip().is_loopback() => {
                bail!("--admin {at}: the admin port is for this machine: 127.0.0.1 or [::1]")
            }
            Ok(at) if port.is_none() => port = Some(at),
            Err(_) if path.is_none() => path = Some(PathBuf::from(text)),
            _ => bail!("--admin {text}: one UNIX socket and one port are enough"),
        }
    }
    Ok((path, port))
}

fn front_options() -> [Arg; 3] {
    let switch = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let forwarded = Arg::new("forwarded").long("forwarded").value_name("MODE").value_parser(["set", "trust"]);
    let forwarded = forwarded.num_args(0..=1).require_equals(true).default_missing_value("set");
    [
        switch("proxy-protocol").help("Every connection begins with a header of the PROXY protocol (versions 1 and 2)"),
        forwarded.help("Tell scripts where requests come from (X-Forwarded-*); `trust` keeps what a proxy has said"),
        switch("trace").help("Give requests a traceparent, and log their ends"),
    ]
}

fn top_command() -> Command {
    let socket = Arg::new("socket").long("socket").value_name("PATH").required(true);
    let once = Arg::new("once").long("once").action(ArgAction::SetTrue);
    Command::new("top")
        .about("Show the tenants of a running `skep serve --admin PATH`")
        .arg(socket.value_parser(clap::value_parser!(PathBuf)).help("Its admin socket"))
        .arg(once.help("One table, for scripts"))
}

fn show_top(matches: &ArgMatches) -> Result<i32> {
    let socket = matches.get_one::<PathBuf>("socket").context("no socket given")?;
    top::run(socket, matches.get_flag("once"))
}

fn wish(matches: &ArgMatches) -> Result<serve::Wish> {
    let mut listen = Vec::new();
    for text in matches.get_many::<String>("listen").into_iter().flatten() {
        listen.push(serve::address(text).map_err(|why| anyhow!("--listen: {why}"))?);
    }
    let place = matches.get_one::<PathBuf>("place").cloned().context("no folder or file given")?;
    let (admin, admin_port) = admin(matches)?;
    let admin_token = matches.get_one::<PathBuf>("admin-token").cloned();
    let json = matches.get_one::<String>("log").is_some_and(|format| format == "json");
    let log = if json { LogFormat::Json } else { LogFormat::Text };
    let forwarded = matches.get_one::<String>("forwarded").and_then(|mode| serve::believed(mode));
    let flag = |name: &str| matches.get_flag(name);
    let (proxied, trace, check) = (flag("proxy-protocol"), flag("trace"), flag("check"));
    let spread = serve::Spread {
        processes: matches.get_one::<u16>("processes").copied(),
        per_tenant: flag("process-per-tenant"),
        loops: matches.get_one::<u16>("loops").copied(),
    };
    let require_confinement = flag("require-confinement");
    Ok(serve::Wish {
        place,
        listen,
        proxied,
        forwarded,
        trace,
        admin,
        admin_port,
        admin_token,
        log,
        spread,
        require_confinement,
        check,
    })
}

fn order(matches: &ArgMatches, check: bool) -> Result<Order> {
    let mut words: Vec<OsString> = matches.get_many("words").into_iter().flatten().cloned().collect();
    let module = matches.get_one::<String>("input-type").is_some_and(|kind| kind == "module");
    let code = |name: &str| matches.get_one::<String>(name).cloned();
    let program = match (code("eval"), code("print")) {
        (Some(source), _) => Program::Eval { source, print: false, module },
        (None, Some(source)) => Program::Eval { source, print: true, module },
        (None, None) if words.is_empty() => bail!("no script given; see `skep --help`"),
        (None, None) => Program::File(PathBuf::from(words.remove(0))),
    };
    let limits = limits(matches)?;
    let project = program::project_of(&program)?;
    let node_flags = node_flags(matches);
    let confine = Confine {
        this: matches.get_flag("confine"),
        required: matches.get_flag("require-confinement"),
        unconfined: matches.get_flag("unconfined"),
    };
    Ok(Order { program, args: words, node_flags, grants: grants(matches, project)?, limits, check, confine })
}

/// Node's options, as the guest finds them in `process.execArgv`.
fn node_flags(matches: &ArgMatches) -> Vec<String> {
    let mut flags = Vec::new();
    for name in NODE_VALUES.iter().map(|(name, ..)| *name) {
        for value in matches.get_many::<String>(name).into_iter().flatten() {
            flags.push(format!("--{name}={value}"));
        }
    }
    for name in NODE_SWITCHES.iter().filter(|name| matches.get_flag(name)) {
        flags.push(format!("--{name}"));
    }
    flags
}

fn grants(matches: &ArgMatches, project: Option<PathBuf>) -> Result<Grants> {
    let listen_none = matches.get_flag("deny-listen");
    if matches.get_flag("allow-all") {
        return Ok(Grants { input: true, listen_none, ..Grants::all() });
    }
    let listen_any = matches.get_flag("allow-listen");
    let mut grants = Grants { listen_any, listen_none, input: true, ..Grants::default() };
    grants.folders.extend(project.map(|folder| FolderGrant { folder, write: false }));
    for value in matches.get_many::<String>("allow-net").into_iter().flatten() {
        match value.as_str() {
            "" => grants.net.push(NetRule { host: None, port: None }),
            list => {
                for text in list.split(',') {
                    grants.net.push(net_rule(text).map_err(|why| anyhow!("--allow-net={text}: {why}"))?);
                }
            }
        }
    }
    for value in matches.get_many::<OsString>("allow-fs").into_iter().flatten() {
        grants.folders.push(folder(value)?);
    }
    for value in matches.get_many::<String>("allow-env").into_iter().flatten() {
        grants.env_all |= value.is_empty();
        grants.env.extend(value.split(',').filter(|key| !key.is_empty()).map(str::to_owned));
    }
    for value in matches.get_many::<String>("allow-fork").into_iter().flatten() {
        grants.fork = if value.is_empty() { u32::MAX } else { value.parse().context("--allow-fork takes a number")? };
    }
    for value in matches.get_many::<String>("allow-run").into_iter().flatten() {
        allow_run(&mut grants.run, value)?;
    }
    Ok(grants)
}

/// Programs by name, each where our own PATH leads now; without a name all.
fn allow_run(run: &mut Run, list: &str) -> Result<()> {
    if list.is_empty() {
        *run = Run::All;
        return Ok(());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    for name in list.split(',').filter(|name| !name.is_empty()) {
        let direct = PathBuf::from(name);
        let found = if name.contains('/') {
            Some(direct).filter(|path| path.is_file())
        } else {
            std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
        };
        let found = found.with_context(|| format!("--allow-run={name}: there is no such program"))?;
        match run {
            Run::All => {}
            Run::Named(names) => drop(names.insert(name.to_owned(), found)),
            Run::None => *run = Run::Named([(name.to_owned(), found)].into()),
        }
    }
    Ok(())
}

fn folder(value: &OsString) -> Result<FolderGrant> {
    let text = value.to_string_lossy();
    let (path, write) = match text.strip_suffix(":rw") {
        Some(path) => (PathBuf::from(path), true),
        None => (text.strip_suffix(":r").map_or_else(|| PathBuf::from(value), PathBuf::from), false),
    };
    let folder = path.canonicalize().with_context(|| format!("--allow-fs={}", path.display()))?;
    Ok(FolderGrant { folder, write })
}

fn limits(matches: &ArgMatches) -> Result<Limits> {
    let mut limits = Limits::default();
    limits.http.as_node = matches.get_one::<String>("http").is_some_and(|word| word == "node");
    if let Some(text) = matches.get_one::<String>("memory") {
        limits.memory_bytes =
            size(text).with_context(|| format!("--memory={text}: a size such as 64M or 1G is needed"))?;
        limits.memory_of_tree = true;
    }
    if let Some(text) = matches.get_one::<String>("cpu") {
        limits.cpu_total =
            Some(span(text).with_context(|| format!("--cpu={text}: a time such as 500ms or 10s is needed"))?);
    }
    if let Some(text) = matches.get_one::<String>("cpu-rate") {
        let ns = span(text).with_context(|| format!("--cpu-rate={text}: a time such as 500ms or 2s is needed"))?;
        let per_second = u64::try_from(ns.as_nanos())?;
        limits.cpu_ns = Some(Rate { per_second, burst: per_second });
    }
    for (name, limit) in [("disk", &mut limits.disk_bytes), ("disk-file", &mut limits.disk_file_bytes)] {
        if let Some(text) = matches.get_one::<String>(name) {
            let most = bytes(text).with_context(|| format!("--{name}={text}: a size such as 64M or 1G is needed"))?;
            *limit = Some(most);
        }
    }
    if let Some(text) = matches.get_one::<String>("disk-entries") {
        limits.disk_entries = Some(text.parse().with_context(|| format!("--disk-entries={text}: a number is needed"))?);
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_fault() {
        command().debug_assert();
    }
}
