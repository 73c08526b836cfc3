//! Tenants whose snapshot outlives the process (`snapshot = "keep"`): it is looked for on disk before the tenant's first start
//! here, and put there when it is taken; both by threads, and the tenant's requests wait for the first. It must not know what a
//! file holds, nor where it is.
use super::super::Hall;
use super::super::work::Errand;
use super::Plan;
use super::snapshots::{Bud, Parked};
use crate::guest::{Done, Handle, Keepsake};
use crate::reactor::Kernel;
use crate::time::Clock;
use serde::{Deserialize, Serialize};
use skep_abi::ListenOptions;
use std::net::SocketAddr;

/// What is known of a tenant's snapshot on disk.
#[derive(Default)]
pub(super) struct Kept {
    keepsake: Option<Keepsake>,
    stage: Stage,
    /// There is one.
    pub is_there: bool,
    /// So many are being written; and what was to be forgotten meanwhile is forgotten again when they are.
    writing: u32,
    stale: Vec<Keepsake>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Unknown,
    /// A thread looks for it.
    Asked,
    Known,
}

/// What is kept beside a snapshot.
#[derive(Serialize, Deserialize)]
struct Beside {
    listeners: Vec<(Handle, SocketAddr, [u32; 10])>,
    signals: u64,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A tenant is to be so from here on.
    pub(super) fn plan_tenant(&mut self, tenant: u32, plan: Plan) {
        self.tenants.all[tenant as usize].plan(plan);
        self.place_kept(tenant);
    }

    /// Where its snapshot is kept is known from the beginning: what an earlier process has left is forgotten when it is to be, though
    /// nobody has asked for the tenant. What is in another place is of no use; what is in memory is kept from here on.
    pub(super) fn place_kept(&mut self, tenant: u32) {
        let before = self.tenants.all[tenant as usize].kept.keepsake.clone();
        let after = self.keepsake(tenant);
        if before == after {
            return;
        }
        self.tenants.all[tenant as usize].kept.keepsake = before;
        self.forget_kept(tenant);
        let this = &mut self.tenants.all[tenant as usize];
        (this.kept.keepsake, this.kept.stage) = (after, Stage::Unknown);
        if this.kept.keepsake.is_some() && this.bud.is_some() {
            self.keep_bud(tenant);
        }
    }

    fn keepsake(&mut self, tenant: u32) -> Option<Keepsake> {
        if !self.tenants.all[tenant as usize].plan.keep {
            return None;
        }
        let keepsake = self.tenants.keeper.as_mut()?.hirer().keepsake(tenant)?;
        self.tenants.all[tenant as usize].kept.keepsake = Some(keepsake.clone());
        Some(keepsake)
    }

    /// Whether a tenant's start waits until its snapshot has been looked for.
    pub(super) fn recalls(&mut self, tenant: u32) -> bool {
        let this = &mut self.tenants.all[tenant as usize];
        match this.kept.stage {
            Stage::Asked => return true,
            Stage::Unknown if this.plan.keep && this.bud.is_none() => {}
            _ => return false,
        }
        this.kept.stage = Stage::Known;
        let Some(keepsake) = self.keepsake(tenant) else { return false };
        self.tenants.all[tenant as usize].kept.stage = Stage::Asked;
        self.send_on(Errand::Recall(tenant), keepsake.reading());
        true
    }

    /// A thread has looked for it: the tenant goes on when there is time for it in a turn.
    pub(in crate::runtime) fn may_recall(&mut self, tenant: u32, done: Done) {
        self.tenants.recalled.push_back((tenant, done));
    }

    pub(super) fn has_recalled(&mut self, tenant: u32, done: Done) {
        let this = &mut self.tenants.all[tenant as usize];
        this.kept.stage = Stage::Known;
        let found = match done {
            Done::Bytes(bytes) => self.recall_bud(tenant, &bytes),
            Done::Failed { why, .. } => Err(why),
            _ => Ok(()),
        };
        if let Err(why) = found {
            self.say(tenant, &format!("its kept snapshot is of no use, its code is run: {why}"));
        }
        self.start_prepared(tenant);
    }

