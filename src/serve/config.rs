//! From a folder of tenants, or a file that names them, to a checked [`Hive`]: all of it, or the first thing that is wrong
//! with it. It must not know who runs it.
use super::register::{Entry, Register};
use super::tenant::{self, Tenant};
use super::text::{Fault, Source, Table};
use crate::runtime::{Believed, CONFIG_FILE as FILE};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::tls::{Acceptor, Identity};

/// Where nothing says where: this machine only.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Everything that is to be served.
#[derive(Clone, Debug)]
pub struct Hive {
    pub listen: Vec<SocketAddr>,
    /// The same for TLS.
    pub https: Vec<SocketAddr>,
    /// Where each connection begins with a header of the PROXY protocol.
    pub proxied: Proxied,
    /// Whether scripts are told where requests come from, and whose word counts.
    pub forwarded: Option<Believed>,
    /// Whether requests are traced.
    pub trace: bool,
    /// What clients of these are shown.
    pub acceptor: Option<Acceptor>,
    /// For hosts that no tenant has a certificate for.
    pub identity: Option<Identity>,
    /// By name, in order.
    pub tenants: Vec<Arc<Tenant>>,
}

/// Fronts behind a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxied {
    #[default]
    None,
    All,
    These(Vec<SocketAddr>),
}

impl Proxied {
    pub fn holds(&self, at: SocketAddr) -> bool {
        match self {
            Proxied::None => false,
            Proxied::All => true,
            Proxied::These(list) => list.contains(&at),
        }
    }
}

/// Where to listen, and how.
#[derive(Default)]
struct Fronts {
    listen: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    proxied: Proxied,
    forwarded: Option<Believed>,
    trace: bool,
    /// Of names that no tenant has a certificate for.
    identity: Option<Identity>,
}

/// A tenant, and the file where it was written.
type Written = (Arc<Tenant>, PathBuf);

impl Hive {
    /// Reads and checks a folder of tenants, or a configuration file.
    ///
    /// # Errors
    /// The first fault.
    pub fn read(place: &Path) -> Result<Hive, Fault> {
        Hive::read_again(place, &mut Register::default(), None)
    }

    /// The same where most of it is known: of a folder of tenants what has changed since, or only this one's in it; if that is at
    /// fault, all that has changed, since what was changed together may make sense together. Where there is a fault what is known
    /// stays.
    ///
    /// # Errors
    /// The first fault.
    pub fn read_again(place: &Path, known: &mut Register, only: Option<&str>) -> Result<Hive, Fault> {
        let read = Hive::read_some(place, known, only);
        if only.is_some() && read.is_err() { Hive::read_some(place, known, None) } else { read }
    }

    fn read_some(place: &Path, known: &mut Register, only: Option<&str>) -> Result<Hive, Fault> {
        let (Fronts { listen, https, proxied, forwarded, trace, identity }, written) =
            if place.is_dir() { read_folder(place, known, only)? } else { read_file(place)? };
        let mut tenants: Vec<Arc<Tenant>> = written.into_iter().map(|(tenant, _)| tenant).collect();
        tenants.sort_by(|a, b| a.name.cmp(&b.name));
        let acceptor = acceptor(&tenants, identity.clone());
        if acceptor.is_none() && !https.is_empty() {
            let file = if place.is_dir() { place.join(FILE) } else { place.into() };
            let message = "there is no certificate: `certificate` and `key` name the files, here or of a tenant".into();
            return Err(Fault { file, line: None, key: "https".into(), message });
        }
        Ok(Hive { listen, https, proxied, forwarded, trace, acceptor, identity, tenants })
    }
}

