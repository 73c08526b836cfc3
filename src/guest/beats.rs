//! The beats of the threads that have guests of one engine, and how long one is struck. It must not know what a guest does when it hears it.
use super::deadline;
use super::engine::tick;
use super::image::Beat;
use anyhow::Result;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The beats of the threads that have guests of one engine.
#[derive(Default)]
pub(super) struct Beats(Mutex<Vec<(ThreadId, Arc<Beat>)>>);

impl Beats {
    pub(super) fn strike(&self) {
        self.list().iter().for_each(|(_, beat)| beat.strike());
    }

    /// That of this thread.
    pub(super) fn here(&self) -> Result<Arc<Beat>> {
        let (here, mut list) = (thread::current().id(), self.list());
        if let Some((_, beat)) = list.iter().find(|(thread, _)| *thread == here) {
            return Ok(beat.clone());
        }
        // Of threads that have no guest any more, maybe because they have ended.
        list.retain(|(_, beat)| Arc::strong_count(beat) > 1);
        let beat = Arc::new(Beat::new()?);
        list.push((here, beat.clone()));
        Ok(beat)
    }

    fn list(&self) -> MutexGuard<'_, Vec<(ThreadId, Arc<Beat>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody is inside a guest until this is dropped.
pub(super) enum Inside<'a> {
    /// The beat that is struck lives longer.
    Timer(PhantomData<&'a Beat>),
    Ticker(#[expect(dead_code, reason = "dropping it is what it is for")] deadline::Inside<'a>),
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Inside::Timer(_) = self {
            tick::leave();
        }
    }
}
