//! Tenants: many people's guests in one hall, behind fronts that belong to the hall. A connection that comes to a front is
//! nobody's until its first head is whole (a visitor); then the routing table says whose it is, and it goes to an instance
//! of that tenant, which is started if none runs. It must not know where tenants and their code come from: that is the
//! [`Keeper`]'s.
//!
//! What facts and guests bring about is noted where it shows and done in a phase of its own, [`Hall::tend_tenants`]: no
//! connection changes hands in the middle of being read.
mod alarms;
mod cordons;
mod crews;
mod falling;
mod fronts;
mod handover;
mod hello;
mod keeper;
mod keepsakes;
mod life;
mod lines;
mod loops;
mod modules;
mod moves;
mod orders;
mod passes;
mod plans;
mod printed;
mod proxied;
mod pulse;
mod reload;
mod retelling;
mod rising;
mod routes;
mod seen;
mod sleep;
mod snapshots;
mod told;
mod traces;
mod view;
mod visitors;
mod watching;

pub use fronts::Manners;
pub use keeper::{Again, CONFIG_FILE, CordonOrder, FrontKind, FrontPlan, Hirer, Keeper, NotHired, Plan, Reload};
pub use life::State;
pub use loops::LoopLink;
pub use plans::{CordonKind, CordonPlan};
pub use routes::Routes;
pub use told::{LogFormat, Stream, json_line};
pub(super) use traces::Trace;
pub use view::TenantView;
pub(super) use view::counts_before;

use super::seat::GuestId;
use super::{Hall, Outcome};
use crate::guest::{Den, Husk};
use crate::policy::ServeLimits;
use crate::proto::http1;
use crate::reactor::{Kernel, Key};
use crate::time::{Clock, Mono};
use crate::tls::Acceptor;
use life::Tenant;
use lines::Lines;
use slab::Slab;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use visitors::Visitor;

/// Instances are started so long in one turn, for requests and for new code; others wait for the next. One at least is.
const STARTING: Duration = Duration::from_millis(2);

/// A listener of the hall's.
struct Front {
    /// None: it is closed.
    key: Option<Key>,
    plan: FrontPlan,
    /// It is in another process.
    elsewhere: bool,
}

/// What a seat knows of whom it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenancy {
    pub tenant: u32,
    /// It is given no more requests.
    pub parting: bool,
    /// When its last request came.
    pub used: Mono,
    pub requests: u64,
    /// It could not be put to sleep as it was when it had last been left at that time.
    restless: Option<u64>,
    /// It stands among those that want to sleep.
    drowsy: bool,
}

/// All tenants of a hall, and the way to them.
#[derive(Default)]
pub(super) struct Tenants {
    keeper: Option<Box<dyn Keeper>>,
    limits: ServeLimits,
    routes: Routes,
    fronts: Vec<Front>,
    manners: Manners,
    pub tales: proxied::Tales,
    /// Connections that were to begin with a proxy's header, and did not.
    proxy_faults: u64,
    visitors: Slab<Visitor>,
    /// Bytes that visitors hold.
    visitor_bytes: usize,
    acceptor: Option<Acceptor>,
    head_limits: http1::Limits,
    all: Vec<Tenant>,
    lines: Lines,
    rings: told::Rings,
    format: LogFormat,
    /// Ends of traced requests that nobody had room for.
    traces_dropped: u64,
    folders: watching::Folders,
    /// Where the memory of those that sleep lies; none: nobody sleeps.
    den: Option<Den>,
    /// Who is on the way to sleep, who wants to be next, and what is left of those that sleep.
    falling: Option<falling::Faller>,
    drowsy: VecDeque<(u32, GuestId)>,
    husks: Vec<Husk>,
    /// Who is on the way back; the first in pieces.
    risers: VecDeque<rising::Riser>,
    /// They wait until there may be what the last of them lacked.
    risers_lack: bool,
    /// Connections that have something for guests that sleep.
    knocking: VecDeque<Key>,
    /// Processes that the tenants run in, if not in this one.
    cordons: cordons::Cordons,
    question: seen::Question,
    /// This is one of those.
    is_cordon: bool,
    /// What it is told to do, as far as that has come.
    bid: Vec<u8>,
    /// Others serve its tenants.
    leaves: bool,
    /// Visitors that know whose they are.
    seeking: VecDeque<Key>,
    /// Tenants whose snapshot was looked for on disk, and what was found.
    recalled: VecDeque<(u32, crate::guest::Done)>,
    /// Tenants whose code as it is now is to take over.
    deploying: BTreeSet<u32>,
    /// Connections that are to be visitors.
    moving: Vec<Key>,
    /// Instances that have listened, and whose snapshot is taken before they serve: until then, or that time.
    budding: Vec<(u32, GuestId, Mono)>,
    /// Tenants that have had a request, and may want more instances.
    stirred: Vec<u32>,
    /// Instances that have listened.
    ready: Vec<(u32, GuestId)>,
    /// Instances that are gone: of which tenant, and how.
    gone: Vec<(u32, GuestId, String)>,
}

impl Tenants {
    /// Whether the hall serves tenants, and goes on without a guest.
    pub fn is_open(&self) -> bool {
        self.keeper.is_some()
    }

    /// How long a guest has nothing to do before it dozes.
    pub fn doze_after(&self) -> Duration {
        ms(self.limits.doze_ms)
    }

    /// What may wait for one who follows a log.
    pub fn follow_bytes(&self) -> usize {
        self.limits.log_follow_bytes as usize
    }

