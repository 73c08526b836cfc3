//! Runs a plain program by wasmtime-wasi, on the thread that it is called on. It must not know where the program comes from.
use super::wire::{self, Wire};
use super::{End, World, module, quota};
use crate::guest::engine::{CodeMemory, Engine, Loaded, goes_on, to_anyhow};
use crate::guest::image::{Beat, Memory, with_memory};
use crate::guest::limiter::{self, Limiter};
use crate::guest::verdict::{Exit, Verdict, judge};
use crate::guest::weave;
use crate::policy::{Allowance, Hoard, Limits, Pace, Purse};
use crate::time::{Clock as _, OsClock, thread_time};
use anyhow::{Context as _, Result, anyhow, ensure};
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use wasmtime::{ExternType, InstancePre, Linker, Module, ResourceLimiter as _, ResourceLimiterAsync, Store};
use wasmtime_wasi::p1::{WasiP1Ctx, add_to_linker_async};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

/// A program that is ready to run.
pub struct Plain {
    engine: Engine,
    store: Store<State>,
    pre: InstancePre<State>,
    /// Outlives what runs it.
    _code: CodeMemory,
}

pub(super) struct State {
    pub wasi: WasiP1Ctx,
    /// The way to the process that started this one.
    pub wire: Option<Wire>,
    /// What its files are counted in, where that is bounded.
    pub hoard: Option<Arc<Hoard>>,
    /// Files that are open, by their descriptors: each is in the hoard as long as it is here.
    pub open: HashMap<u32, Arc<()>>,
    limiter: Limiter,
    beat: Arc<Beat>,
    allowance: Allowance,
    clock: OsClock,
}

/// Its CPU time is over.
#[derive(Debug)]
struct CpuExceeded;

impl fmt::Display for CpuExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its CPU time is over")
    }
}

impl std::error::Error for CpuExceeded {}

impl Plain {
    /// Opens what the world names.
    ///
    /// # Errors
    /// When the module is no program for WASI, or a folder cannot be opened.
    pub(in crate::guest) fn new(engine: &Engine, loaded: Loaded, world: &World, limits: &Limits) -> Result<Plain> {
        check_start(&loaded.module)?;
        let disk = limits.disk_bytes.or(limits.disk_entries).or(limits.disk_file_bytes);
        let bounded = disk.is_some() && world.folders.iter().any(|folder| folder.write);
        let pre = linker(engine, world.wire, bounded)?.instantiate_pre(&loaded.module).map_err(to_anyhow);
        let pre = pre.context("the program imports what this host does not have")?;
        let state = State {
            wasi: context(world)?,
            wire: None,
            hoard: None,
            open: HashMap::new(),
            limiter: Limiter::new(limits),
            beat: engine.beat()?,
            allowance: Allowance::new(limits),
            clock: OsClock::new(),
        };
        let mut store = Store::new(engine.wasm(), state);
        store.limiter_async(|state| state);
        // What one call may have the host copy.
        store.set_hostcall_fuel(limits.wasi_call_bytes as usize);
        Ok(Plain { engine: engine.clone(), store, pre, _code: loaded.memory })
    }

    /// Its CPU counts with its tree's, and its memory where that is limited for all.
    pub fn share(&mut self, purse: Purse, limits: &Limits) {
        let state = self.store.data_mut();
        state.allowance.share(purse);
        if limits.memory_of_tree {
            state.limiter.share(purse);
        }
    }

    /// What it writes counts there.
    pub fn draw_from(&mut self, hoard: Arc<Hoard>) {
        self.store.data_mut().hoard = Some(hoard);
    }

    /// What the descriptor `WIRE` leads to, where the world has one. It is closed with the program.
    pub fn connect(&mut self, reader: Box<dyn Read + Send>, writer: Box<dyn Write + Send>) {
        self.store.data_mut().wire = Some(Wire { reader, writer });
    }

