//! What an operator sees, as plain numbers: of the hall, and of each tenant by name. A report can be told as JSON, read back
//! and merged with that of another process. It must not know where numbers come from.
use crate::policy::Bound;
use crate::runtime::tenants::counts_before;
use crate::runtime::{HallView, Latencies, TenantView};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A tenant's numbers: sums over its guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    Instances,
    Starts,
    Crashes,
    Snapshots,
    SnapshotBytes,
    SnapshotsKept,
    Hibernations,
    Wakes,
    AtRestBytes,
    Requests,
    Failed,
    CpuNs,
    MemoryBytes,
    Connections,
    Handles,
    Sockets,
    BytesOut,
    LogBytes,
    LogDropped,
    Rests,
    RestedNs,
    AnswerMicros,
    Informed,
    Fine,
    Redirected,
    Refused,
}

/// Their names, in the same order.
const COUNTS: [&str; 26] = [
    "instances",
    "starts",
    "crashes",
    "snapshots",
    "snapshotBytes",
    "snapshotsKept",
    "hibernations",
    "wakes",
    "atRestBytes",
    "requests",
    "failed",
    "cpuNs",
    "memoryBytes",
    "connections",
    "handles",
    "sockets",
    "bytesOut",
    "logBytes",
    "logDropped",
    "rests",
    "restedNs",
    "answerMicros",
    "responses1xx",
    "responses2xx",
    "responses3xx",
    "responses4xx",
];

/// The hall's numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HallReport {
    pub up_seconds: f64,
    pub busy_seconds: f64,
    pub longest_turn_micros: u64,
    pub turns: u64,
    pub guests: u64,
    pub connections: u64,
    pub timers: u64,
    pub accepted: u64,
}

/// One tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantReport {
    pub name: String,
    pub state: String,
    pub held: bool,
    /// Numbers of the processes that it is in.
    pub processes: Vec<u32>,
    /// What they are called, or the loops of one.
    pub homes: Vec<String>,
    pub counts: [u64; COUNTS.len()],
    /// Bounds that were met, and how often.
    pub hits: BTreeMap<String, u64>,
    /// Since the start, and of the last seconds.
    pub latencies: Latencies,
    pub recent: Latencies,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub hall: HallReport,
    /// By name, in order.
    pub tenants: Vec<TenantReport>,
}

impl HallReport {
    pub fn of(view: &HallView) -> HallReport {
        HallReport {
            up_seconds: view.up.as_secs_f64(),
            busy_seconds: view.busy.as_secs_f64(),
            longest_turn_micros: view.longest_turn.as_micros() as u64,
            turns: view.turns,
            guests: view.guests as u64,
            connections: view.connections as u64,
            timers: view.timers as u64,
            accepted: view.accepted,
        }
    }

    pub fn to_json(&self) -> Value {
        json!({
            "upSeconds": self.up_seconds,
            "busySeconds": self.busy_seconds,
            "longestTurnMicros": self.longest_turn_micros,
            "turns": self.turns,
            "guests": self.guests,
            "connections": self.connections,
            "timers": self.timers,
            "accepted": self.accepted,
        })
    }

    fn from_json(value: &Value) -> HallReport {
        let number = |name: &str| value[name].as_u64().unwrap_or(0);
        HallReport {
            up_seconds: value["upSeconds"].as_f64().unwrap_or(0.0),
            busy_seconds: value["busySeconds"].as_f64().unwrap_or(0.0),
            longest_turn_micros: number("longestTurnMicros"),
            turns: number("turns"),
            guests: number("guests"),
            connections: number("connections"),
            timers: number("timers"),
            accepted: number("accepted"),
        }
    }

