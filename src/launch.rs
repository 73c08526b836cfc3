//! From an order to a running hall: the engine, the JavaScript cell, the guest's state, the loop, and
//! what is said when it is over. It must not know the words of the command line.
use crate::confine::{self, Confinement, Ports, Processes};
use crate::guest::{
    Cell, Engine, EngineOptions, Entropy, GuestState, Kit, Surroundings, Will,
    cache::{self, CacheFolder},
    watch_writes,
};
use crate::policy::{Grants, HttpLimits, Limits, PURSE_CELLS, Purse, Run};
use crate::program::{self, Chosen};
use crate::reactor::{OsReactor, StandardStreams, process};
use crate::runtime::{Clones, GuestId, KitSource, Logs, Offload, Origin, OsHall, Outcome};
use crate::system::Standard;
use crate::time::{Mono, OsClock};
use anyhow::{Context as _, Result, anyhow};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

mod apart;
mod child;
mod info;
mod lines;
mod nursery;
mod plain;

pub(crate) use apart::AtFault;
pub(crate) use child::Link;
use info::hidden_variables;
pub(crate) use info::{World, start_info};
pub(crate) use nursery::Nest;

/// What is to be run.
#[derive(Clone, Debug)]
pub enum Program {
    File(PathBuf),
    Eval {
        source: String,
        print: bool,
        module: bool,
    },
    /// What comes on standard input.
    Stdin {
        module: bool,
    },
    /// Nothing from its beginning: it goes on from another's image. Its code is that of a module, or of scripts.
    Clone {
        module: bool,
    },
}

/// One script, as somebody wants it run.
#[derive(Clone, Debug)]
pub struct Order {
    pub program: Program,
    pub args: Vec<OsString>,
    /// Options of Node's that the JavaScript guest understands: `process.execArgv`.
    pub node_flags: Vec<String>,
    pub grants: Grants,
    pub limits: Limits,
    /// Only parse it.
    pub check: bool,
    pub confine: Confine,
}

/// Who is to be confined by the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Confine {
    /// This process; child processes always are.
    pub this: bool,
    /// What the kernel lacks is an error, and not only said.
    pub required: bool,
    /// Not child processes that may start programs.
    pub unconfined: bool,
}

/// Names a file: which process begins which connection of a listener that workers share is appended to it, for benches
/// and for whoever looks for a lost request. Only the process that was started with it keeps it.
const LEDGER: &str = "SKEP_LEDGER";

const DNS: u16 = 53;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const SIGHUP: i32 = 1;

/// Runs a script to its end; answers the exit code.
pub fn run(order: Order) -> Result<i32> {
    let (confine, unconfined) = (order.confine.required, order.confine.unconfined);
    let origin = Origin { confine, unconfined, ..origin(&order.limits)? };
    let limits = &order.limits;
    let disk = limits.disk_bytes.or(limits.disk_entries).is_some();
    let counted = limits.memory_of_tree || limits.cpu_total.is_some() || limits.cpu_ns.is_some() || disk;
    let purse = if counted && order.grants.fork > 0 { new_purse() } else { None };
    run_from(order, origin, World::own()?, Birth { purse, ..Birth::default() })
}

/// What children of this process are told of it.
pub(crate) fn origin(limits: &Limits) -> Result<Origin> {
    Ok(Origin {
        program: own_program()?,
        cache: CacheFolder::from_environment().0,
        guest: program::named_guest(),
        ..Origin::new(limits)
    })
}

/// Runs what the process that started this one has ordered; answers the exit code.
pub fn run_child() -> Result<i32> {
    let child::Arrival { order, kit, modules, will, nest, given, purse, link } = child::arrive()?;
    let order = match order {
        child::What::Run(order) => order,
        child::What::Serve(hive) => {
            let kit = kit.context("tenants came without a kit")?;
            return crate::serve::run_cordon(&hive, (&kit, &modules), nest, link);
        }
    };
    let (order, origin, world) = order.into_parts()?;
    run_from(order, origin, world, Birth { link: Some(link), kit, will, nest, given, purse })
}

/// What a child has from the process that started it.
#[derive(Default)]
struct Birth {
    link: Option<child::Link>,
    kit: Option<Kit>,
    will: Option<Will>,
    nest: Option<nursery::Nest>,
    given: Vec<child::Given>,
    /// What its tree uses is counted there.
    purse: Option<(Purse, OwnedFd)>,
}

