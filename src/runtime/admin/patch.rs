//! What an operator changes of a tenant's limits: a few by name, each within sense. It must not know whose they are.
use crate::policy::{AtLimit, Limits, Rate};
use serde_json::{Map, Value, json};

/// Changes, all of them checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Patch(Map<String, Value>);

/// Names, and the largest number that makes sense; the least is 1.
const NUMBERS: &[(&str, u64)] = &[
    ("memory_bytes", 4 << 30),
    ("cpu_ns_per_second", 1_000_000_000),
    ("cpu_burst_ns", 3_600_000_000_000),
    ("log_bytes_per_second", 1 << 40),
    ("log_burst_bytes", 1 << 40),
    ("bytes_out_per_second", 1 << 40),
    ("bytes_out_burst", 1 << 40),
    ("connects_per_second", 1 << 20),
    ("requests_per_second", 1 << 30),
    ("requests_burst", 1 << 30),
    ("sockets", 1 << 20),
    ("handles", 1 << 20),
    ("connections", 1 << 20),
    ("disk_bytes", 1 << 50),
    ("disk_entries", 1 << 40),
    ("disk_file_bytes", 1 << 50),
];

impl Patch {
    /// Reads a JSON object.
    pub fn read(text: &[u8]) -> Result<Patch, String> {
        let value: Value = serde_json::from_slice(text).map_err(|error| format!("the body is no JSON: {error}"))?;
        let Value::Object(map) = value else { return Err("the body is no object".into()) };
        for (name, value) in &map {
            check(name, value)?;
        }
        Ok(Patch(map))
    }

