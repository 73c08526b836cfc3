//! How wasmtime is set. It must not know what is run, nor where code lies.
use super::engine::{EngineOptions, Publisher, RUN_IN_PLACE};
use super::image::Mapper;
use std::sync::Arc;
use wasmtime::{Config, OptLevel, WasmFeatures};

/// Stack that Wasm code may use, bytes: far below the fiber's own, for imports run on the same one.
const WASM_STACK: usize = 8 << 20;

/// A fiber's whole stack, bytes of address space; only touched pages are resident.
const FIBER_STACK: usize = 16 << 20;

/// Address space of one memory: every 32-bit address falls into it, so that accesses need no check. Not all of it can be used: [`BEAT_AT`](super::image::BEAT_AT).
pub(super) const RESERVATION: u64 = 4 << 30;

/// Inaccessible bytes before and after it, for constant offsets of loads and stores.
pub(super) const GUARD: u64 = 32 << 20;

/// Frames kept of a trap's backtrace.
const FRAMES: usize = 20;

/// Only what clang's and rustc's default targets emit: each further feature is attack surface.
pub(super) const FEATURES: WasmFeatures =
    WasmFeatures::WASM2.difference(WasmFeatures::SIMD.union(WasmFeatures::GC_TYPES));

pub(super) fn settings(options: &EngineOptions) -> Config {
    let mut config = Config::new();
    config.wasm_features(WasmFeatures::all(), false);
    config.wasm_features(FEATURES, true);
    // What is woven in says which way is hardly ever taken.
    config.wasm_branch_hinting(true);
    config.signals_based_traps(true);
    config.max_wasm_stack(WASM_STACK);
    config.async_stack_size(FIBER_STACK);
    config.memory_reservation(RESERVATION);
    config.memory_guard_size(GUARD);
    config.memory_may_move(false);
    config.with_host_memory(Arc::new(Mapper));
    if RUN_IN_PLACE {
        config.with_custom_code_memory(Some(Arc::new(Publisher)));
    }
    config.memory_init_cow(false);
    config.table_lazy_init(true);
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(FRAMES));
    // Both only make compiled code larger: backtraces need neither.
    config.generate_address_map(false);
    config.native_unwind_info(false);
    config.cranelift_opt_level(if options.quick_compile { OptLevel::None } else { OptLevel::Speed });
    config
}