fn run_from(mut order: Order, origin: Origin, mut world: World, birth: Birth) -> Result<i32> {
    let Birth { link, kit, will, nest, given, purse } = birth;
    let clock = will.as_ref().map_or_else(OsClock::new, |will| OsClock::going_on(Mono(will.mono)));
    let engine =
        nest.as_ref().map_or_else(|| Engine::new(&EngineOptions::default()), |nest| Ok(nest.engine.clone()))?;
    if link.is_none() {
        // A child's was chosen by whoever starts it.
        world.env.retain(|key, _| order.grants.env(key));
    }
    // With a kit at hand the file that it was made from is not read, nor need it be within reach.
    let named = origin.guest.as_deref().filter(|_| kit.is_none());
    let chosen = program::choose(&order.program, named)?;
    if let (Chosen::Plain(_), Program::File(path)) = (&chosen, &order.program) {
        return plain::launch(&engine, &chosen, path, &order, &origin, &world, (link, purse.map(|(purse, _)| purse)));
    }
    order.grants.env_hidden = hidden_variables(&order.grants, &world);
    let info = start_info(&order, &world)?;
    let (http, can_clone) = (order.limits.http, order.grants.fork > 0);
    let folder = CacheFolder(origin.cache.clone());
    let needed = if kit.is_some() { &CacheFolder(None) } else { &folder };
    let filtered = nest.as_ref().is_some_and(|nest| nest.filtered);
    let confinement = order.confine.this.then(|| own_confinement(&order, needed, filtered));
    ensure_confinable(order.confine.required)?;
    let outside = Box::new(Surroundings(clock.clone(), Entropy::Os));
    let mut state = GuestState::new(order.grants, order.limits, outside, info.into_bytes());
    state.depth = world.depth;
    if let Some(will) = &will {
        state = state.beyond(will.generation);
    }
    equip(&mut state, given, purse.as_ref().map(|(purse, _)| *purse))?;
    let compiling = |_: &str| say(chosen.compiling());
    if let (None, Chosen::Itself(_), true) = (&kit, &chosen, order.check) {
        return cache::load_or_build(&engine, chosen.file(), &folder, compiling).map(|_| 0);
    }
    if let (None, Chosen::Itself(_), Program::File(path)) = (&link, &chosen, &order.program) {
        let kept = cache::is_kept(&engine, chosen.file(), &folder);
        compile_apart(kept, &chosen, &origin.program, path, &folder)?;
    }
    let guest = match kit_cell(&engine, kit.as_ref(), nest.as_ref(), &chosen)? {
        Some(cell) => cell.spawn(state)?,
        None => cache::spawn(&engine, chosen.file(), &folder, compiling, state)?,
    };
    let ledger = if link.is_none() { ledger()? } else { None };
    let mut hall = new_hall(clock, http, can_clone)?;
    if let Some(confinement) = confinement {
        confine_self(&confinement, order.confine.required, link.is_none())?;
    }
    let (kit, clones) = kits(&engine, &origin, kit, chosen, matches!(order.program, Program::Clone { module: true }));
    ledger.into_iter().for_each(|ledger| hall.keep_ledger(Box::new(ledger)));
    hall.set_origin(origin, kit);
    purse.into_iter().for_each(|(purse, cells)| hall.share_purse(purse, cells));
    hall.allow_clones(clones);
    let seat = match &will {
        Some(will) => hall.seat_clone(guest, will),
        None => hall.seat(guest),
    };
    let is_child = link.is_some();
    link.map_or(Ok(()), |link| join(&mut hall, seat, link))?;
    hall.run();
    let (_, outcome) = hall.ended().context("the hall is empty, so its guest has ended")?;
    tell_verdict(&outcome);
    hall.tell_end(&outcome);
    let code = exit_code(&outcome, is_child);
    // The process ends next: the system takes back gigabytes of address space and a thread faster than we could.
    std::mem::forget((hall, engine));
    Ok(code)
}

/// This program, to be started again.
pub(crate) fn own_program() -> Result<PathBuf> {
    Ok(if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? })
}

/// Where a tree is counted together. Without it each of its processes has the limits for itself, which is said.
fn new_purse() -> Option<(Purse, OwnedFd)> {
    match process::share_cells(PURSE_CELLS) {
        Ok((file, cells)) => Some((Purse::of_root(cells)?, file)),
        Err(error) => {
            say(&format!("limits hold for each process by itself, not for all together: {}", error.name()));
            None
        }
    }
}

