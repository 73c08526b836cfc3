//! A cell: compiled code and an image; every guest is spawned from one. It must not know where code and
//! image came from (`cache.rs`), nor how they were made (`warm.rs`).
use super::deadline::ticks;
use super::engine::{Body, CodeMemory, Engine, Loaded, Shared, to_anyhow};
use super::guest::Guest;
use super::image::{Beat, GlobalValue, Image, Start, with_memory};
use super::imports;
use super::module::GLOBAL_EXPORT;
use super::state::GuestState;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use skep_abi::exports;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use wasmtime::{ExternType, Instance, InstancePre, Memory, Module, ModuleExport, TypedFunc, Val};

/// Compiled code with its imports resolved.
pub(super) struct Code {
    pre: InstancePre<super::engine::Context>,
    memory: ModuleExport,
    on_events: ModuleExport,
    /// Outlives `pre`, which runs it.
    _memory: CodeMemory,
}

/// Code and an image. Cloning shares both.
#[derive(Clone)]
pub struct Cell {
    engine: Engine,
    code: Arc<Code>,
    image: Image,
}

impl Code {
    /// # Errors
    /// When the module imports or exports something of another type than the boundary says.
    pub(super) fn new(engine: &Engine, loaded: Loaded) -> Result<Code> {
        let module = &loaded.module;
        check_exports(module)?;
        let find = |name: &str| module.get_export_index(name).ok_or_else(|| anyhow!("the guest exports no `{name}`"));
        let pre = imports::linker(engine.wasm(), module)?.instantiate_pre(module).map_err(to_anyhow);
        Ok(Code {
            memory: find(exports::MEMORY)?,
            on_events: find(exports::ON_EVENTS)?,
            pre: pre.context("the guest was built for another boundary")?,
            _memory: loaded.memory,
        })
    }
}

fn check_exports(module: &Module) -> Result<()> {
    let wrong = |name: &str| anyhow!("the guest's export `{name}` is missing or of a wrong type");
    let function = |name: &str, parameters: usize, results: usize| match module.get_export(name) {
        Some(ExternType::Func(ty)) => {
            let i32s = ty.params().chain(ty.results()).all(|ty| ty.is_i32());
            i32s && ty.params().len() == parameters && ty.results().len() == results
        }
        _ => false,
    };
    ensure!(function(exports::ABI, 0, 1), wrong(exports::ABI));
    ensure!(function(exports::ON_EVENTS, 1, 1), wrong(exports::ON_EVENTS));
    let initialize = module.get_export(exports::INITIALIZE);
    ensure!(initialize.is_none() || function(exports::INITIALIZE, 0, 0), wrong(exports::INITIALIZE));
    let memory = module.get_export(exports::MEMORY);
    ensure!(matches!(memory, Some(ExternType::Memory(_))), wrong(exports::MEMORY));
    Ok(())
}

impl Cell {
    pub(super) fn new(engine: &Engine, code: Arc<Code>, image: Image) -> Cell {
        Cell { engine: engine.clone(), code, image }
    }

    /// The same code over another image (a fork, a guest that wakes).
    pub fn with_image(&self, image: Image) -> Cell {
        Cell { image, ..self.clone() }
    }

    /// Whether the same code runs in both.
    pub(super) fn has_code_of(&self, other: &Cell) -> bool {
        Arc::ptr_eq(&self.code, &other.code)
    }

    /// The same, for many guests of this process: its image is where mapping it costs least, in this folder if that can be.
    pub fn at_hand(self, folder: &Path) -> Cell {
        match self.image.on_disk(folder) {
            Ok(image) => Cell { image, ..self },
            Err(_) => self,
        }
    }

    /// The image that guests start from.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Brings a guest to life. The runtime then sends it START: entropy and clocks are renewed by that.
    ///
    /// # Errors
    /// When the image is larger than the limits allow, or the system has no memory or address space.
    pub fn spawn(&self, state: GuestState) -> Result<Guest> {
        spawn(&self.engine, &self.code, Start::from(&self.image), state).map_err(|failed| failed.1)
    }
}

/// Brings a guest to life.
///
/// # Errors
/// Those of [`Cell::spawn`], and the state again.
pub(super) fn spawn(
    engine: &Engine,
    code: &Arc<Code>,
    start: Start,
    state: GuestState,
) -> Result<Guest, Box<(GuestState, anyhow::Error)>> {
    let (bytes, base, bound) = (start.memory.bytes(), start.memory.base(), state.limits.memory_bytes);
    if bytes > bound {
        return Err(Box::new((state, anyhow!("the guest starts with {bytes} bytes of memory; its limit is {bound}"))));
    }
    let ticks = ticks(state.limits.slice);
    let beat = match engine.beat() {
        Ok(beat) => beat,
        Err(error) => return Err(Box::new((state, error))),
    };
    let mut body = Body::new(engine, beat.clone(), Shared { state, inbox: start.inbox, entered: None, settle: false });
    body.shared_mut().state.limiter.conceive();
    let furnished = furnish(&mut body, &beat, code, start).and_then(|parts| {
        let bytes = parts.1.data_size(body.store());
        ensure!(
            body.shared_mut().state.limiter.is_born(bytes),
            "the processes of its tree hold all the memory they may"
        );
        Ok(parts)
    });
    match furnished {
        Ok((instance, memory, on_events)) => {
            body.yield_every(ticks);
            Ok(Guest::new(body, instance, memory, on_events, code.clone()).over(base))
        }
        Err(error) => {
            let state = std::mem::replace(&mut body.shared_mut().state, GuestState::nobodys());
            Err(Box::new((state, error)))
        }
    }
}

/// Puts an instance with its memory and globals into a store.
fn furnish(
    body: &mut Body,
    beat: &Arc<Beat>,
    code: &Code,
    start: Start,
) -> Result<(Instance, Memory, TypedFunc<i32, i32>)> {
    let mut context = std::task::Context::from_waker(Waker::noop());
    // No code of the guest's runs yet, so there is nothing to wait for.
    let made = with_memory(start.memory, beat, || pin!(code.pre.instantiate_async(body.store())).poll(&mut context));
    let Poll::Ready(instance) = made else { bail!("the guest runs code before it is asked to") };
    let (instance, store) = (instance.map_err(to_anyhow)?, body.store());
    let missing = || anyhow!("the guest's exports have changed");
    let memory = instance.get_module_export(&mut *store, &code.memory).and_then(|it| it.into_memory());
    let memory = memory.ok_or_else(missing)?;
    let on_events = instance.get_module_export(&mut *store, &code.on_events).and_then(|it| it.into_func());
    let on_events = on_events.ok_or_else(missing)?.typed(&mut *store).map_err(to_anyhow)?;
    for global in &start.globals {
        let export = instance.get_global(&mut *store, &format!("{GLOBAL_EXPORT}{}", global.index));
        export.ok_or_else(missing)?.set(&mut *store, global.value()?).map_err(to_anyhow)?;
    }
    store.data_mut().memory = Some(memory);
    Ok((instance, memory, on_events))
}

impl GlobalValue {
    fn value(self) -> Result<Val> {
        Ok(match self.kind {
            0 => Val::I32(self.bits as u32 as i32),
            1 => Val::I64(self.bits as i64),
            2 => Val::F32(self.bits as u32),
            3 => Val::F64(self.bits),
            kind => return Err(anyhow!("an image has a global of the unknown type {kind}")),
        })
    }
}