/// Each tenant's certificate for its hosts; for all other names `otherwise`, or that of a tenant that has every host.
fn acceptor(tenants: &[Arc<Tenant>], otherwise: Option<Identity>) -> Option<Acceptor> {
    let with = || tenants.iter().filter_map(|tenant| Some((tenant, tenant.identity.as_ref()?)));
    let catching = || with().find(|(tenant, _)| tenant.hosts.iter().any(|host| host == "*"));
    let otherwise = otherwise.or_else(|| Some(catching()?.1.clone()));
    let named = with().flat_map(|(tenant, identity)| tenant.hosts.iter().map(|host| (host.clone(), identity.clone())));
    let named: Vec<(String, Identity)> = named.filter(|(host, _)| host != "*").collect();
    (otherwise.is_some() || !named.is_empty()).then(|| Acceptor::new(named, otherwise))
}

type Read = (Fronts, Vec<Written>);

/// A folder per tenant; a file beside them says where to listen.
fn read_folder(place: &Path, known: &mut Register, only: Option<&str>) -> Result<Read, Fault> {
    let fault = |message: String| Fault { file: place.into(), line: None, key: String::new(), message };
    let own = place.join(FILE);
    let fronts = match own.is_file() {
        true => Source::read(&own)?.table(|table| read_fronts(place, table))?,
        false => Fronts { listen: vec![LISTEN], ..Fronts::default() },
    };
    let only = only.filter(|_| !known.is_empty()).map(|name| place.join(name));
    let listed = match only {
        Some(_) => None,
        None => {
            let entries = std::fs::read_dir(place).map_err(|error| fault(format!("cannot be read: {error}")))?;
            let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            folders.sort();
            Some(folders)
        }
    };
    let mut fresh = BTreeMap::new();
    for folder in listed.iter().flatten().chain(&only).filter(|folder| known.still(folder).is_none()) {
        let read = read_tenant(folder)?;
        fresh.insert(folder.clone(), Entry::new(folder, read, known.get(folder)));
    }
    let entry = |folder: &PathBuf| fresh.get(folder).or_else(|| known.get(folder))?.read.clone();
    let written: Vec<Written> = match (&listed, &only) {
        (None, Some(only)) => {
            let added = Some(only).filter(|only| known.get(only).is_none());
            known.folders().chain(added).filter_map(entry).collect()
        }
        (listed, _) => listed.iter().flatten().filter_map(entry).collect(),
    };
    if written.is_empty() {
        return Err(fault(format!("no folder in it has a script or a {FILE}")));
    }
    check_together(&written)?;
    known.take(fresh, listed.as_deref());
    Ok((fronts, written))
}

/// One folder, if it is a tenant's.
fn read_tenant(folder: &Path) -> Result<Option<Written>, Fault> {
    let fault = |message: String| Fault { file: folder.into(), line: None, key: String::new(), message };
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !folder.is_dir() || name.starts_with('.') || name == "node_modules" {
        return Ok(None);
    }
    let file = folder.join(FILE);
    let (source, file) = if file.is_file() {
        (Source::read(&file)?, file)
    } else if tenant::has_script(folder) {
        (Source { file: folder.into(), text: String::new() }, folder.into())
    } else {
        return Ok(None);
    };
    check_name(&name).map_err(fault)?;
    let tenant = source.table(|table| tenant::read(&name, folder, table))?;
    Ok(Some((Arc::new(tenant), file)))
}

/// One file: where to listen, and a table for each tenant.
fn read_file(place: &Path) -> Result<Read, Fault> {
    let base = place.parent().unwrap_or(Path::new("."));
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    Source::read(place)?.table(|table| {
        let fronts = read_fronts(base, table)?;
        let Some(tenants) = table.take("tenants") else {
            return Err(table.fault("there is no tenant: [tenants.NAME] makes one"));
        };
        let written = tenants.table(|table| {
            let mut written = Vec::new();
            while let Some((name, value)) = table.next() {
                check_name(&name).map_err(|why| value.fault(why))?;
                let tenant = value.table(|table| {
                    let folder = match table.take("folder") {
                        Some(folder) => base.join(folder.text()?),
                        None => base.join(&name),
                    };
                    tenant::read(&name, &folder, table)
                })?;
                written.push((Arc::new(tenant), place.into()));
            }
            check_together(&written)?;
            Ok(written)
        })?;
        Ok((fronts, written))
    })
}