    fn recall_bud(&mut self, tenant: u32, bytes: &[u8]) -> Result<(), String> {
        let this = &mut self.tenants.all[tenant as usize];
        let Some(keepsake) = this.kept.keepsake.clone().filter(|_| this.plan.keep && !this.gone) else { return Ok(()) };
        let Some(keeper) = self.tenants.keeper.as_mut() else { return Ok(()) };
        let (snapshot, beside) = keeper.hirer().recall(&keepsake, bytes)?;
        let beside: Beside = postcard::from_bytes(&beside).map_err(|_| "what it listened on makes no sense")?;
        let parked = |(handle, at, words)| Parked { handle, at, options: options_of(words) };
        let listeners = beside.listeners.into_iter().map(parked).collect();
        let this = &mut self.tenants.all[tenant as usize];
        this.kept.is_there = true;
        this.bud = Some(Bud { snapshot, listeners, signals: beside.signals, is_recalled: true });
        Ok(())
    }

    /// A tenant has a snapshot: it is put on disk, if it is to be.
    pub(super) fn keep_bud(&mut self, tenant: u32) {
        if !self.tenants.all[tenant as usize].plan.keep {
            return;
        }
        let Some(keepsake) = self.keepsake(tenant) else {
            let why =
                if self.tenants.is_cordon() { "processes of tenants keep none" } else { "there is no folder for it" };
            return self.say(tenant, &format!("its snapshot ends with this process: {why}"));
        };
        let Some(bud) = &self.tenants.all[tenant as usize].bud else { return };
        let listeners = bud.listeners.iter().map(|one| (one.handle, one.at, words_of(&one.options))).collect();
        let beside = postcard::to_allocvec(&Beside { listeners, signals: bud.signals }).unwrap_or_default();
        match keepsake.keeping(&bud.snapshot, beside) {
            Ok(work) => {
                self.tenants.all[tenant as usize].kept.writing += 1;
                self.send_on(Errand::Keep(tenant), work);
            }
            Err(why) => self.say(tenant, &format!("its snapshot ends with this process: {why:#}")),
        }
    }

    /// A thread has put it there, or could not.
    pub(in crate::runtime) fn has_kept(&mut self, tenant: u32, done: &Done) {
        let kept = &mut self.tenants.all[tenant as usize].kept;
        kept.writing -= 1;
        kept.is_there |= kept.keepsake.is_some() && !matches!(done, Done::Failed { .. });
        let stale = if kept.writing == 0 { std::mem::take(&mut kept.stale) } else { Vec::new() };
        let current = kept.keepsake.clone();
        for stale in stale.into_iter().filter(|stale| Some(stale) != current.as_ref()) {
            self.send_on(Errand::Rest, stale.forgetting());
        }
        if let Done::Failed { why, .. } = done {
            self.say(tenant, &format!("its snapshot ends with this process: {why}"));
        }
    }

    /// There is to be none on disk.
    pub(super) fn forget_kept(&mut self, tenant: u32) {
        let kept = &mut self.tenants.all[tenant as usize].kept;
        kept.is_there = false;
        if let Some(keepsake) = kept.keepsake.take() {
            if kept.writing > 0 {
                kept.stale.push(keepsake.clone());
            }
            self.send_on(Errand::Rest, keepsake.forgetting());
        }
    }
}

fn words_of(options: &ListenOptions) -> [u32; 10] {
    let ListenOptions {
        flags,
        headers_timeout,
        request_timeout,
        keep_alive_timeout,
        keep_alive_buffer,
        max_header_size,
        max_headers,
        max_requests,
        idle_timeout,
        max_connections,
    } = *options;
    let times = [flags, headers_timeout, request_timeout, keep_alive_timeout, keep_alive_buffer];
    let sizes = [max_header_size, max_headers, max_requests, idle_timeout, max_connections];
    std::array::from_fn(|at| if at < 5 { times[at] } else { sizes[at - 5] })
}

fn options_of(words: [u32; 10]) -> ListenOptions {
    ListenOptions {
        flags: words[0],
        headers_timeout: words[1],
        request_timeout: words[2],
        keep_alive_timeout: words[3],
        keep_alive_buffer: words[4],
        max_header_size: words[5],
        max_headers: words[6],
        max_requests: words[7],
        idle_timeout: words[8],
        max_connections: words[9],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_out_as_they_went_in() {
        let words = std::array::from_fn(|at| at as u32 + 1);
        assert_eq!(words_of(&options_of(words)), words);
    }
}
