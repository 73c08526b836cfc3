//! Many tenants: from what an operator has written to a hall that serves them. It must not know how a hall does it.
mod config;
mod keeper;
mod limits;
mod tenant;
mod text;

pub use config::{Hive, address};
pub use tenant::{Secret, Tenant};
pub use text::Fault;

use crate::guest::cache::{self, CacheFolder};
use crate::guest::{Engine, EngineOptions};
use crate::launch;
use crate::policy::{Limits, ServeLimits};
use crate::program;
use crate::time::OsClock;
use anyhow::{Context as _, Result, anyhow};
use keeper::Bees;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Wish {
    /// A folder of tenants, or a file that names them.
    pub place: PathBuf,
    /// Where to listen, instead of where the configuration says.
    pub listen: Vec<SocketAddr>,
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
    let say = |_: &str| eprintln!("skep: {}", scripts.compiling());
    let cell = cache::load_or_build(&engine, scripts.file(), &CacheFolder::from_environment(), say)?;
    let clock = OsClock::new();
    let mut hall = launch::new_hall(clock.clone(), Limits::default().http)?;
    let listen = if wish.listen.is_empty() { hive.listen.clone() } else { wish.listen.clone() };
    let bees = Bees::new(wish.place.clone(), &hive, cell, clock);
    let ports = bees.ports(listen[0].ip());
    let (routes, plans) = (bees.routes(), bees.plans());
    let count = hive.tenants.len();
    hall.open_tenants(Box::new(bees), ServeLimits::default(), routes, plans);
    let fronts = listen.into_iter().map(|at| (at, None));
    for (at, only) in fronts.chain(ports.into_iter().map(|(at, tenant)| (at, Some(tenant)))) {
        let at = hall.add_front(at, only).map_err(|error| anyhow!("{}", error.name())).context(at)?;
        eprintln!("skep: listening on {at}");
    }
    eprintln!("skep: {count} tenants");
    hall.run();
    // The process ends next: the system takes back gigabytes of address space and a thread faster than we could.
    std::mem::forget((hall, engine));
    Ok(0)
}