    fn is_settled(&self) -> bool {
        self.is_placed() && self.moving.is_empty() && self.ready.is_empty() && self.gone.is_empty()
    }

    fn is_placed(&self) -> bool {
        let nobody_seeks = self.seeking.is_empty() && self.deploying.is_empty() && self.recalled.is_empty();
        nobody_seeks && self.cordons.edited.is_empty()
    }

    /// Whether there is something to do that the last turn had no time for.
    pub fn is_due(&self) -> bool {
        self.is_knocked_at() || !self.is_settled() || self.has_pieces()
    }

    /// An instance is gone.
    pub fn is_gone(&mut self, tenant: u32, guest: GuestId, outcome: &Outcome) {
        // Its seat is the next one's, who has not listened.
        self.budding.retain(|(_, one, _)| *one != guest);
        self.ready.retain(|(_, one)| *one != guest);
        self.gone.push((tenant, guest, life::told(outcome)));
    }

    fn tenant(&mut self, tenant: u32) -> Option<&mut Tenant> {
        self.all.get_mut(tenant as usize).filter(|tenant| !tenant.gone)
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// From here on the hall serves tenants, until a signal ends it.
    pub fn open_tenants(
        &mut self,
        keeper: Box<dyn Keeper>,
        limits: ServeLimits,
        routes: Routes,
        plans: Vec<(u32, Plan)>,
    ) {
        self.tenants.keeper = Some(keeper);
        self.tenants.limits = limits;
        self.tenants.head_limits = http1::Limits {
            max_header_size: self.limits.max_header_size,
            max_headers: self.limits.max_headers,
            ..http1::Limits::default()
        };
        self.arrange(Some(routes), plans, Vec::new());
    }

    /// The same in a process of tenants: what it serves comes from the one with the fronts.
    pub fn open_cordon(
        &mut self,
        keeper: Box<dyn Keeper>,
        limits: ServeLimits,
        routes: Routes,
        plans: Vec<(u32, Plan)>,
    ) {
        self.tenants.is_cordon = true;
        self.open_tenants(keeper, limits, routes, plans);
    }

    /// The routing table, if it is another, tenants as they are to be, and those that leave.
    fn arrange(&mut self, routes: Option<Routes>, plans: Vec<(u32, Plan)>, gone: Vec<u32>) {
        self.tenants.routes = routes.unwrap_or_else(|| std::mem::take(&mut self.tenants.routes));
        for (number, plan) in plans {
            let all = &mut self.tenants.all;
            if (number as usize) < all.len() {
                self.plan_tenant(number, plan);
            } else {
                all.resize_with(number as usize, Tenant::nobody);
                all.push(Tenant::new(plan));
                self.place_kept(number);
            }
        }
        for number in gone {
            self.close_tenant(number);
        }
    }

    /// What clients of the fronts with TLS are shown.
    pub fn set_acceptor(&mut self, acceptor: Option<Acceptor>) {
        self.tenants.acceptor = acceptor.or_else(|| self.tenants.acceptor.take());
    }

    /// The hall is to end: no tenant is started any more.
    pub(super) fn close_tenants(&mut self) {
        self.tenants.keeper = None;
        self.drop_visitors();
    }

    /// What has been noted of tenants is done, until nothing is left to do, or no time for more starts.
    pub(super) fn tend_tenants(&mut self) {
        self.answer_knocks();
        self.tend_buds();
        if !self.tenants.is_settled() {
            self.settle_tenants();
        }
        self.look_at_stirred();
    }

    fn settle_tenants(&mut self) {
        let began = self.clock.now_mono();
        while !self.tenants.is_settled() {
            for (tenant, guest, outcome) in std::mem::take(&mut self.tenants.gone) {
                self.instance_gone(tenant, guest, &outcome);
            }
            for (tenant, guest) in std::mem::take(&mut self.tenants.ready) {
                if !self.buds(tenant, guest) {
                    self.instance_ready(tenant, guest);
                }
            }
            // One that has just listened may have come to rest in the same turn, and no other turn may come for long.
            self.tend_buds();
            for key in std::mem::take(&mut self.tenants.moving) {
                self.move_out(key);
            }
            while !self.tenants.is_placed() {
                self.place_next();
                if self.clock.now_mono().since(began) >= STARTING {
                    return;
                }
            }
        }
    }

    /// One that seeks its tenant goes there, one tenant's code takes over, one's snapshot is there: each may begin with a start.
    fn place_next(&mut self) {
        if let Some((tenant, found)) = self.tenants.recalled.pop_front() {
            self.has_recalled(tenant, found);
        }
        self.read_edited();
        if let Some(tenant) = self.tenants.deploying.pop_first() {
            self.deploy(tenant);
        }
        if let Some(key) = self.tenants.seeking.pop_front() {
            self.place_visitor(key);
        }
    }

    /// A guest has a listener without a socket.
    pub(super) fn tenant_listens(&mut self, guest: u32) {
        if let Some(tenancy) = self.seats[guest as usize].tenancy {
            self.tenants.ready.push((tenancy.tenant, GuestId(guest)));
        }
    }

    /// Whether a guest gets no more requests.
    pub(super) fn is_parting(&self, guest: u32) -> bool {
        self.seats.get(guest as usize).and_then(|seat| seat.tenancy).is_some_and(|tenancy| tenancy.parting)
    }
}

/// Milliseconds of a limit.
fn ms(limit: u32) -> Duration {
    Duration::from_millis(u64::from(limit))
}