/// What the guest has of its process: its terminals' sizes, its row in the tree's purse, and what the process was given, each
/// with a handle of the guest's own, found by its number.
fn equip(state: &mut GuestState, given: Vec<child::Given>, purse: Option<Purse>) -> Result<()> {
    state.windows = [1, 2].map(|fd| StandardStreams.window(fd));
    if let Some(purse) = purse {
        state.share(purse);
    }
    if given.is_empty() {
        return Ok(());
    }
    let mut info: serde_json::Value = serde_json::from_slice(&state.start_info)?;
    let mut list = Vec::new();
    for child::Given { number, open } in given {
        let handle = state.keep_open(open).context("there is no room for what the process was given")?;
        list.push(serde_json::json!([number, handle.raw()]));
    }
    info["descriptors"] = list.into();
    state.start_info = info.to_string().into_bytes();
    Ok(())
}

/// A module is somebody's: another process compiles it the first time. (A child is such a process already.)
pub(crate) fn compile_apart(
    kept: bool,
    chosen: &Chosen,
    program: &Path,
    module: &Path,
    folder: &CacheFolder,
) -> Result<()> {
    match apart::is_possible(folder) {
        Some(folder) if !kept => {
            say(chosen.compiling());
            apart::build(program, &program::resolve(module)?, folder)
        }
        _ => Ok(()),
    }
}

/// A loop with nobody in it, whose logs go to the standard streams.
pub(crate) fn new_hall(clock: OsClock, http: HttpLimits, can_clone: bool) -> Result<OsHall> {
    if can_clone {
        watch_writes();
    }
    let mut hall = new_loop(clock, http)?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        hall.handle_signal(signal).map_err(|error| anyhow!("signal {signal} cannot be watched: {}", error.name()))?;
    }
    Ok(hall)
}

/// The same for a thread that hears no signals: they are another's.
pub(crate) fn new_loop(clock: OsClock, http: HttpLimits) -> Result<OsHall> {
    let reactor = OsReactor::new().map_err(|error| anyhow!("the event loop cannot be made: {}", error.name()))?;
    let offload = Offload::threads(reactor.waker());
    Ok(OsHall::new(reactor, clock, Logs::new(Box::new(Standard(StandardStreams))), offload, http))
}

/// What the script itself cannot have said.
fn tell_verdict(outcome: &Outcome) {
    match outcome {
        Outcome::Ended(verdict) => say(&format!("the script was {verdict}")),
        Outcome::OutOfMemory(verdict) => {
            say(&format!("the script was refused more memory (--memory), and {verdict}"));
        }
        _ => {}
    }
}

/// Opened before this process is confined.
fn ledger() -> Result<Option<File>> {
    let Some(path) = std::env::var_os(LEDGER) else { return Ok(None) };
    let opened = File::options().create(true).append(true).open(&path);
    opened.map(Some).with_context(|| format!("{LEDGER}={}", path.display()))
}

fn join(hall: &mut OsHall, seat: GuestId, link: child::Link) -> Result<()> {
    let child::Link { channel, decoder, fds, user } = link;
    let joined = hall.join_parent(seat, channel, decoder, fds, user);
    joined.map_err(|error| anyhow!("the channel cannot be watched: {}", error.name()))
}

/// A kit is that of scripts. What a nursery has made ready of it is not made again.
fn kit_cell(engine: &Engine, kit: Option<&Kit>, nest: Option<&nursery::Nest>, chosen: &Chosen) -> Result<Option<Cell>> {
    match (kit, nest, chosen) {
        (_, _, Chosen::Itself(_)) | (None, ..) => Ok(None),
        (Some(kit), Some(nest), _) => Ok(Some(nest.cell.with_image(kit.image().clone()))),
        (Some(kit), None, _) => kit.cell(engine).map(Some),
    }
}

/// The exit code; a child ends by the signal that ended its guest, as whoever waits for it wants to see.
fn exit_code(outcome: &Outcome, is_child: bool) -> i32 {
    if let Outcome::Signal(signal) = outcome
        && is_child
    {
        process::die_of(*signal);
    }
    outcome.code()
}

/// A line of the host's own where no hall is there to print it. Whether anybody reads it is not asked: `eprintln!` panics
/// where nobody does.
pub fn say(line: &str) {
    say_raw(&format!("skep: {line}\n"));
}

/// The same, as it stands.
pub fn say_raw(lines: &str) {
    let _nobody = std::io::stderr().write_all(lines.as_bytes());
}

/// What children of this process are given, and what clones of its guest are.
fn kits(
    engine: &Engine,
    origin: &Origin,
    own: Option<Kit>,
    chosen: Chosen,
    clone_of_module: bool,
) -> (KitSource, Clones) {
    let ours = || kit_for_children(engine, origin);
    match (own, &chosen) {
        (Some(kit), _) if clone_of_module => (ours(), Clones::OfModule(KitSource::Ready(kit))),
        (_, Chosen::Itself(_)) => {
            let (engine, folder) = (engine.clone(), CacheFolder(origin.cache.clone()));
            let make = move || cache::kit(&engine, chosen.file(), &folder, |_| ()).ok();
            (ours(), Clones::OfModule(KitSource::Later(Box::new(make))))
        }
        (kit, _) => (kit.map_or_else(ours, KitSource::Ready), Clones::OfKit),
    }
}

