//! Grants: what was named on the command line or in a configuration, and the one judge of requests.
//! A [`Granted`] value proves that the check was made. It must not know how a granted thing is done.
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Proof that the policy allowed the value within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted<T>(T);

impl<T> Granted<T> {
    /// The value that was allowed.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// Unwraps the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// A refusal: what was asked for, and what would have granted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied(pub String);

/// Where a listener may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A folder that the guest may see: real path, and whether it may write there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderGrant {
    pub folder: PathBuf,
    pub write: bool,
}

/// One entry of `--allow-net`: everything, an address, a port, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetRule {
    pub host: Option<IpAddr>,
    pub port: Option<u16>,
}

/// Programs that may be started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Run {
    #[default]
    None,
    /// By name: where each was found when it was granted, so that no PATH of a script's leads elsewhere.
    Named(BTreeMap<String, PathBuf>),
    All,
}

/// What one guest may do. The default is what every script gets: listening on unprivileged ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Outgoing connections.
    pub net: Vec<NetRule>,
    /// Listening on privileged ports and UNIX sockets as well.
    pub listen_any: bool,
    /// No listening at all.
    pub listen_none: bool,
    /// Listening opens no socket, whatever the port: the host brings connections (a tenant).
    pub listen_virtual: bool,
    pub folders: Vec<FolderGrant>,
    /// Environment variables by name; [`Grants::env_all`] gives all.
    pub env: BTreeSet<String>,
    pub env_all: bool,
    /// Names of variables that the host has and this guest was not given: asked for one by one, never listed.
    pub env_hidden: BTreeSet<String>,
    /// The program's standard input. Whoever names the script gives it, never a list of powers: there is one for all.
    pub input: bool,
    /// Processes that may be forked, the whole tree counted.
    pub fork: u32,
    /// Programs other than this one.
    pub run: Run,
    /// Signals are the whole process's and not told to it (a guest of a program of others).
    pub no_signals: bool,
    /// Functions of the program that this host is part of.
    pub functions: BTreeSet<String>,
}

impl Grants {
    /// Everything (`-A`).
    pub fn all() -> Grants {
        Grants {
            net: vec![NetRule { host: None, port: None }],
            listen_any: true,
            listen_none: false,
            listen_virtual: false,
            folders: vec![FolderGrant { folder: PathBuf::from("/"), write: true }],
            env: BTreeSet::new(),
            env_all: true,
            env_hidden: BTreeSet::new(),
            input: false,
            fork: u32::MAX,
            run: Run::All,
            no_signals: false,
            functions: BTreeSet::new(),
        }
    }

    /// May the guest listen there? Unprivileged ports need no grant.
    pub fn listen(&self, address: ListenAddress) -> Result<Granted<ListenAddress>, Denied> {
        match address {
            ListenAddress::Tcp(_) if self.listen_virtual => Ok(Granted(address)),
            _ => self.bind(address),
        }
    }

    /// May a real socket of the guest's have this as its own end?
    pub fn bind(&self, address: ListenAddress) -> Result<Granted<ListenAddress>, Denied> {
        let free = match &address {
            ListenAddress::Tcp(at) => at.port() == 0 || at.port() >= 1024,
            ListenAddress::Unix(_) => false,
        };
        if !self.listen_none && (free || self.listen_any) {
            return Ok(Granted(address));
        }
        Err(Denied(match address {
            _ if self.listen_none => {
                "listening is not granted at all (--deny-listen takes away any other grant of it)".into()
            }
            ListenAddress::Tcp(at) => format!("listening on {at} is not granted: ports below 1024 need --allow-listen"),
            ListenAddress::Unix(path) => {
                format!("listening on the UNIX socket {} is not granted: it needs --allow-listen", path.display())
            }
        }))
    }

    /// May the guest connect there? Judged on the numeric address, just before connecting (row N01).
    pub fn connect(&self, to: SocketAddr) -> Result<Granted<SocketAddr>, Denied> {
        let ip = canonical(to.ip());
        let fits = |rule: &NetRule| {
            rule.host.is_none_or(|host| canonical(host) == ip) && rule.port.is_none_or(|port| port == to.port())
        };
        if self.net.iter().any(fits) {
            return Ok(Granted(to));
        }
        Err(Denied(format!("connecting to {to} is not granted: it needs --allow-net={to}")))
    }

    /// May the guest ask resolvers for this name? That is talking to others: not without any grant to connect. The one
    /// name that says nothing to anybody is `localhost`, which who listens asks for.
    pub fn resolve(&self, name: String) -> Result<Granted<String>, Denied> {
        let own = (self.listen_virtual || !self.listen_none) && name.eq_ignore_ascii_case("localhost");
        if own || !self.net.is_empty() {
            return Ok(Granted(name));
        }
        Err(Denied(format!("resolving {name} is not granted: it needs --allow-net")))
    }