    /// Whether it changes what may lie on disk.
    pub fn is_of_disk(&self) -> bool {
        self.0.keys().any(|name| name.starts_with("disk_"))
    }

    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// This and what is later.
    pub fn and(mut self, later: Patch) -> Patch {
        self.0.extend(later.0);
        self
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// The limits with these changes.
    pub fn apply(&self, mut limits: Limits) -> Limits {
        let rate = |old: Option<Rate>, a_second: &str, burst: &str| {
            let fresh = self.number(a_second).map(|per_second| Rate { per_second, burst: per_second });
            let rate = match (old, fresh) {
                (Some(old), Some(fresh)) => Some(Rate { per_second: fresh.per_second, ..old }),
                (old, fresh) => fresh.or(old),
            };
            rate.map(|rate| Rate { burst: self.number(burst).unwrap_or(rate.burst), ..rate })
        };
        limits.cpu_ns = rate(limits.cpu_ns, "cpu_ns_per_second", "cpu_burst_ns");
        limits.log_bytes = rate(limits.log_bytes, "log_bytes_per_second", "log_burst_bytes");
        limits.bytes_out = rate(limits.bytes_out, "bytes_out_per_second", "bytes_out_burst");
        limits.requests = rate(limits.requests, "requests_per_second", "requests_burst");
        limits.connects = rate(limits.connects, "connects_per_second", "");
        limits.memory_bytes = self.number("memory_bytes").unwrap_or(limits.memory_bytes);
        for (name, limit) in [
            ("sockets", &mut limits.sockets),
            ("handles", &mut limits.handles),
            ("connections", &mut limits.connections),
        ] {
            *limit = self.number(name).map_or(*limit, |number| number as u32);
        }
        for (name, limit) in [
            ("disk_bytes", &mut limits.disk_bytes),
            ("disk_entries", &mut limits.disk_entries),
            ("disk_file_bytes", &mut limits.disk_file_bytes),
        ] {
            *limit = self.number(name).or(*limit);
        }
        for (name, at) in [
            ("at_cpu", &mut limits.at_cpu),
            ("at_bytes_out", &mut limits.at_bytes_out),
            ("at_requests", &mut limits.at_requests),
            ("at_connections", &mut limits.at_connections),
        ] {
            *at = self.0.get(name).and_then(Value::as_str).and_then(AtLimit::named).unwrap_or(*at);
        }
        limits
    }
}

/// What may be changed, as it is; null where there is no such bound.
pub(super) fn show(limits: &Limits) -> Value {
    let rate = |rate: Option<Rate>| rate.map(|rate| (rate.per_second, rate.burst)).unzip();
    let (cpu, cpu_burst) = rate(limits.cpu_ns);
    let (log, log_burst) = rate(limits.log_bytes);
    let (out, out_burst) = rate(limits.bytes_out);
    let (connects, _) = rate(limits.connects);
    let (requests, requests_burst) = rate(limits.requests);
    json!({
        "memory_bytes": limits.memory_bytes,
        "cpu_ns_per_second": cpu,
        "cpu_burst_ns": cpu_burst,
        "log_bytes_per_second": log,
        "log_burst_bytes": log_burst,
        "bytes_out_per_second": out,
        "bytes_out_burst": out_burst,
        "connects_per_second": connects,
        "requests_per_second": requests,
        "requests_burst": requests_burst,
        "sockets": limits.sockets,
        "handles": limits.handles,
        "connections": limits.connections,
        "disk_bytes": limits.disk_bytes,
        "disk_entries": limits.disk_entries,
        "disk_file_bytes": limits.disk_file_bytes,
        "at_cpu": limits.at_cpu.name(),
        "at_bytes_out": limits.at_bytes_out.name(),
        "at_requests": limits.at_requests.name(),
        "at_connections": limits.at_connections.name(),
    })
}

fn check(name: &str, value: &Value) -> Result<(), String> {
    let known = || value.as_str().and_then(AtLimit::named);
    match name {
        "at_cpu" | "at_bytes_out" => {
            return known().map(drop).ok_or_else(|| format!("{name} is throttle, shed, refuse or end"));
        }
        "at_requests" | "at_connections" => {
            let answers = known().filter(|at| at.answer().is_some());
            return answers.map(drop).ok_or_else(|| format!("{name} is shed or refuse"));
        }
        _ => {}
    }
    let Some((_, most)) = NUMBERS.iter().find(|(known, _)| *known == name) else {
        return Err(format!("there is no limit {name:?} to be changed"));
    };
    match value.as_u64() {
        Some(number) if (1..=*most).contains(&number) => Ok(()),
        _ => Err(format!("{name} is a number from 1 to {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_whole() {
        let wrong = [
            "",
            "[]",
            "1",
            "{\"memory_bytes\":0}",
            "{\"memory_bytes\":-1}",
            "{\"memory_bytes\":1.5}",
            "{\"memory_bytes\":\"1\"}",
            "{\"cpu_ns_per_second\":1000000001}",
            "{\"at_cpu\":\"maybe\"}",
            "{\"at_cpu\":1}",
            "{\"at_requests\":\"throttle\"}",
            "{\"requests_per_second\":0}",
            "{\"nothing\":1}",
            "{\"sockets\":1,\"nothing\":1}",
            "{\"sockets\":4294967297}",
        ];
        for text in wrong {
            assert!(Patch::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn changes_are_made_and_the_rest_stays() {
        let patch = Patch::read(br#"{"cpu_ns_per_second":1000,"at_cpu":"shed","sockets":3}"#).expect("it is right");
        let limits = patch.clone().apply(Limits::tenant());
        let before = Limits::tenant();
        let burst = before.cpu_ns.expect("tenants have one").burst;
        assert_eq!(limits.cpu_ns, Some(Rate { per_second: 1000, burst }));
        assert_eq!((limits.at_cpu, limits.sockets, limits.handles), (AtLimit::Shed, 3, before.handles));
        let both = patch.and(Patch::read(br#"{"cpu_burst_ns":7,"sockets":4}"#).expect("it is right"));
        let limits = both.apply(Limits::default());
        assert_eq!((limits.cpu_ns, limits.sockets), (Some(Rate { per_second: 1000, burst: 7 }), 4));
        assert_eq!(limits.log_bytes, None);
    }
}