    /// Runs it to its end. The thread is its own, from its first moment until then.
    pub fn run(mut self) -> End {
        let verdict = catch_unwind(AssertUnwindSafe(|| self.start())).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            Verdict::HostFault(text.to_owned())
        });
        End { verdict, starved: self.store.data().limiter.starves }
    }

    fn start(&mut self) -> Verdict {
        let fault = |error: &dyn fmt::Display| Verdict::HostFault(error.to_string());
        // Timers and nothing else: files are read and written on this very thread.
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return fault(&error),
        };
        let memory = match Memory::empty() {
            Ok(memory) => memory,
            Err(error) => return fault(&error),
        };
        let Plain { engine, store, pre, .. } = self;
        let (is_bounded, beat) = (store.data().allowance.is_bounded(), store.data().beat.clone());
        let mut call = Box::pin(async {
            // It begins with nothing: its first memory is counted as any growth is.
            store.data_mut().limiter.is_born(0);
            let instance = pre.instantiate_async(&mut *store).await?;
            let start = instance.get_typed_func::<(), ()>(&mut *store, module::START)?;
            start.call_async(&mut *store, ()).await
        });
        // Time passes for a program that is inside its code, not for one that waits.
        let polled = poll_fn(|context| {
            let inside = if is_bounded { engine.enter(&beat).map(Some) } else { Ok(None) };
            match inside {
                Ok(_inside) => call.as_mut().poll(context),
                Err(error) => std::task::Poll::Ready(Err(wasmtime::Error::new(error))),
            }
        });
        match with_memory(memory, &beat, || runtime.block_on(polled)) {
            Ok(()) => Verdict::Exited(0),
            Err(error) if error.is::<CpuExceeded>() => Verdict::CpuExceeded,
            Err(error) => judge(&error),
        }
    }
}

fn check_start(module: &Module) -> Result<()> {
    let fits = match module.get_export(module::START) {
        Some(ExternType::Func(ty)) => ty.params().len() == 0 && ty.results().len() == 0,
        _ => false,
    };
    ensure!(fits, "the program's export `{}` is of a wrong type", module::START);
    Ok(())
}

fn linker(engine: &Engine, has_wire: bool, bounded: bool) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine.wasm());
    add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi).map_err(to_anyhow)?;
    // Any code, as a script's; the library's own refuses those from 126 on.
    linker.allow_shadowing(true);
    if has_wire {
        wire::add(&mut linker)?;
    }
    if bounded {
        quota::add(&mut linker)?;
    }
    let exit = |code: i32| -> wasmtime::Result<()> { Err(wasmtime::Error::new(Exit(code))) };
    linker.func_wrap(module::WASI, "proc_exit", exit).map_err(to_anyhow)?;
    Ok(linker)
}

impl State {
    /// The program rests when its thread has used more CPU time than its rate, and is stopped when all of it is used up: looked at
    /// once a tick while it computes.
    async fn pause(&mut self) -> wasmtime::Result<()> {
        self.beat.rest();
        match self.allowance.look(self.clock.now_mono().0, thread_time()) {
            Pace::GoesOn => {}
            Pace::Rests(span) => tokio::time::sleep(span).await,
            Pace::Over => return Err(wasmtime::Error::new(CpuExceeded)),
        }
        goes_on();
        Ok(())
    }
}

/// What a growing memory or table asks, and what each question asks (`weave.rs`).
#[async_trait::async_trait]
impl ResourceLimiterAsync for State {
    async fn memory_growing(&mut self, now: usize, wanted: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        if weave::is_question(now, wanted) {
            return self.pause().await.map(|()| false);
        }
        self.limiter.memory_growing(now, wanted, most)
    }

    async fn table_growing(&mut self, now: usize, wanted: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        self.limiter.table_growing(now, wanted, most)
    }

    fn instances(&self) -> usize {
        limiter::INSTANCES
    }

    fn tables(&self) -> usize {
        limiter::TABLES
    }

    fn memories(&self) -> usize {
        limiter::MEMORIES
    }
}

fn context(world: &World) -> Result<WasiP1Ctx> {
    let mut builder = WasiCtxBuilder::new();
    builder.args(&world.args).envs(&world.env).inherit_stdout().inherit_stderr();
    // The thread is the program's own.
    builder.allow_blocking_current_thread(true);
    if world.input {
        builder.inherit_stdin();
    }
    for preopen in &world.folders {
        let folder = preopen.folder.display();
        ensure!(preopen.folder.is_dir(), "{folder} is no folder: a plain WASI program can be granted folders only");
        let rights = if preopen.write { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        let opened = builder.preopened_dir(&preopen.folder, &preopen.name, rights);
        opened.map_err(|error| anyhow!("cannot open {folder}: {error:#}"))?;
    }
    Ok(builder.build_p1())
}