    /// May the guest read (or write) this absolute path? Answers the folder granted; links are judged
    /// again, by the kernel, when the path is opened beneath that folder.
    pub fn path(&self, path: &Path, write: bool) -> Result<Granted<&FolderGrant>, Denied> {
        let holds = |grant: &&FolderGrant| path.starts_with(&grant.folder) && (grant.write || !write);
        let best = self.folders.iter().filter(holds).max_by_key(|grant| grant.folder.as_os_str().len());
        best.map(Granted).ok_or_else(|| {
            let folder = path.parent().unwrap_or(path).display();
            let (verb, tail) = if write { ("writing", ":rw") } else { ("reading", "") };
            Denied(format!("{verb} {} is not granted: it needs --allow-fs={folder}{tail}", path.display()))
        })
    }

    /// May the guest read the program's standard input?
    pub fn input(&self) -> Result<(), Denied> {
        if self.input { Ok(()) } else { Err(Denied("reading standard input is not granted".into())) }
    }

    /// May the guest start another one in a process of its own? How many there are is counted where they are started.
    pub fn fork(&self) -> Result<Granted<()>, Denied> {
        if self.fork > 0 {
            return Ok(Granted(()));
        }
        Err(Denied("starting a process is not granted: it needs --allow-fork".into()))
    }

    /// May the guest start this program? Answers what is to be started.
    pub fn run(&self, program: &str) -> Result<Granted<PathBuf>, Denied> {
        let found = match &self.run {
            Run::None => None,
            Run::All => Some(PathBuf::from(program)),
            Run::Named(names) => {
                let at = |(name, path): &(&String, &PathBuf)| *name == program || path.as_os_str() == program;
                names.iter().find(at).map(|(_, path)| path.clone())
            }
        };
        let name = Path::new(program).file_name().map_or(program.into(), |name| name.to_string_lossy());
        found
            .map(Granted)
            .ok_or_else(|| Denied(format!("starting {program} is not granted: it needs --allow-run={name}")))
    }

    /// May the guest call this function of the program that this host is part of?
    pub fn function(&self, name: String) -> Result<Granted<String>, Denied> {
        if self.functions.contains(&name) {
            return Ok(Granted(name));
        }
        Err(Denied(format!("calling the host's function {name:?} is not granted")))
    }

    /// May the guest send signals to processes that it has not started? Whoever may run any program can.
    pub fn signal_anyone(&self) -> bool {
        self.run == Run::All
    }

    /// The words of the command line that grant this much, a line each: for a program that starts this one again. What has a
    /// line break in its name is left out: its second line would be a word of its own.
    pub fn words(&self) -> String {
        if (Grants { input: false, ..self.clone() }) == Grants::all() {
            return "--allow-all".into();
        }
        let mut words = vec![];
        words.extend(self.net.iter().map(|rule| match (rule.host, rule.port) {
            (None, None) => "--allow-net".to_owned(),
            (Some(host), None) => format!("--allow-net={host}"),
            (None, Some(port)) => format!("--allow-net=:{port}"),
            (Some(host), Some(port)) => format!("--allow-net={}", std::net::SocketAddr::new(host, port)),
        }));
        words.extend(self.listen_any.then(|| "--allow-listen".to_owned()));
        words.extend((self.listen_none || self.listen_virtual).then(|| "--deny-listen".to_owned()));
        words.extend(
            self.folders.iter().map(|grant| {
                format!("--allow-fs={}{}", grant.folder.display(), if grant.write { ":rw" } else { ":r" })
            }),
        );
        words.extend(self.env_all.then(|| "--allow-env".to_owned()));
        words.extend(self.env.iter().map(|name| format!("--allow-env={name}")));
        words.extend((self.fork > 0).then(|| format!("--allow-fork={}", self.fork)));
        match &self.run {
            Run::None => {}
            Run::All => words.push("--allow-run".into()),
            Run::Named(names) => words.extend(names.keys().map(|name| format!("--allow-run={name}"))),
        }
        words.retain(|word| !word.contains('\n'));
        words.join("\n")
    }

    /// Whether the guest sees this environment variable.
    pub fn env(&self, name: &str) -> bool {
        self.env_all || self.env.contains(name)
    }

    /// Is this name of a variable that the guest does not see free to be taken for unset?
    pub fn env_ask(&self, name: &str) -> Result<(), Denied> {
        if !self.env_hidden.contains(name) {
            return Ok(());
        }
        Err(Denied(format!("the environment variable {name} is not granted: it needs --allow-env={name}")))
    }
}

/// IPv4 in IPv6 clothes is IPv4.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_a_line_each_and_no_more() {
        let folder = |name: &str| FolderGrant { folder: name.into(), write: false };
        let folders = vec![folder("/a:rw"), folder("/b\n--allow-all")];
        let grants = Grants { folders, env: ["A\n--allow-all".to_owned()].into(), fork: 2, ..Grants::default() };
        assert_eq!(grants.words(), "--allow-fs=/a:rw:r\n--allow-fork=2");
        let none = Grants { listen_none: true, fork: 1, ..Grants::default() };
        assert_eq!(none.words(), "--deny-listen\n--allow-fork=1");
        assert!(Grants { listen_none: true, ..Grants::all() }.words().contains("--deny-listen"));
    }
}
