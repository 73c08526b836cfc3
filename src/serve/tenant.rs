//! One tenant as an operator wrote it, checked. It must not know how it is run.
use super::limits;
use super::text::{Fault, Table, Value};
use crate::policy::words::{net_rule, span};
use crate::policy::{FolderGrant, Grants, Instances, Limits, NetRule, REQUESTS_EACH, ServeLimits};
use crate::tls::{Bad, Identity};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names of the scripts that are looked for, in this order.
const SCRIPTS: &[&str] = &["index.js", "server.js", "index.mjs", "server.mjs"];

/// Instances that one loop can make use of are few.
const INSTANCES: u64 = 64;

/// One tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub name: String,
    pub folder: PathBuf,
    pub main: PathBuf,
    /// Names, `*.name`, or `*`.
    pub hosts: Vec<String>,
    /// Requests below this path are its own: `/` is all of them.
    pub path: String,
    /// A port of its own.
    pub port: Option<u16>,
    /// What clients that ask for its hosts by TLS are shown.
    pub identity: Option<Identity>,
    pub env: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Secret>,
    pub grants: Grants,
    pub limits: Box<Limits>,
    pub instances: Instances,
    /// After how long without a request it is stopped, and without anything to do put to sleep.
    pub idle: Option<Duration>,
    pub hibernate: Option<Duration>,
    /// Its instances begin where its top level had run.
    pub snapshot: bool,
    /// Also in later processes: it lies on disk.
    pub keep: bool,
    /// Tenants of different groups are never in one process.
    pub group: Option<String>,
}

/// Where a secret stands. Its value is read when an instance starts, and kept nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    File(PathBuf),
    Env(String),
}

impl Secret {
    /// Its value, without the line end that a file has.
    ///
    /// # Errors
    /// When it is not there, or no text.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Secret::File(path) => std::fs::read_to_string(path)
                .map(|text| text.strip_suffix('\n').unwrap_or(&text).to_owned())
                .map_err(|error| format!("{} cannot be read: {error}", path.display())),
            Secret::Env(name) => std::env::var(name).map_err(|_| format!("there is no variable {name} here")),
        }
    }
}

/// Reads one tenant's table; paths in it are relative to its folder.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(name: &str, folder: &Path, table: &mut Table<'_>) -> Result<Tenant, Fault> {
    let folder = folder.canonicalize().map_err(|error| table.fault(format!("{}: {error}", folder.display())))?;
    let main = match table.take("main") {
        Some(value) => script(&folder, value.text()?).map_err(|why| value.fault(why))?,
        None => find_script(&folder).map_err(|why| table.fault(why))?,
    };
    let port = table.take("port").map(|value| value.number(1..=65_535)).transpose()?.map(|port| port as u16);
    let hosts = hosts(table)?;
    let path = path(table)?;
    let unreachable = hosts.is_empty() && path == "/" && port.is_none();
    let hosts = match hosts.is_empty() && port.is_none() {
        true if unreachable => vec![format!("{name}.localhost")],
        true => vec!["*".into()],
        false => hosts,
    };
    let identity = identity(&folder, table)?;
    let mut env = BTreeMap::new();
    if let Some(value) = table.take("env") {
        env = value.table(|table| texts(table))?;
    }
    let mut secrets = BTreeMap::new();
    if let Some(value) = table.take("secrets") {
        secrets = value.table(|table| read_secrets(&folder, table))?;
    }
    let mut grants = base_grants(&folder);
    if let Some(value) = table.take("grants") {
        value.table(|table| read_grants(&folder, &mut grants, table))?;
    }
    let limits = table.take("limits").map(|value| value.table(limits::read)).transpose()?;
    let instances = table.take("instances").map(|value| instances(&value)).transpose()?;
    let idle = after(table, "idle", ServeLimits::default().idle_stop_ms)?;
    let hibernate = after(table, "hibernate", ServeLimits::default().hibernate_ms)?;
    let group = group(table)?;
    let (snapshot, keep) = snapshot(table)?;
    Ok(Tenant {
        name: name.into(),
        folder,
        main,
        hosts,
        path,
        port,
        identity,
        env,
        secrets,
        grants,
        limits: Box::new(limits.unwrap_or_else(limits::of_tenant)),
        instances: instances.unwrap_or(Instances::fixed(1)),
        idle,
        hibernate,
        snapshot,
        keep,
        group,
    })
}