fn read_fronts(base: &Path, table: &mut Table<'_>) -> Result<Fronts, Fault> {
    let identity = tenant::identity(base, table)?;
    let https = addresses(table, "https")?.unwrap_or_default();
    let clear = addresses(table, "listen")?;
    let listen = clear.unwrap_or_else(|| if https.is_empty() { vec![LISTEN] } else { Vec::new() });
    let proxied = proxied(table, &[&listen[..], &https].concat())?;
    let forwarded = match table.take("forwarded") {
        None => None,
        Some(value) if value.is_flag() => value.flag()?.then_some(Believed::Nobody),
        Some(value) => Some(believed(value.text()?).ok_or_else(|| value.fault(FORWARDED))?),
    };
    let trace = table.take("trace").map(|value| value.flag()).transpose()?.unwrap_or(false);
    Ok(Fronts { listen, https, proxied, forwarded, trace, identity })
}

const FORWARDED: &str = "it is true, false, \"set\" or \"trust\"";

/// `set`, or `trust`.
pub fn believed(text: &str) -> Option<Believed> {
    match text {
        "set" => Some(Believed::Nobody),
        "trust" => Some(Believed::Sender),
        _ => None,
    }
}

/// The same the other way.
pub fn word_of(believed: Believed) -> &'static str {
    match believed {
        Believed::Nobody => "set",
        Believed::Sender => "trust",
    }
}

fn proxied(table: &mut Table<'_>, fronts: &[SocketAddr]) -> Result<Proxied, Fault> {
    let Some(value) = table.take("proxy_protocol") else { return Ok(Proxied::None) };
    if value.is_flag() {
        return Ok(if value.flag()? { Proxied::All } else { Proxied::None });
    }
    let mut these = Vec::new();
    for (text, value) in value.texts()? {
        let at = address(text).map_err(|why| value.fault(why))?;
        if !fronts.contains(&at) {
            return Err(value.fault(format!("{text} is neither in `listen` nor in `https`")));
        }
        these.push(at);
    }
    Ok(Proxied::These(these))
}

fn addresses(table: &mut Table<'_>, key: &str) -> Result<Option<Vec<SocketAddr>>, Fault> {
    let Some(value) = table.take(key) else { return Ok(None) };
    let mut all = Vec::new();
    for (text, value) in value.texts()? {
        all.push(address(text).map_err(|why| value.fault(why))?);
    }
    if all.is_empty() { Err(value.fault("an address is needed")) } else { Ok(Some(all)) }
}

/// `ADDRESS:PORT`, or `:PORT` for every address of the machine.
///
/// # Errors
/// When it is neither.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| format!("{text:?} is no address with a port, such as 127.0.0.1:8080"))
}

/// A name stands in logs, paths and host names.
pub fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(format!("{name:?} cannot be a tenant's name: up to 64 letters, digits, '-', '_' and '.'"))
}

/// What two tenants must not both have.
fn check_together(written: &[Written]) -> Result<(), Fault> {
    let mut places: HashMap<(&str, &str), &str> = HashMap::new();
    let mut ports: HashMap<u16, &str> = HashMap::new();
    for (tenant, file) in written {
        let clash = |key: &str, what: String, other: &str| {
            let key = format!("{}.{key}", tenant.name);
            let message = format!("{what} is tenant {other}'s already");
            Err(Fault { file: file.clone(), line: None, key, message })
        };
        for host in &tenant.hosts {
            let path = tenant.path.trim_end_matches('/');
            if let Some(other) = places.insert((host, path), &tenant.name)
                && other != tenant.name
            {
                return clash("hosts", format!("{host}{}", tenant.path), other);
            }
        }
        if let Some(port) = tenant.port
            && let Some(other) = ports.insert(port, &tenant.name)
        {
            return clash("port", port.to_string(), other);
        }
    }
    Ok(())
}