    pub(super) fn merge(&mut self, other: &HallReport) {
        self.up_seconds = self.up_seconds.max(other.up_seconds);
        self.busy_seconds += other.busy_seconds;
        self.longest_turn_micros = self.longest_turn_micros.max(other.longest_turn_micros);
        for (sum, more) in [
            (&mut self.turns, other.turns),
            (&mut self.guests, other.guests),
            (&mut self.connections, other.connections),
            (&mut self.timers, other.timers),
            (&mut self.accepted, other.accepted),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

impl TenantReport {
    pub fn of(view: &TenantView) -> TenantReport {
        let mut counts = [0; COUNTS.len()];
        counts[Count::Instances as usize] = view.guests.len() as u64;
        counts[Count::Starts as usize] = view.starts;
        counts[Count::Crashes as usize] = view.crashes;
        counts[Count::Snapshots as usize] = view.snapshots;
        counts[Count::SnapshotBytes as usize] = view.snapshot_bytes;
        counts[Count::SnapshotsKept as usize] = view.snapshot_kept.into();
        counts[Count::Hibernations as usize] = view.hibernations;
        counts[Count::Wakes as usize] = view.wakes;
        for guest in &view.guests {
            let meter = &guest.meter;
            let more = [
                (Count::Requests, guest.requests()),
                (Count::Failed, guest.responses[5]),
                (Count::CpuNs, meter.cpu.as_nanos() as u64),
                (Count::MemoryBytes, guest.memory_bytes),
                (Count::AtRestBytes, guest.at_rest_bytes),
                (Count::Connections, u64::from(guest.connections)),
                (Count::Handles, guest.handles as u64),
                (Count::Sockets, u64::from(guest.sockets)),
                (Count::BytesOut, meter.bytes_out),
                (Count::LogBytes, meter.log_bytes),
                (Count::LogDropped, meter.log_dropped),
                (Count::Rests, meter.rests),
                (Count::RestedNs, meter.rested.as_nanos() as u64),
                (Count::AnswerMicros, guest.micros),
                (Count::Informed, guest.responses[1]),
                (Count::Fine, guest.responses[2]),
                (Count::Redirected, guest.responses[3]),
                (Count::Refused, guest.responses[4]),
            ];
            more.iter().for_each(|(count, more)| {
                let sum = &mut counts[*count as usize];
                *sum = sum.saturating_add(*more);
            });
        }
        let hits = Bound::ALL.into_iter().map(|bound| (bound, view.sum(|guest| u64::from(guest.meter.hits(bound)))));
        let hits = hits.filter(|(_, hits)| *hits > 0).map(|(bound, hits)| (bound.name().to_owned(), hits)).collect();
        let mut latencies = Latencies::default();
        view.guests.iter().for_each(|guest| latencies.merge(&guest.latencies));
        let (name, state, held) = (view.name.clone(), view.state.to_owned(), view.held);
        let (processes, homes) = (view.processes.clone(), view.homes.clone());
        TenantReport { name, state, held, processes, homes, counts, hits, latencies, recent: view.recent() }
    }

    pub fn count(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("name".into(), self.name.clone().into());
        map.insert("state".into(), self.state.clone().into());
        map.insert("held".into(), self.held.into());
        map.insert("processes".into(), json!(self.processes));
        map.insert("homes".into(), json!(self.homes));
        map.extend(COUNTS.iter().zip(self.counts).map(|(name, count)| ((*name).to_owned(), count.into())));
        map.insert("p50Micros".into(), self.recent.quantile(0.5).into());
        map.insert("p99Micros".into(), self.recent.quantile(0.99).into());
        map.insert("limitHits".into(), json!(self.hits));
        map.insert("latencies".into(), json!(self.latencies.sparse()));
        map.insert("recentLatencies".into(), json!(self.recent.sparse()));
        map.into()
    }

    fn from_json(value: &Value) -> TenantReport {
        let text = |name: &str| value[name].as_str().unwrap_or("?").to_owned();
        let hits = value["limitHits"].as_object().into_iter().flatten();
        let numbers = |name: &str| {
            let all = value[name].as_array().into_iter().flatten();
            all.filter_map(|number| number.as_u64().and_then(|number| u32::try_from(number).ok()))
        };
        let words = |name: &str| {
            let all = value[name].as_array().into_iter().flatten();
            all.filter_map(|word| word.as_str().map(str::to_owned))
        };
        let sparse = |name: &str| {
            let pairs = value[name].as_array().into_iter().flatten();
            Latencies::from_sparse(pairs.filter_map(|pair| Some((pair[0].as_u64()?, pair[1].as_u64()?))))
        };
        TenantReport {
            name: text("name"),
            state: text("state"),
            held: value["held"].as_bool().unwrap_or(false),
            processes: numbers("processes").collect(),
            homes: words("homes").collect(),
            counts: COUNTS.map(|name| value[name].as_u64().unwrap_or(0)),
            hits: hits.map(|(name, hits)| (name.clone(), hits.as_u64().unwrap_or(0))).collect(),
            latencies: sparse("latencies"),
            recent: sparse("recentLatencies"),
        }
    }

    fn merge(&mut self, other: &TenantReport) {
        if counts_before(&other.state, &self.state) {
            self.state.clone_from(&other.state);
        }
        self.held |= other.held;
        self.processes.extend(&other.processes);
        self.homes.extend(other.homes.iter().cloned());
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        for (name, hits) in &other.hits {
            let sum = self.hits.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*hits);
        }
        self.latencies.merge(&other.latencies);
        self.recent.merge(&other.recent);
    }
}

impl Report {
    pub fn to_json(&self) -> Value {
        let tenants: Vec<Value> = self.tenants.iter().map(TenantReport::to_json).collect();
        json!({ "hall": self.hall.to_json(), "tenants": tenants })
    }

    /// What another process has told. Whatever is missing or makes no sense is nothing.
    pub fn from_json(value: &Value) -> Report {
        let tenants = value["tenants"].as_array().into_iter().flatten().map(TenantReport::from_json).collect();
        Report { hall: HallReport::from_json(&value["hall"]), tenants }
    }

    /// This and another process's: a tenant that both have is one.
    pub fn merge(&mut self, other: &Report) {
        self.hall.merge(&other.hall);
        for tenant in &other.tenants {
            match self.tenants.binary_search_by(|known| known.name.cmp(&tenant.name)) {
                Ok(at) => self.tenants[at].merge(tenant),
                Err(at) => self.tenants.insert(at, tenant.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str, state: &str, requests: u64) -> TenantReport {
        let mut one = TenantReport { name: name.into(), state: state.into(), ..TenantReport::default() };
        one.counts[Count::Requests as usize] = requests;
        one.processes.push(requests as u32);
        one.homes.push(format!("loop/{requests}"));
        one.hits.insert("cpu".into(), requests);
        one.latencies = Latencies::from_sparse([(40, requests)].into_iter());
        one.recent = one.latencies.clone();
        one
    }

    #[test]
    fn what_is_told_is_read_back() {
        let hall = HallReport { up_seconds: 1.5, guests: 2, longest_turn_micros: 7, ..HallReport::default() };
        let report = Report { hall, tenants: vec![tenant("a", "running", 3), tenant("b", "stopped", 0)] };
        let text = report.to_json().to_string();
        assert_eq!(Report::from_json(&serde_json::from_str(&text).expect("it is JSON")), report);
    }

    #[test]
    fn processes_become_one_report() {
        let mut one =
            Report { tenants: vec![tenant("a", "stopped", 3), tenant("c", "failed", 1)], ..Report::default() };
        one.hall = HallReport { up_seconds: 5.0, guests: 2, longest_turn_micros: 7, ..HallReport::default() };
        let mut two =
            Report { tenants: vec![tenant("a", "running", 97), tenant("b", "stopped", 0)], ..Report::default() };
        two.hall = HallReport { up_seconds: 4.0, guests: 1, longest_turn_micros: 9, ..HallReport::default() };
        one.merge(&two);
        let names: Vec<&str> = one.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let a = &one.tenants[0];
        assert_eq!((a.state.as_str(), a.count(Count::Requests), a.hits["cpu"]), ("running", 100, 100));
        assert_eq!((a.latencies.total(), a.recent.total()), (100, 100));
        assert_eq!((one.hall.up_seconds, one.hall.guests, one.hall.longest_turn_micros), (5.0, 3, 9));
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        for text in
            ["null", "[]", "{\"tenants\":[1,null,{}],\"hall\":7}", "{\"tenants\":[{\"latencies\":[[9999,1],1,[]]}]}"]
        {
            let report = Report::from_json(&serde_json::from_str(text).expect("it is JSON"));
            assert!(report.tenants.iter().all(|tenant| tenant.latencies.total() <= 1), "{text}");
        }
    }
}
