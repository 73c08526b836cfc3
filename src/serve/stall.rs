//! What makes guests of tenants within this process: where they are served by one loop it is the keeper's, where by several each has
//! its own. It must not know who asks, nor where tenants come from.
use super::hoards::Hoards;
use super::keeper::{begin, bounds, environment, folders_of, state};
use super::modules::Modules;
use super::tenant::Tenant;
use crate::guest::cache::Digests;
use crate::guest::{Cell, Engine, GuestState, Keepsake, Keepsakes, Snapshot};
use crate::launch::say;
use crate::policy::{Limits, ServeLimits};
use crate::runtime::{Hired, Hirer, NotHired};
use crate::time::OsClock;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The tenants by the numbers that they have there.
pub struct Stall {
    pub tenants: Vec<Option<Arc<Tenant>>>,
    /// Of scripts.
    cell: Cell,
    pub modules: Modules<Cell>,
    clock: OsClock,
    shelf: Shelf,
    /// Those of all loops.
    hoards: Hoards,
}

/// Where snapshots lie that outlive this process: opened when the first tenant wants that, for all loops, since the whole program
/// is read for it.
#[derive(Clone)]
pub struct Shelf {
    /// None: there is no folder for them.
    pub folder: Option<PathBuf>,
    pub engine: Engine,
    /// Of the guest that runs scripts.
    pub digests: Digests,
    opened: Arc<OnceLock<Option<Keepsakes>>>,
}

impl Shelf {
    pub fn new(folder: Option<PathBuf>, engine: Engine, digests: Digests) -> Shelf {
        Shelf { folder, engine, digests, opened: Arc::default() }
    }

    fn keepsakes(&self, cell: &Cell) -> Option<&Keepsakes> {
        let limits = ServeLimits::default();
        let bounds = (limits.snapshot_files, limits.snapshots_disk_bytes, limits.snapshot_bytes * 2);
        let open = || {
            let folder = self.folder.as_ref()?;
            let opened = Keepsakes::open(folder, &self.engine, self.digests, cell, bounds);
            opened.inspect_err(|why| say(&format!("snapshots cannot be kept: {}: {why:#}", folder.display()))).ok()
        };
        self.opened.get_or_init(open).as_ref()
    }
}

impl Stall {
    pub fn new(cell: Cell, modules: Modules<Cell>, clock: OsClock, shelf: Shelf) -> Stall {
        Stall { tenants: Vec::new(), cell, modules, clock, shelf, hoards: Hoards::default() }
    }

    /// An empty one for another loop of this process.
    pub fn another(&self) -> Stall {
        let other = Stall::new(self.cell.clone(), self.modules.another(), self.clock.clone(), self.shelf.clone());
        Stall { hoards: self.hoards.clone(), ..other }
    }

    pub fn clock(&self) -> &OsClock {
        &self.clock
    }

    pub fn tenant(&self, tenant: u32) -> Option<&Tenant> {
        self.tenants.get(tenant as usize)?.as_deref()
    }

    /// The module that a tenant's program is, if it is one, and what the host knows of a new instance.
    fn prepare(&mut self, tenant: u32) -> Result<(Option<Cell>, GuestState), NotHired> {
        let tenant = self.tenants.get(tenant as usize).and_then(Option::as_deref);
        let tenant = tenant.ok_or_else(|| NotHired::Failed("it is not configured".into()))?;
        let module = self.modules.get(&tenant.main)?.map(|(_, cell)| cell);
        let env = environment(tenant).map_err(NotHired::Failed)?;
        let mut state = state(tenant, env, &self.clock).map_err(NotHired::Failed)?;
        state.draw_from(self.hoards.of(tenant, 1));
        Ok((module, state))
    }
}

impl Hirer for Stall {
    fn hire(&mut self, tenant: u32) -> Result<Hired, NotHired> {
        let (module, mut state) = self.prepare(tenant)?;
        let wished = self.tenant(tenant).is_some_and(|tenant| tenant.snapshot);
        // A module's own heap knows no START but the first.
        if wished && module.is_none() {
            state.keep_ledger(bounds());
        }
        let spawned = module.as_ref().unwrap_or(&self.cell).spawn(state);
        spawned.map_err(|error| NotHired::Failed(format!("{error:#}")))
    }

    fn revive(&mut self, tenant: u32, from: &mut Snapshot) -> Result<Hired, String> {
        let wished = self.tenant(tenant).is_some_and(|tenant| tenant.snapshot);
        match self.prepare(tenant) {
            Ok((None, state)) if wished => begin(from, &self.cell, state, &self.clock),
            _ => Err("its configuration has changed".into()),
        }
    }

    fn keepsake(&mut self, tenant: u32) -> Option<Keepsake> {
        let tenant = self.tenants.get(tenant as usize)?.as_ref().filter(|tenant| tenant.snapshot && tenant.keep)?;
        let words = [tenant.folder.as_os_str().as_encoded_bytes(), tenant.name.as_bytes()];
        Some(self.shelf.keepsakes(&self.cell)?.of(&words))
    }

    fn recall(&mut self, from: &Keepsake, bytes: &[u8]) -> Result<(Snapshot, Vec<u8>), String> {
        from.snapshot(bytes, &self.cell).map_err(|why| format!("{why:#}"))
    }

    fn limits(&mut self, tenant: u32) -> Option<Limits> {
        self.tenant(tenant).map(|tenant| (*tenant.limits).clone())
    }

    fn folders(&mut self, tenant: u32) -> Vec<OwnedFd> {
        self.tenant(tenant).map(folders_of).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tenant::plain;
    use super::*;
    use crate::guest::EngineOptions;
    use crate::guest::cache::{CacheFolder, load_or_build};

    #[test]
    fn what_one_loop_has_opened_for_snapshots_is_open_in_the_others() {
        let engine = Engine::new(&EngineOptions::default()).expect("an engine can be made here");
        let text = format!(
            r#"(module (import "skep" "inbox" (func $inbox (param i32 i32) (result i32))) (memory (export "memory") 1)
              (func (export "skep_abi") (result i32)
                (drop (call $inbox (i32.const 4096) (i32.const 32768)))
                (i32.const {}))
              (func (export "skep_on_events") (param i32) (result i32) (i32.const 0)))"#,
            skep_abi::VERSION
        );
        let wasm = wat::parse_str(text).expect("it is well-formed");
        let cell = load_or_build(&engine, &wasm, &CacheFolder(None), |_| {}).expect("it is a guest");
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has random bytes");
        let folder = std::env::temp_dir().join(format!("skep-shelf-{:x}", u64::from_le_bytes(random)));
        let shelf = Shelf::new(Some(folder.clone()), engine.clone(), Digests::of(&wasm));
        let mut stall = Stall::new(cell, Modules::new(engine, CacheFolder(None)), OsClock::new(), shelf);
        let other = stall.another();
        stall.tenants.push(Some(Arc::new(Tenant { snapshot: true, keep: true, ..plain("a") })));
        assert!(stall.keepsake(0).is_some(), "the folder can be made");
        assert!(matches!(other.shelf.opened.get(), Some(Some(_))));
        std::fs::remove_dir_all(&folder).expect("it is there");
    }
}
