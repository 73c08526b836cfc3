//! What the hall of many tenants and whoever configures it tell each other. It must not know connections nor files' formats.
use super::super::seat::Hired;
use super::{LoopLink, Manners, Routes};
use crate::guest::{Keepsake, Kit, Snapshot};
use crate::policy::{Instances, Limits};
use crate::tls::Acceptor;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Where instances of tenants come from.
pub trait Hirer {
    /// A guest that will run this tenant's code as it is now.
    ///
    /// # Errors
    /// When there is none yet, or can be none.
    fn hire(&mut self, tenant: u32) -> std::result::Result<Hired, NotHired>;

    /// A guest that begins from this tenant's snapshot, as it would from its code.
    ///
    /// # Errors
    /// Why it would not come to the same: for the tenant's log.
    fn revive(&mut self, _tenant: u32, _from: &mut Snapshot) -> std::result::Result<Hired, String> {
        Err("nobody makes guests of snapshots here".into())
    }

    /// Where this tenant's snapshot is kept on disk; none: nowhere.
    fn keepsake(&mut self, _tenant: u32) -> Option<Keepsake> {
        None
    }

    /// The snapshot that these bytes are, and what was kept with it.
    ///
    /// # Errors
    /// Why they are none that could be of use here.
    fn recall(&mut self, _from: &Keepsake, _bytes: &[u8]) -> std::result::Result<(Snapshot, Vec<u8>), String> {
        Err("nobody makes guests of snapshots here".into())
    }

    /// What it is configured to have; none: it is not configured.
    fn limits(&mut self, _tenant: u32) -> Option<Limits> {
        None
    }

    /// Folders whose changes are changes of this tenant's code or configuration.
    fn folders(&mut self, tenant: u32) -> Vec<OwnedFd>;
}

/// Who knows what tenants are configured to be, and hears of their lives.
pub trait Keeper {
    /// Where their instances come from.
    fn hirer(&mut self) -> &mut dyn Hirer;

    /// Looks at the configuration again.
    ///
    /// # Errors
    /// When it is wrong, and everything stays: for the operator.
    fn reload(&mut self, what: Again) -> std::result::Result<Reload, String>;

    /// What a process of tenants is told of them; `cordon` is its place among those of the last plans.
    ///
    /// # Errors
    /// When modules of theirs are not ready yet, or why it cannot be told: for the operator.
    fn cordon(&mut self, cordon: u32) -> std::result::Result<CordonOrder, NotHired> {
        Err(NotHired::Failed(format!("there is no process {cordon} of tenants")))
    }

    /// A process has found another module of this tenant's than it was given: the plans of all processes, when the module as it
    /// is now is ready.
    ///
    /// # Errors
    /// When it is not ready yet, or there can be none.
    fn other_module(&mut self, _tenant: u32) -> std::result::Result<Vec<super::CordonPlan>, NotHired> {
        Err(NotHired::Failed("its modules are not looked at here".into()))
    }

    /// Starts the loop at this place among the last plans, which is told its tenants; it ends with its link.
    ///
    /// # Errors
    /// When the system has no thread for it.
    fn start_loop(&mut self, place: u32, _link: LoopLink) -> std::result::Result<(), String> {
        Err(format!("there is no loop {place}"))
    }

    /// Lays ready for a loop what has changed of its tenants since it was last told; whether anything has. It takes that when it is
    /// told to [`renew`](Keeper::renew).
    fn tell_loop(&mut self, _place: u32) -> bool {
        false
    }

    /// In such a process: tenants, by their places, that were not hired since their modules are others than it was given.
    fn wanted(&mut self) -> Vec<u32> {
        Vec::new()
    }

    /// In such a process: there is no module for this tenant, and why.
    fn refused(&mut self, _tenant: u32, _why: String) {}

    /// In such a process or loop: what it was told anew. None: it makes no sense.
    fn renew(&mut self, _hive: &[u8]) -> Option<Reload> {
        None
    }
}

/// What a process of tenants is given at its start.
pub struct CordonOrder {
    pub hive: Vec<u8>,
    /// Of tenants whose programs are modules, by their places.
    pub modules: Vec<(u32, Kit)>,
    /// See [`CordonPlan`](super::CordonPlan).
    pub shape: String,
}

/// Why there is no guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotHired {
    /// Its code is being made ready: ask again in a moment.
    NotYet,
    /// There can be none: why, for the operator.
    Failed(String),
}

/// How much of a configuration is to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// All, and all that runs is to be deployed.
    All,
    /// All; what differs is to be deployed.
    Changes,
    /// The same of this tenant.
    Of(u32),
}

/// What a configuration that was read again makes of the hall.
pub struct Reload {
    /// For the operator.
    pub notes: Vec<String>,
    /// None: they are as they were.
    pub routes: Option<Routes>,
    /// Tenants by number, those that are as they were maybe left out.
    pub plans: Vec<(u32, Plan)>,
    /// Those that leave.
    pub gone: Vec<u32>,
    /// Those that run and are to run their code as it is now.
    pub deploy: Vec<u32>,
    /// What clients are shown from now on; none: what they were.
    pub acceptor: Option<Acceptor>,
    /// Where to listen.
    pub fronts: Vec<FrontPlan>,
    pub manners: Manners,
    /// Processes that tenants are in; none: this one.
    pub cordons: Vec<super::CordonPlan>,
}

/// What a tenant's own configuration file is called.
pub const CONFIG_FILE: &str = "skep.toml";

/// What comes to a front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrontKind {
    /// Requests, whose tenant the routing table tells.
    Shared,
    /// The same within TLS.
    Tls,
    /// All is one tenant's.
    Only(u32),
}

/// One listener of the hall's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontPlan {
    pub at: SocketAddr,
    pub kind: FrontKind,
    /// Each connection begins with a header of the PROXY protocol.
    pub proxied: bool,
}

/// One tenant, as the hall needs to know it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub name: String,
    /// Instances that run at once, once it runs.
    pub instances: Instances,
    /// It is stopped after so long without a request; none: never.
    pub idle: Option<Duration>,
    /// It is put to sleep after so long without anything to do; none: never.
    pub hibernate: Option<Duration>,
    /// Its snapshot is kept on disk.
    pub keep: bool,
    /// Other processes or loops have instances of it, too.
    pub elsewhere: bool,
}
