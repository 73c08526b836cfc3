//! A plain WASI program from its order to its end: it runs on a thread of its own, and this one waits for its end and for
//! signals. It must not know how a program runs.
use super::lines;
use super::{
    Order, World, child, compile_apart, confine_self, ensure_confinable, exit_code, own_confinement, say, tell_verdict,
};
use crate::guest::cache::{self, CacheFolder};
use crate::guest::{Engine, Plain, PlainEnd, PlainWorld, Preopen, WIRE, measured_hoard};
use crate::policy::{Grants, Purse};
use crate::program::Chosen;
use crate::reactor::{Fact, OsReactor};
use crate::runtime::{Origin, Outcome};
use anyhow::{Context as _, Result, anyhow};
use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

/// Signals that end it.
const ENDING: [i32; 3] = [super::SIGINT, super::SIGTERM, super::SIGHUP];

/// Stack of its thread, bytes: the host's own part of it, for the program's code has a stack elsewhere.
const STACK: usize = 2 << 20;

/// Does what was ordered; answers the exit code.
pub(super) fn launch(
    engine: &Engine,
    chosen: &Chosen,
    path: &Path,
    order: &Order,
    origin: &Origin,
    world: &World,
    (parent, purse): (Option<child::Link>, Option<Purse>),
) -> Result<i32> {
    let folder = CacheFolder(origin.cache.clone());
    let compiling = |_: &str| say(chosen.compiling());
    let made = |world: &PlainWorld| cache::plain(engine, chosen.file(), &folder, compiling, (world, &order.limits));
    if order.check {
        return made(&PlainWorld::default()).map(|_| 0);
    }
    ensure_confinable(order.confine.required)?;
    let is_child = parent.is_some();
    let mut parent = parent;
    if !is_child {
        let kept = cache::is_plain_kept(engine, chosen.file(), &folder);
        compile_apart(kept, chosen, &origin.program, path, &folder)?;
    }
    let lines =
        parent.as_mut().filter(|link| link.user && speaks_json(world)).map(|link| lines::of(link, &origin.frames));
    let mut plain = made(&given(order, path, world, lines.is_some())?)?;
    if let Some(lines) = lines {
        let (reader, writer) = lines?;
        plain.connect(Box::new(reader), Box::new(writer));
    }
    purse.into_iter().for_each(|purse| plain.share(purse, &order.limits));
    let hoard = measured_hoard(&order.grants, &order.limits, purse.as_ref());
    hoard.into_iter().for_each(|hoard| plain.draw_from(hoard));
    if order.confine.this {
        confine_self(&own_confinement(order, &CacheFolder(None), false), order.confine.required, !is_child)?;
    }
    let outcome = run(plain, parent)?;
    tell_verdict(&outcome);
    Ok(exit_code(&outcome, is_child))
}

/// What the order and the grants come to in WASI's terms: words, variables, folders. Relative names are those of the folder
/// where this process stands, if that is granted.
fn given(order: &Order, name: &Path, world: &World, wire: bool) -> Result<PlainWorld> {
    let mut args = vec![name.to_string_lossy().into_owned()];
    args.extend(order.args.iter().map(|word| word.to_string_lossy().into_owned()));
    let env = world.env.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let mut env: Vec<(String, String)> = env.filter(|(key, _)| !key.starts_with("NODE_CHANNEL_")).collect();
    if wire {
        // What Node tells a child: where to read and write JSON texts, a line each.
        env.push(("NODE_CHANNEL_FD".into(), WIRE.to_string()));
        env.push(("NODE_CHANNEL_SERIALIZATION_MODE".into(), "json".into()));
    }
    let here = std::env::current_dir().context("the current folder is gone")?;
    Ok(PlainWorld { args, env, folders: folders(&order.grants, &here), input: order.grants.input, wire })
}

/// Whoever forks for messages in another form sends what no line can hold.
fn speaks_json(world: &World) -> bool {
    world.info.get("serialization").is_none_or(|mode| mode == "json")
}

fn folders(grants: &Grants, here: &Path) -> Vec<Preopen> {
    let granted = grants.folders.iter().map(|grant| Preopen {
        folder: grant.folder.clone(),
        name: grant.folder.to_string_lossy().into_owned(),
        write: grant.write,
    });
    let mut folders: Vec<Preopen> = granted.collect();
    if grants.path(here, false).is_ok() {
        let write = grants.path(here, true).is_ok();
        folders.push(Preopen { folder: here.into(), name: ".".into(), write });
    }
    folders
}

/// Runs it; answers how it ended. The channel to whoever started this process is open until then; the program's own thread is
/// what reads it, if anything does.
fn run(plain: Plain, _parent: Option<child::Link>) -> Result<Outcome> {
    let mut reactor = OsReactor::new().map_err(|error| anyhow!("the event loop cannot be made: {}", error.name()))?;
    for signal in ENDING {
        let watched = reactor.watch_signal(signal);
        watched.map_err(|error| anyhow!("signal {signal} cannot be watched: {}", error.name()))?;
    }
    let (sender, end) = channel();
    let waker = reactor.waker();
    let body = move || {
        // Nobody waits for it any more when this fails: the process ends.
        let _gone = sender.send(plain.run());
        let _refused = waker.wake();
    };
    let started = thread::Builder::new().name("skep-program".into()).stack_size(STACK).spawn(body);
    started.context("no thread can be started for the program")?;
    wait(&mut reactor, &end)
}

fn wait(reactor: &mut OsReactor, end: &Receiver<PlainEnd>) -> Result<Outcome> {
    let mut facts = Vec::new();
    loop {
        facts.clear();
        reactor.wait(None, &mut facts).map_err(|error| anyhow!("the kernel's poll failed: {}", error.name()))?;
        // Its own end comes first: that is what it has done.
        match end.try_recv() {
            Ok(end) => return Ok(Outcome::of(end.verdict, end.starved)),
            Err(TryRecvError::Disconnected) => return Err(anyhow!("the program's thread is gone")),
            Err(TryRecvError::Empty) => {}
        }
        let signal = facts.iter().find_map(|fact| match fact {
            Fact::Signal(signal) if ENDING.contains(signal) => Some(*signal),
            _ => None,
        });
        if let Some(signal) = signal {
            return Ok(Outcome::Signal(signal));
        }
    }
}