/// Whether its instances begin where its top level had run, and whether in later processes, too.
fn snapshot(table: &mut Table<'_>) -> Result<(bool, bool), Fault> {
    match table.take("snapshot") {
        None => Ok((false, false)),
        Some(value) if value.is_flag() => Ok((value.flag()?, false)),
        Some(value) if value.text().is_ok_and(|text| text == "keep") => Ok((true, true)),
        Some(value) => Err(value.fault("it is true, false or \"keep\"")),
    }
}

/// A number, or a table of the least and the most.
fn instances(value: &Value<'_>) -> Result<Instances, Fault> {
    if !value.is_table() {
        return Ok(Instances::fixed(value.number(1..=INSTANCES)? as u16));
    }
    value.table(|table| {
        let least = table.take("min").map(|value| value.number(1..=INSTANCES)).transpose()?.unwrap_or(1);
        let Some(most) = table.take("max") else { return Err(table.fault("`max` says how many there may be")) };
        let most = most.number(least..=INSTANCES)?;
        let requests = table.take("requests").map(|value| value.number(1..=10_000)).transpose()?;
        let requests = requests.map_or(REQUESTS_EACH, |requests| requests as u16);
        Ok(Instances { least: least as u16, most: most as u16, requests })
    })
}

fn group(table: &mut Table<'_>) -> Result<Option<String>, Fault> {
    let Some(value) = table.take("group") else { return Ok(None) };
    let name = value.text()?;
    super::config::check_name(name).map_err(|_| {
        value.fault(format!("{name:?} cannot be a group's name: up to 64 letters, digits, '-', '_' and '.'"))
    })?;
    Ok(Some(name.to_owned()))
}

/// One of which nothing is known but its name.
#[cfg(test)]
pub fn plain(name: &str) -> Tenant {
    Tenant {
        name: name.into(),
        folder: PathBuf::new(),
        main: PathBuf::new(),
        hosts: Vec::new(),
        path: "/".into(),
        port: None,
        identity: None,
        env: BTreeMap::new(),
        secrets: BTreeMap::new(),
        grants: Grants::default(),
        limits: Box::new(limits::of_tenant()),
        instances: Instances::fixed(1),
        idle: None,
        hibernate: None,
        snapshot: false,
        keep: false,
        group: None,
    }
}

/// `certificate` and `key`: PEM files, relative to `base`, whose key is the certificate's.
///
/// # Errors
/// When one is without the other, cannot be read, or cannot be used.
pub fn identity(base: &Path, table: &mut Table<'_>) -> Result<Option<Identity>, Fault> {
    let (certificate, key) = match (table.take("certificate"), table.take("key")) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(value), None) => return Err(value.fault("its key is missing: `key` names the file")),
        (None, Some(value)) => return Err(value.fault("its certificate is missing: `certificate` names the file")),
    };
    let read = |value: &Value<'_>| {
        let path = base.join(value.text()?);
        std::fs::read(&path).map_err(|error| value.fault(format!("{} cannot be read: {error}", path.display())))
    };
    let (chain, secret) = (read(&certificate)?, read(&key)?);
    Identity::from_pem(&chain, &secret).map(Some).map_err(|bad| match bad {
        Bad::Certificate(_) => certificate.fault(bad.to_string()),
        Bad::Key(_) | Bad::Pair => key.fault(bad.to_string()),
    })
}

/// Whether a folder looks like a tenant's.
pub fn has_script(folder: &Path) -> bool {
    find_script(folder).is_ok()
}

/// `main` of package.json, or a script of a usual name.
fn find_script(folder: &Path) -> Result<PathBuf, String> {
    let package = std::fs::read(folder.join("package.json")).ok();
    let package = package.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    if let Some(main) = package.as_ref().and_then(|package| package["main"].as_str()) {
        return script(folder, main);
    }
    let found = SCRIPTS.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{} has no script: index.js or server.js, or `main` says which", folder.display()))
}

/// A script below the folder.
fn script(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let path = crate::program::resolve(&folder.join(name)).map_err(|error| error.to_string())?;
    if path.starts_with(folder) { Ok(path) } else { Err(format!("{} is not in the tenant's folder", path.display())) }
}