/// What the first child of this process makes, and every one maps. Without it each would find its own.
fn kit_for_children(engine: &Engine, origin: &Origin) -> KitSource {
    let (engine, guest, folder) = (engine.clone(), origin.guest.clone(), CacheFolder(origin.cache.clone()));
    let unconfined = origin.unconfined;
    KitSource::Later(Box::new(move || {
        if unconfined {
            say("--unconfined: the kernel holds no child process that may start programs; only Skep's own checks do");
        }
        confine::lacking().iter().for_each(|lack| say(&format!("child processes are not wholly confined: {lack}")));
        let scripts = program::of_scripts(guest.as_deref()).ok()?;
        cache::kit(&engine, scripts.file(), &folder, |_| say(scripts.compiling())).ok()
    }))
}

/// Has the kernel refuse this process from here on what these grants do not hold. What lies between the grants and what
/// a kernel can judge (addresses, ranges of ports, names) is judged by us alone.
pub fn confinement(grants: &Grants, cache: &CacheFolder) -> Confinement {
    let folders = |write: bool| {
        let folders = grants.folders.iter().filter(move |grant| grant.write == write);
        folders.map(|grant| grant.folder.clone()).collect::<Vec<_>>()
    };
    let ports: Option<Vec<u16>> = grants.net.iter().map(|rule| rule.port).collect();
    let resolver = !grants.net.is_empty() || !grants.listen_none;
    let mut confinement = Confinement {
        read: folders(false),
        write: folders(true),
        keep: Vec::new(),
        bind: if grants.listen_none { Ports::Only(Vec::new()) } else { Ports::Any },
        connect: ports.map_or(Ports::Any, Ports::Only),
        resolver,
        processes: if grants.fork > 0 { Processes::Own } else { Processes::None },
        filtered: false,
    };
    if let (Ports::Only(ports), false) = (&mut confinement.connect, grants.net.is_empty()) {
        // An answer that a datagram has no room for.
        ports.push(DNS);
    }
    if grants.run != Run::None {
        confinement.processes = Processes::Programs;
    }
    if confinement.processes == Processes::Own {
        // A new process of ours looks there for its code.
        confinement.read.extend(cache.0.clone());
    }
    confinement
}

/// This process's, as its order says. `filtered`: its system calls are already.
fn own_confinement(order: &Order, cache: &CacheFolder, filtered: bool) -> Confinement {
    let mut confinement = Confinement { filtered, ..confinement(&order.grants, cache) };
    if order.confine.unconfined && confinement.processes == Processes::Programs {
        confinement.processes = Processes::Anything;
    }
    confinement
}

/// The same for a process of tenants that together have these grants, and this folder to themselves.
pub(crate) fn confine_tenants(grants: &Grants, den: Option<PathBuf>, required: bool) -> Result<()> {
    if required {
        ensure_confinable(true)?;
    }
    // Its guests start no processes, whatever a nursery's filter lets through: so it filters once more.
    let confinement = Confinement { keep: den.into_iter().collect(), ..confinement(grants, &CacheFolder(None)) };
    confine_self(&confinement, required, false)
}

/// What is said once of a machine that cannot confine all that is to be, and is an error if that is required.
pub(crate) fn check_confinement(required: bool) -> Result<()> {
    if required {
        return ensure_confinable(true);
    }
    confine::lacking().iter().for_each(|lack| say(&format!("processes of tenants are not wholly confined: {lack}")));
    Ok(())
}

/// What this machine cannot do is an error before anything has begun.
fn ensure_confinable(required: bool) -> Result<()> {
    match confine::lacking().first().filter(|_| required) {
        Some(lack) => Err(anyhow!("processes cannot be confined as is required: {lack}")),
        None => Ok(()),
    }
}

/// The last step before a guest's first byte.
///
/// # Errors
/// When the kernel refuses; or it lacks something, and that is `required` not to be.
pub fn confine_self(confinement: &Confinement, required: bool, say: bool) -> Result<()> {
    let report = confine::apply(confinement)?;
    match report.lacking.first() {
        Some(lack) if required => Err(anyhow!("this process cannot be confined as is required: {lack}")),
        Some(_) if say => {
            report.lacking.iter().for_each(|lack| self::say(&format!("not all of the confinement holds: {lack}")));
            Ok(())
        }
        _ => Ok(()),
    }
}
