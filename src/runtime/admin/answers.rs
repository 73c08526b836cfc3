//! What an operator asks and orders, by method and path. It must not know how requests come in.
use super::metrics;
use super::patch::{self, Patch};
use super::report::{HallReport, Report, TenantReport};
use super::{Answer, Asked, Hall};
use crate::policy::Limits;
use crate::proto::http1::Method;
use crate::reactor::Kernel;
use crate::runtime::seat::GuestId;
use crate::time::Clock;
use serde_json::json;

const UNCOUNTED: &str = "its configuration bounds nothing on disk, so nobody counts what lies there: \
    give it a bound there first, however large";

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// All that an operator sees.
    pub fn report(&self) -> Report {
        let tenants = self.view_tenants().iter().map(TenantReport::of).collect();
        Report { hall: self.report_of_hall(), tenants }
    }

    /// This hall's numbers, and those of all that tenants run in.
    fn report_of_hall(&self) -> HallReport {
        let own = HallReport::of(&self.view());
        let mut all = own.clone();
        self.halls_apart().for_each(|view| all.merge(&HallReport::of(view)));
        HallReport { up_seconds: own.up_seconds, ..all }
    }

    pub(super) fn answer_operator(&mut self, visit: u32, asked: &Asked, body: &[u8]) -> Answer {
        let words: Vec<&str> = asked.path.split('/').skip(1).collect();
        if !asked.query.is_empty() && !matches!(&words[..], ["tenants", _, "logs"]) {
            return Answer::error(400, "ERR_QUERY", "nothing is asked for in this way here");
        }
        match (asked.method, &words[..]) {
            (Method::Get, ["hall"]) => Answer::json(200, &self.report_of_hall().to_json()),
            (Method::Get, ["tenants"]) => Answer::json(200, &self.report().to_json()),
            (Method::Get, ["metrics"]) => {
                let text = metrics::text(&self.report());
                Answer { status: 200, kind: "text/plain; version=0.0.4", fields: String::new(), text }
            }
            (Method::Post, ["deploy"]) => {
                self.reload_tenants(crate::runtime::Again::All);
                Answer::json(202, &json!({ "ordered": "deploy" }))
            }
            (_, ["tenants", name, rest @ ..]) if rest.len() <= 1 => match self.tenant_named(name) {
                Some(tenant) => self.answer_about(visit, asked, tenant, rest.first().copied(), body),
                None => Answer::error(404, "ERR_NO_TENANT", "there is no tenant of this name"),
            },
            (_, ["hall" | "tenants" | "metrics"]) => Answer::error(405, "ERR_METHOD", "this can only be read"),
            (_, ["deploy"]) => Answer::error(405, "ERR_METHOD", "this can only be ordered, by POST"),
            _ => Answer::error(404, "ERR_NOT_FOUND", "there is nothing of this name"),
        }
    }

    fn answer_about(&mut self, visit: u32, asked: &Asked, tenant: u32, what: Option<&str>, body: &[u8]) -> Answer {
        let ordered = |what: &str| Answer::json(202, &json!({ "ordered": what }));
        match (asked.method, what) {
            (Method::Get, None) => {
                let view = self.view_tenants().into_iter().find(|view| view.number == tenant);
                view.map_or_else(
                    || Answer::error(404, "ERR_NO_TENANT", "it is gone"),
                    |view| Answer::json(200, &TenantReport::of(&view).to_json()),
                )
            }
            (Method::Get, Some("logs")) => self.answer_log(visit, tenant, &asked.query),
            (Method::Get, Some("limits")) => self.answer_limits(tenant),
            (Method::Put, Some("limits")) => match Patch::read(body) {
                // There is no account, and nobody has measured what lies there.
                Ok(patch) if patch.is_of_disk() && !self.limits_of_tenant(tenant).is_some_and(|it| it.bound_disk()) => {
                    Answer::error(409, "ERR_LIMITS", UNCOUNTED)
                }
                Ok(patch) => self.patch_limits(tenant, patch),
                Err(why) => Answer::error(400, "ERR_LIMITS", &why),
            },
            (Method::Post, Some("deploy")) => {
                self.deploy_tenant(tenant);
                ordered("deploy")
            }
            (Method::Post, Some("stop")) => {
                self.hold_tenant(tenant);
                ordered("stop")
            }
            (Method::Post, Some("start")) => {
                self.start_tenant(tenant);
                ordered("start")
            }
            (_, None | Some("deploy" | "stop" | "start" | "limits" | "logs")) => {
                Answer::error(405, "ERR_METHOD", "not in this way")
            }
            _ => Answer::error(404, "ERR_NOT_FOUND", "there is nothing of this name"),
        }
    }

    /// What the tenant's guests are held to, what of it an operator has changed, and what may be changed.
    fn answer_limits(&mut self, tenant: u32) -> Answer {
        let Some(configured) = self.limits_of_tenant(tenant) else {
            return Answer::error(404, "ERR_NO_TENANT", "it is not configured");
        };
        let patch = self.admin.patches.get(&tenant).cloned().unwrap_or_default();
        Answer::json(
            200,
            &json!({
                "limits": patch::show(&patch.apply(configured.clone())),
                "configured": patch::show(&configured),
                "changed": patch.to_json(),
                "kept": "until this process ends",
            }),
        )
    }

    /// Other limits for a tenant: for those that run, and for those that will.
    fn patch_limits(&mut self, tenant: u32, patch: Patch) -> Answer {
        let elsewhere = self.bid_limits(tenant, &patch.to_json().to_string());
        let before = self.admin.patches.remove(&tenant).unwrap_or_default();
        let changed = before.and(patch);
        let told = changed.to_json();
        self.admin.patches.insert(tenant, changed);
        let guests: Vec<GuestId> = self.guests_of(tenant);
        guests.iter().for_each(|guest| self.apply_patch(tenant, *guest));
        Answer::json(
            200,
            &json!({ "instances": elsewhere.unwrap_or(guests.len()), "changed": told, "kept": "until this process ends" }),
        )
    }

    /// What a tenant is held to: as it is configured, with what an operator has changed.
    pub(in crate::runtime) fn limits_as_changed(&mut self, tenant: u32) -> Option<Limits> {
        let configured = self.limits_of_tenant(tenant)?;
        Some(match self.admin.patches.get(&tenant) {
            Some(patch) => patch.apply(configured),
            None => configured,
        })
    }

    /// What an operator has changed of a tenant's limits, as it is told to processes.
    pub(in crate::runtime) fn patch_of(&self, tenant: u32) -> Option<String> {
        self.admin.patches.get(&tenant).map(|patch| patch.to_json().to_string())
    }

    /// The same in a process of tenants, by order of the one with the fronts.
    pub(in crate::runtime) fn patch_by_bid(&mut self, tenant: u32, body: &str) {
        if let Ok(patch) = Patch::read(body.as_bytes()) {
            let _told = self.patch_limits(tenant, patch);
        }
    }

    /// A guest has the limits that an operator has set for its tenant.
    pub(in crate::runtime) fn apply_patch(&mut self, tenant: u32, guest: GuestId) {
        let Some(patch) = self.admin.patches.get(&tenant) else { return };
        if let Some(seat) = self.seats.get(guest.0 as usize) {
            let limits = patch.apply(seat.guest.state().limits.clone());
            self.set_limits(guest, limits);
        }
    }
}