fn hosts(table: &mut Table<'_>) -> Result<Vec<String>, Fault> {
    let mut hosts = Vec::new();
    let Some(value) = table.take("hosts") else { return Ok(hosts) };
    for (host, value) in value.texts()? {
        let name = host.strip_prefix("*.").unwrap_or(host);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let literal = |name: &str| name.starts_with('[') && name.ends_with(']');
        if host != "*" && !literal(name) && (name.is_empty() || !name.bytes().all(plain) || name.ends_with('.')) {
            return Err(value.fault(format!("{host:?} is no host: a name, *.name or * is needed, without a port")));
        }
        hosts.push(host.to_ascii_lowercase());
    }
    Ok(hosts)
}

fn path(table: &mut Table<'_>) -> Result<String, Fault> {
    let Some(value) = table.take("path") else { return Ok("/".into()) };
    let path = value.text()?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#%\\".contains(&byte);
    if !path.starts_with('/') || !path.bytes().all(plain) || path.split('/').any(|part| part == "." || part == "..") {
        return Err(value.fault(format!("{path:?} is no path: it begins with / and has no %, ?, # or .. in it")));
    }
    Ok(path.into())
}

fn texts(table: &mut Table<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let mut texts = BTreeMap::new();
    while let Some((name, value)) = table.next() {
        texts.insert(name, value.text()?.to_owned());
    }
    Ok(texts)
}

fn read_secrets(folder: &Path, table: &mut Table<'_>) -> Result<BTreeMap<String, Secret>, Fault> {
    let mut secrets = BTreeMap::new();
    while let Some((name, value)) = table.next() {
        let secret = value.table(|table| {
            let (file, env) = (table.take("file"), table.take("env"));
            match (file, env) {
                (Some(file), None) => Ok(Secret::File(folder.join(file.text()?))),
                (None, Some(env)) => Ok(Secret::Env(env.text()?.to_owned())),
                _ => Err(table.fault("either file or env says where a secret stands")),
            }
        })?;
        secret.read().map_err(|why| value.fault(why))?;
        secrets.insert(name, secret);
    }
    Ok(secrets)
}

/// What every tenant may: read its folder, and listen where no socket is.
fn base_grants(folder: &Path) -> Grants {
    Grants {
        listen_none: true,
        listen_virtual: true,
        folders: vec![FolderGrant { folder: folder.into(), write: false }],
        ..Grants::default()
    }
}

/// The words of the command line's `--allow-*`.
fn read_grants(folder: &Path, grants: &mut Grants, table: &mut Table<'_>) -> Result<(), Fault> {
    if let Some(value) = table.take("net") {
        if value.is_flag() {
            grants.net.extend(value.flag()?.then_some(NetRule { host: None, port: None }));
        } else {
            for (text, value) in value.texts()? {
                grants.net.push(net_rule(text).map_err(|why| value.fault(why))?);
            }
        }
    }
    if let Some(value) = table.take("fs") {
        for (text, value) in value.texts()? {
            grants.folders.push(folder_grant(folder, text).map_err(|why| value.fault(why))?);
        }
    }
    if let Some(value) = table.take("env") {
        if value.is_flag() {
            grants.env_all = value.flag()?;
        } else {
            grants.env.extend(value.texts()?.into_iter().map(|(name, _)| name.to_owned()));
        }
    }
    for key in ["fork", "run", "listen"] {
        if let Some(value) = table.take(key) {
            return Err(value.fault("a tenant cannot be granted this yet"));
        }
    }
    Ok(())
}

fn folder_grant(folder: &Path, text: &str) -> Result<FolderGrant, String> {
    let (path, write) = match text.strip_suffix(":rw") {
        Some(path) => (path, true),
        None => (text.strip_suffix(":r").unwrap_or(text), false),
    };
    let folder = folder.join(path).canonicalize().map_err(|error| format!("{path}: {error}"))?;
    Ok(FolderGrant { folder, write })
}

/// A time by this name, or `false` for never.
fn after(table: &mut Table<'_>, name: &str, default_ms: u32) -> Result<Option<Duration>, Fault> {
    let Some(value) = table.take(name) else { return Ok(Some(Duration::from_millis(u64::from(default_ms)))) };
    let never = |value: &Value<'_>| value.is_flag().then(|| value.flag()).transpose();
    match never(&value)? {
        Some(false) => Ok(None),
        Some(true) => Err(value.fault("a time such as 30s is needed, or false")),
        None => value.measure("a time such as 30s, or false", span).map(Some),
    }
}
