//! What one guest may have of Wasm's own resources. It must not know where a limit comes from.
use super::engine::Context;
use super::image::BEAT_AT;
use super::weave;
use crate::policy::{Limits, Purse};
use wasmtime::{ResourceLimiter, ResourceLimiterAsync};

/// What one store has.
pub(super) const INSTANCES: usize = 1;
pub(super) const TABLES: usize = 4;
pub(super) const MEMORIES: usize = 1;

/// Bounds on memory and tables of one store.
#[derive(Debug)]
pub(super) struct Limiter {
    memory_bytes: usize,
    table_elements: usize,
    /// The limit of memory is that of a tree.
    purse: Option<Purse>,
    /// The instance is being made: it is given an image's memory.
    is_unborn: bool,
    /// Linear memory now.
    pub memory_now: usize,
    /// Growths that were refused and have not been counted yet.
    pub refused: u32,
    /// It has asked for more memory than it may have, in this turn.
    pub starves: bool,
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Limiter {
        Limiter {
            memory_bytes: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
            table_elements: limits.table_elements as usize,
            purse: None,
            is_unborn: true,
            memory_now: 0,
            refused: 0,
            starves: false,
        }
    }

    /// What is held is counted with a tree's from here on.
    pub(super) fn share(&mut self, purse: Purse) {
        self.purse = Some(purse);
    }

    /// Its instance is made next.
    pub(super) fn conceive(&mut self) {
        self.is_unborn = true;
    }

    /// Its instance is made, with so much memory. Answers whether a tree may hold that beside what it holds.
    pub(super) fn is_born(&mut self, bytes: usize) -> bool {
        self.is_unborn = false;
        self.memory_now = bytes;
        self.purse.is_none_or(|purse| purse.hold(bytes as u64, self.memory_bytes as u64))
    }

    /// Other limits from here on.
    pub(super) fn set(&mut self, limits: &Limits) {
        *self = Limiter {
            purse: self.purse,
            is_unborn: self.is_unborn,
            memory_now: self.memory_now,
            refused: self.refused,
            starves: self.starves,
            ..Limiter::new(limits)
        };
    }
}

impl ResourceLimiter for Limiter {
    /// A refusal is -1 of `memory.grow`: the guest's own allocator reports out of memory.
    fn memory_growing(&mut self, _now: usize, wanted: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        // The engine asks before it looks at the module's own bound: what cannot be is not held.
        if most.is_some_and(|most| wanted > most && most < BEAT_AT) {
            return Ok(false);
        }
        if self.is_unborn {
            return Ok(wanted <= self.memory_bytes);
        }
        let tree = |purse: Purse| purse.hold(wanted as u64, self.memory_bytes as u64);
        let within = wanted <= self.memory_bytes.min(BEAT_AT) && self.purse.is_none_or(tree);
        if within {
            self.memory_now = wanted;
        } else {
            self.refused = self.refused.saturating_add(1);
            self.starves = true;
        }
        Ok(within)
    }

    fn table_growing(&mut self, _now: usize, wanted: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        Ok(wanted <= self.table_elements)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

/// What a growing memory or table asks, and what each question asks (`weave.rs`).
#[async_trait::async_trait]
impl ResourceLimiterAsync for Context {
    async fn memory_growing(&mut self, now: usize, wanted: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        if weave::is_question(now, wanted) {
            self.pause().await;
            return Ok(false);
        }
        self.shared().state.limiter.memory_growing(now, wanted, most)
    }

    async fn table_growing(&mut self, now: usize, wanted: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        self.shared().state.limiter.table_growing(now, wanted, most)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}
