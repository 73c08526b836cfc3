//! What an operator asks and orders, by method and path. It must not know how requests come in.
use super::metrics;
use super::patch::Patch;
use super::{Answer, Hall};
use crate::policy::Bound;
use crate::proto::http1::Method;
use crate::reactor::Kernel;
use crate::runtime::TenantView;
use crate::runtime::seat::GuestId;
use crate::time::Clock;
use serde_json::{Map, Value, json};

impl<K: Kernel, C: Clock> Hall<K, C> {
    pub(super) fn answer_operator(&mut self, method: Method, target: &str, body: &[u8]) -> Answer {
        let words: Vec<&str> = target.split('/').skip(1).collect();
        match (method, &words[..]) {
            (Method::Get, ["hall"]) => Answer::json(200, &self.hall_json()),
            (Method::Get, ["tenants"]) => {
                let all: Vec<Value> = self.view_tenants().iter().map(tenant_json).collect();
                Answer::json(200, &json!({ "hall": self.hall_json(), "tenants": all }))
            }
            (Method::Get, ["metrics"]) => {
                let text = metrics::text(&self.view(), &self.view_tenants());
                Answer { status: 200, kind: "text/plain; version=0.0.4", text }
            }
            (_, ["tenants", name, rest @ ..]) if rest.len() <= 1 => match self.tenant_named(name) {
                Some(tenant) => self.answer_about(method, tenant, rest.first().copied(), body),
                None => Answer::error(404, "there is no tenant of this name"),
            },
            (_, ["hall" | "tenants" | "metrics"]) => Answer::error(405, "this can only be read"),
            _ => Answer::error(404, "there is nothing of this name"),
        }
    }

    fn answer_about(&mut self, method: Method, tenant: u32, what: Option<&str>, body: &[u8]) -> Answer {
        match (method, what) {
            (Method::Get, None) => {
                let view = self.view_tenants().into_iter().find(|view| view.number == tenant);
                view.map_or_else(|| Answer::error(404, "it is gone"), |view| Answer::json(200, &tenant_json(&view)))
            }
            (Method::Post, Some("deploy")) => {
                self.deploy(tenant);
                Answer::json(202, &json!({ "ordered": "deploy" }))
            }
            (Method::Post, Some("stop")) => {
                self.stop_tenant(tenant);
                Answer::json(202, &json!({ "ordered": "stop" }))
            }
            (Method::Put, Some("limits")) => match Patch::read(body) {
                Ok(patch) => self.patch_limits(tenant, patch),
                Err(why) => Answer::error(400, &why),
            },
            (_, None | Some("deploy" | "stop" | "limits")) => Answer::error(405, "not in this way"),
            _ => Answer::error(404, "there is nothing of this name"),
        }
    }

    /// Other limits for a tenant: for those that run, and for those that will.
    fn patch_limits(&mut self, tenant: u32, patch: Patch) -> Answer {
        let before = self.admin.patches.remove(&tenant).unwrap_or_default();
        self.admin.patches.insert(tenant, before.and(patch));
        let guests: Vec<GuestId> = self.guests_of(tenant);
        guests.iter().for_each(|guest| self.apply_patch(tenant, *guest));
        Answer::json(200, &json!({ "instances": guests.len() }))
    }

    /// A guest has the limits that an operator has set for its tenant.
    pub(in crate::runtime) fn apply_patch(&mut self, tenant: u32, guest: GuestId) {
        let Some(patch) = self.admin.patches.get(&tenant) else { return };
        if let Some(seat) = self.seats.get(guest.0 as usize) {
            let limits = patch.apply(seat.guest.state().limits.clone());
            self.set_limits(guest, limits);
        }
    }

    fn hall_json(&self) -> Value {
        let view = self.view();
        json!({
            "upSeconds": view.up.as_secs_f64(),
            "turns": view.turns,
            "busySeconds": view.busy.as_secs_f64(),
            "longestTurnMicros": view.longest_turn.as_micros() as u64,
            "guests": view.guests,
            "connections": view.connections,
            "timers": view.timers,
            "accepted": view.accepted,
        })
    }
}

fn tenant_json(view: &TenantView) -> Value {
    let recent = view.recent();
    let hits: Map<String, Value> = Bound::ALL
        .into_iter()
        .map(|bound| (bound, view.sum(|guest| u64::from(guest.meter.hits(bound)))))
        .filter(|(_, hits)| *hits > 0)
        .map(|(bound, hits)| (bound.name().to_owned(), hits.into()))
        .collect();
    json!({
        "name": view.name,
        "state": view.state,
        "instances": view.guests.len(),
        "starts": view.starts,
        "hibernations": view.hibernations,
        "wakes": view.wakes,
        "atRestBytes": view.sum(|guest| guest.at_rest_bytes),
        "requests": view.sum(|guest| guest.requests()),
        "failed": view.sum(|guest| guest.responses[5]),
        "cpuNs": view.sum(|guest| guest.meter.cpu.as_nanos() as u64),
        "memoryBytes": view.sum(|guest| guest.memory_bytes),
        "connections": view.sum(|guest| u64::from(guest.connections)),
        "handles": view.sum(|guest| guest.handles as u64),
        "sockets": view.sum(|guest| u64::from(guest.sockets)),
        "bytesOut": view.sum(|guest| guest.meter.bytes_out),
        "logBytes": view.sum(|guest| guest.meter.log_bytes),
        "logDropped": view.sum(|guest| guest.meter.log_dropped),
        "rests": view.sum(|guest| guest.meter.rests),
        "p50Micros": recent.quantile(0.5),
        "p99Micros": recent.quantile(0.99),
        "limitHits": hits,
    })
}
