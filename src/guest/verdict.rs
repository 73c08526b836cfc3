//! How a guest's life ended, as reasons that can be counted, tested and told to a user. It must not
//! know who asks, nor how an ending is reported.
use crate::policy::Bound;
use std::fmt;

/// What a stretch of running came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The guest returned; the number is a set of [`skep_abi::wants`] bits.
    Done { wants: u32 },
    /// Its slice is used up: drain its outbox, then resume it after the others.
    Yielded,
    /// It is dead; only its state may still be read.
    Ended(Verdict),
}

/// Why a guest is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It called `exit` with this code.
    Exited(i32),
    /// Its code did what Wasm forbids.
    Trapped(Trap),
    /// It used more CPU than [`Limits::cpu_total`](crate::policy::Limits::cpu_total).
    CpuExceeded,
    /// It was over a rate of its limits, and that is its end.
    Over(Bound),
    /// It was computing when the time of a call was over.
    Overdue,
    /// It waited on the loop's own thread when this signal came, for which it does not listen.
    Signalled(i32),
    /// It answered that it could not take its batch.
    Broken,
    /// The host panicked on its behalf: a defect of ours; the guest is gone, the host goes on.
    HostFault(String),
}

/// The forbidden thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrapReason {
    StackOverflow,
    Unreachable,
    MemoryOutOfBounds,
    TableOutOfBounds,
    BadIndirectCall,
    Arithmetic,
    Other,
}

/// A trap: reason, the engine's words, and the guest's frames, innermost first, where it has names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    pub reason: TrapReason,
    pub message: String,
    pub frames: Vec<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Exited(code) => write!(f, "exited with code {code}"),
            Verdict::Trapped(trap) => {
                write!(f, "stopped by a trap: {}", trap.message)?;
                trap.frames.iter().try_for_each(|frame| write!(f, "\n    at {frame}"))
            }
            Verdict::CpuExceeded => f.write_str("stopped: its CPU budget is used up (--cpu)"),
            Verdict::Over(bound) => write!(f, "stopped: it is over its limit {}", bound.name()),
            Verdict::Overdue => f.write_str("stopped: the time of a call was over"),
            Verdict::Signalled(signal) => write!(f, "stopped by signal {signal}"),
            Verdict::Broken => f.write_str("stopped: it could not take its events"),
            Verdict::HostFault(text) => {
                write!(f, "stopped by a fault of the host (please report it): {text}")
            }
        }
    }
}

impl From<wasmtime::Trap> for TrapReason {
    fn from(trap: wasmtime::Trap) -> TrapReason {
        match trap {
            wasmtime::Trap::StackOverflow => TrapReason::StackOverflow,
            wasmtime::Trap::UnreachableCodeReached => TrapReason::Unreachable,
            wasmtime::Trap::MemoryOutOfBounds | wasmtime::Trap::HeapMisaligned => TrapReason::MemoryOutOfBounds,
            wasmtime::Trap::TableOutOfBounds => TrapReason::TableOutOfBounds,
            wasmtime::Trap::IndirectCallToNull | wasmtime::Trap::BadSignature => TrapReason::BadIndirectCall,
            wasmtime::Trap::IntegerOverflow
            | wasmtime::Trap::IntegerDivisionByZero
            | wasmtime::Trap::BadConversionToInteger => TrapReason::Arithmetic,
            _ => TrapReason::Other,
        }
    }
}

/// What an import answers with to unwind the guest after `exit`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exit(pub i32);

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {}", self.0)
    }
}

impl std::error::Error for Exit {}

/// What an import answers with when it cannot wait any longer: a signal has come that ends the guest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signalled(pub i32);

impl fmt::Display for Signalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signal {}", self.0)
    }
}

impl std::error::Error for Signalled {}

/// Reads the engine's error.
pub(super) fn judge(error: &wasmtime::Error) -> Verdict {
    if let Some(Exit(code)) = error.downcast_ref::<Exit>() {
        return Verdict::Exited(*code);
    }
    if let Some(Signalled(signal)) = error.downcast_ref::<Signalled>() {
        return Verdict::Signalled(*signal);
    }
    let reason = error.downcast_ref::<wasmtime::Trap>().map_or(TrapReason::Other, |trap| (*trap).into());
    let frames = error.downcast_ref::<wasmtime::WasmBacktrace>().map_or_else(Vec::new, |trace| {
        trace
            .frames()
            .iter()
            .map(|frame| match frame.func_name() {
                Some(name) => name.to_owned(),
                None => format!("function {}", frame.func_index()),
            })
            .collect()
    });
    Verdict::Trapped(Trap { reason, message: error.root_cause().to_string(), frames })
}
