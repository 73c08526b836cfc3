//! Many tenants: from what an operator has written to a hall that serves them. It must not know how a hall does it.
mod config;
mod keeper;
mod limits;
mod modules;
mod tenant;
mod text;

pub use config::{Hive, address, believed};
pub use tenant::{Secret, Tenant};
pub use text::Fault;

use crate::guest::cache::{self, CacheFolder};
use crate::guest::{Den, Engine, EngineOptions, watch_writes};
use crate::launch;
use crate::policy::{Limits, ServeLimits};
use crate::program;
use crate::reactor::MioKernel;
use crate::runtime::{Believed, FrontKind, Hall};
use crate::time::OsClock;
use anyhow::{Context as _, Result, anyhow};
use keeper::Bees;
use modules::Modules;
use rustix::fs::Mode;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Wish {
    /// A folder of tenants, or a file that names them.
    pub place: PathBuf,
    /// Where to listen, instead of where the configuration says.
    pub listen: Vec<SocketAddr>,
    /// Connections of every front begin with a header of the PROXY protocol.
    pub proxied: bool,
    /// Scripts are told where requests come from, whatever the configuration says.
    pub forwarded: Option<Believed>,
    /// Requests are traced.
    pub trace: bool,
    /// Where operators may ask and order: a UNIX socket.
    pub admin: Option<PathBuf>,
    /// Only check the configuration.
    pub check: bool,
}

/// Serves until a signal; answers the exit code.
///
/// # Errors
/// When the configuration is wrong, or there is nowhere to listen.
pub fn run(wish: &Wish) -> Result<i32> {
    let hive = Hive::read(&wish.place)?;
    if wish.check {
        return Ok(0);
    }
    let engine = Engine::new(&EngineOptions::default())?;
    let scripts = program::of_scripts(program::named_guest().as_deref())?;
    let folder = CacheFolder::from_environment();
    let say = |_: &str| eprintln!("skep: {}", scripts.compiling());
    let cell = cache::load_or_build(&engine, scripts.file(), &folder, say)?;
    let modules = Modules::new(engine.clone(), folder.clone());
    let clock = OsClock::new();
    watch_writes();
    let mut hall = launch::new_hall(clock.clone(), Limits::default().http, false)?;
    let bees = Bees::new(wish.clone(), &hive, cell, modules, clock);
    let fronts = bees.fronts(&hive).context("there is nowhere to listen")?;
    let (routes, plans, manners) = (bees.routes(), bees.plans(), bees.manners(&hive));
    let count = hive.tenants.len();
    hall.open_tenants(Box::new(bees), ServeLimits::default(), routes, plans);
    hall.set_acceptor(hive.acceptor.clone());
    let den = den(&folder);
    den.iter().for_each(|den| hall.set_den(den.clone()));
    hall.set_manners(manners);
    for plan in fronts {
        let at = hall.add_front(plan).map_err(|error| anyhow!("{}", error.name())).context(plan.at)?;
        let tls = if plan.kind == FrontKind::Tls { " (TLS)" } else { "" };
        eprintln!("skep: listening on {at}{tls}");
    }
    if let Some(path) = &wish.admin {
        open_admin(&mut hall, path)?;
    }
    eprintln!("skep: {count} tenants");
    hall.run();
    // Nobody wakes any more; and what is forgotten cleans nothing up.
    den.iter().for_each(Den::close);
    // The process ends next: the system takes back gigabytes of address space and a thread faster than we could.
    std::mem::forget((hall, engine));
    Ok(0)
}

/// Where tenants' memory lies while they sleep: beside what is cached. Without a folder nobody sleeps.
fn den(folder: &CacheFolder) -> Option<Den> {
    let place = folder.0.as_ref()?.join("dens");
    let opened =
        Den::open(&place).inspect_err(|why| eprintln!("skep: tenants cannot sleep: {}: {why:#}", place.display()));
    opened.ok()
}

/// The operator's socket: nobody else's from its first moment on. One that a dead process has left is taken away.
fn open_admin(hall: &mut Hall<MioKernel, OsClock>, path: &Path) -> Result<()> {
    let left = std::fs::symlink_metadata(path).is_ok_and(|entry| entry.file_type().is_socket());
    if left && UnixStream::connect(path).is_err() {
        std::fs::remove_file(path).with_context(|| format!("{} is in the way", path.display()))?;
    }
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let opened = hall.open_admin(path);
    rustix::process::umask(before);
    opened.map_err(|error| anyhow!("{}", error.name())).with_context(|| format!("the admin socket {}", path.display()))
}
