//! Many tenants: from what an operator has written to a hall that serves them. It must not know how a hall does it.
mod config;
mod cordon;
mod hoards;
mod keeper;
mod limits;
mod loops;
mod modules;
mod register;
mod rosters;
mod spread;
mod stall;
mod tell;
mod tenant;
mod text;

#[cfg(test)]
mod tests;

pub use config::{Hive, address, believed, word_of};
pub(crate) use cordon::run as run_cordon;
pub use spread::Spread;
pub use tenant::{Secret, Tenant};
pub use text::Fault;

use crate::guest::cache::{self, CacheFolder};
use crate::guest::{Den, Engine, EngineOptions, watch_writes};
use crate::launch;
use crate::policy::{Limits, ServeLimits};
use crate::program;
use crate::reactor::MioKernel;
use crate::runtime::{Believed, CordonKind, FrontKind, Hall, KitSource, LogFormat, LogStream, OsHall, json_line};
use crate::time::{Clock as _, OsClock};
use anyhow::{Context as _, Result, anyhow, ensure};
use keeper::Bees;
use loops::Loops;
use modules::Modules;
use register::Register;
use rosters::Rosters;
use rustix::fs::Mode;
use stall::{Shelf, Stall};
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tell::Apart;

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
    /// Where operators may ask and order: a UNIX socket, and a port of this machine's own.
    pub admin: Option<PathBuf>,
    pub admin_port: Option<SocketAddr>,
    /// Where the port's token stands; none: it is made anew, and said.
    pub admin_token: Option<PathBuf>,
    /// How log lines are written.
    pub log: LogFormat,
    /// How tenants are spread over processes.
    pub spread: Spread,
    /// What the kernel lacks to confine processes of tenants is an error.
    pub require_confinement: bool,
    /// Only check the configuration.
    pub check: bool,
}

/// Serves until a signal; answers the exit code.
///
/// # Errors
/// When the configuration is wrong, or there is nowhere to listen.
pub fn run(wish: &Wish) -> Result<i32> {
    let mut register = Register::default();
    let hive = Hive::read_again(&wish.place, &mut register, None)?;
    if wish.check {
        return Ok(0);
    }
    let engine = Engine::new(&EngineOptions::default())?;
    let named = program::named_guest();
    let scripts = program::of_scripts(named.as_deref())?;
    let compiling = |_: &str| launch::say(scripts.compiling());
    let folder = CacheFolder::from_environment();
    let cell = cache::load_or_build(&engine, scripts.file(), &folder, compiling)?;
    let cell = folder.0.iter().fold(cell, |cell, folder| cell.at_hand(folder));
    let clock = OsClock::new();
    watch_writes();
    let mut hall = launch::new_hall(clock.clone(), Limits::default().http, false)?;
    let dens = folder.0.as_ref().map(|cache| cache.join("dens"));
    let den = dens.as_deref().and_then(den);
    den.iter().for_each(|den| den.set_most(ServeLimits::default().dens_bytes));
    let (spread, required) = (wish.spread, wish.require_confinement);
    let apart = Apart { wish: spread, cores: 1, required, dens, ..Apart::default() };
    let shelf = folder.0.as_ref().map(|cache| cache.join("snapshots"));
    let shelf = Shelf::new(shelf, engine.clone(), scripts.file().digests());
    let stall = Stall::new(cell, Modules::new(engine.clone(), folder.clone()), clock.clone(), shelf);
    let loops = loops_of(&spread).map(|loops| Loops::new(Rosters::new(loops), den.clone()));
    let kits = Modules::new(engine.clone(), folder.clone());
    let bees = Bees::new(wish.clone(), &hive, (stall, kits), (apart, register), loops);
    let fronts = bees.fronts(&hive).context("there is nowhere to listen")?;
    let (routes, plans, manners, cordons) = (bees.routes(), bees.plans(), bees.manners(&hive), bees.cordons());
    let count = hive.tenants.len();
    hall.open_tenants(Box::new(bees), ServeLimits::default(), routes, plans);
    hall.set_acceptor(hive.acceptor.clone());
    den.iter().for_each(|den| hall.set_den(den.clone()));
    hall.set_manners(manners);
    hall.set_log_format(wish.log);
    if cordons.iter().any(|cordon| cordon.kind == CordonKind::Process) {
        launch::check_confinement(wish.require_confinement)?;
        let kit = cache::kit(&engine, scripts.file(), &folder, compiling)?;
        hall.set_origin(launch::origin(&Limits::default())?, KitSource::Ready(kit));
    }
    if !cordons.is_empty() {
        hall.arrange_cordons(cordons);
    }
    let mut lines = Vec::new();
    for plan in fronts {
        let at = hall.add_front(plan).map_err(|error| anyhow!("{}", error.name())).context(plan.at)?;
        let tls = if plan.kind == FrontKind::Tls { " (TLS)" } else { "" };
        lines.push(format!("listening on {at}{tls}"));
    }
    // All of them are there when the first is said to be.
    lines.iter().for_each(|line| say(wish, &clock, line));
    if let Some(path) = &wish.admin {
        open_admin(&mut hall, path)?;
    }
    if let Some(at) = wish.admin_port {
        open_admin_port(&mut hall, wish, at, &clock)?;
    }
    say(wish, &clock, &format!("{count} tenants"));
    hall.run();
    // Nobody wakes any more; and what is forgotten cleans nothing up.
    den.iter().for_each(Den::close);
    // The process ends next: the system takes back gigabytes of address space and a thread faster than we could.
    std::mem::forget((hall, engine));
    Ok(0)
}

/// Loops that tenants without walls between them are spread over; none: this thread's is the only one.
fn loops_of(spread: &Spread) -> Option<u16> {
    let one = spread.processes.is_some() || spread.per_tenant;
    spread.loops.or_else(|| (!one).then(loops::cores)).filter(|loops| *loops > 1 && !one)
}

/// Where tenants' memory lies while they sleep: beside what is cached. Without a folder nobody sleeps.
fn den(place: &Path) -> Option<Den> {
    let opened =
        Den::open(place).inspect_err(|why| launch::say(&format!("tenants cannot sleep: {}: {why:#}", place.display())));
    opened.ok()
}

/// A line of the host's own, as logs are written.
fn say(wish: &Wish, clock: &OsClock, text: &str) {
    match wish.log {
        LogFormat::Text => launch::say(text),
        LogFormat::Json => launch::say_raw(&json_line(clock.wall(), None, LogStream::Host, text, "")),
    }
}

/// The operator's port: this machine's alone, and only for who has the token, since any of its users and tenants with a grant
/// for it can connect.
fn open_admin_port(hall: &mut OsHall, wish: &Wish, at: SocketAddr, clock: &OsClock) -> Result<()> {
    let token = match &wish.admin_token {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("the token {}", path.display()))?;
            text.lines().next().unwrap_or_default().trim().to_owned()
        }
        None => {
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(|error| anyhow!("no randomness: {error}"))?;
            random.iter().map(|byte| format!("{byte:02x}")).collect()
        }
    };
    ensure!(token.len() >= 16 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), TOKEN);
    let said = if wish.admin_token.is_some() { "TOKEN" } else { token.as_str() };
    let said = said.to_owned();
    let at = hall.open_admin_port(at, token).map_err(|error| anyhow!("{}", error.name())).context(at)?;
    say(wish, clock, &format!("admin page on http://{at}/#{said}"));
    Ok(())
}

const TOKEN: &str = "the token of the admin port is 16 letters and digits or more, on the first line of its file";

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
