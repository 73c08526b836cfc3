//! The numbers of a hall and its tenants in Prometheus' text format. It must not know where they come from.
use crate::policy::Bound;
use crate::runtime::{HallView, TenantView};
use std::fmt::Write as _;

/// Upper ends of the latencies' buckets, microseconds: powers of two from 64 µs to 67 s.
const EDGES: std::ops::RangeInclusive<u32> = 6..=26;

/// Everything, a line each.
pub(super) fn text(hall: &HallView, tenants: &[TenantView]) -> String {
    let mut out = String::new();
    let mut one = |name: &str, kind: &str, value: f64| {
        let _ = writeln!(out, "# TYPE {name} {kind}\n{name} {value}");
    };
    one("skep_up_seconds", "gauge", hall.up.as_secs_f64());
    one("skep_turns_total", "counter", hall.turns as f64);
    one("skep_busy_seconds_total", "counter", hall.busy.as_secs_f64());
    one("skep_longest_turn_seconds", "gauge", hall.longest_turn.as_secs_f64());
    one("skep_connections_accepted_total", "counter", hall.accepted as f64);
    one("skep_connections", "gauge", hall.connections as f64);
    one("skep_guests", "gauge", hall.guests as f64);
    one("skep_timers", "gauge", hall.timers as f64);
    tenants_text(tenants, &mut out);
    latencies(tenants, &mut out);
    out
}

fn tenants_text(tenants: &[TenantView], out: &mut String) {
    type Number = fn(&TenantView) -> f64;
    let numbers: [(&str, &str, Number); 13] = [
        ("skep_tenant_instances", "gauge", |tenant| tenant.guests.len() as f64),
        ("skep_tenant_starts_total", "counter", |tenant| tenant.starts as f64),
        ("skep_tenant_hibernations_total", "counter", |tenant| tenant.hibernations as f64),
        ("skep_tenant_wakes_total", "counter", |tenant| tenant.wakes as f64),
        ("skep_tenant_at_rest_bytes", "gauge", |tenant| tenant.sum(|guest| guest.at_rest_bytes) as f64),
        ("skep_tenant_cpu_seconds_total", "counter", |tenant| {
            tenant.sum(|guest| guest.meter.cpu.as_nanos() as u64) as f64 / 1e9
        }),
        ("skep_tenant_memory_bytes", "gauge", |tenant| tenant.sum(|guest| guest.memory_bytes) as f64),
        ("skep_tenant_connections", "gauge", |tenant| tenant.sum(|guest| u64::from(guest.connections)) as f64),
        ("skep_tenant_handles", "gauge", |tenant| tenant.sum(|guest| guest.handles as u64) as f64),
        ("skep_tenant_sent_bytes_total", "counter", |tenant| tenant.sum(|guest| guest.meter.bytes_out) as f64),
        ("skep_tenant_log_bytes_total", "counter", |tenant| tenant.sum(|guest| guest.meter.log_bytes) as f64),
        ("skep_tenant_log_dropped_total", "counter", |tenant| tenant.sum(|guest| guest.meter.log_dropped) as f64),
        ("skep_tenant_rested_seconds_total", "counter", |tenant| {
            tenant.sum(|guest| guest.meter.rested.as_nanos() as u64) as f64 / 1e9
        }),
    ];
    for (name, kind, number) in numbers {
        let _ = writeln!(out, "# TYPE {name} {kind}");
        for tenant in tenants {
            let _ = writeln!(out, "{name}{{tenant=\"{}\"}} {}", label(&tenant.name), number(tenant));
        }
    }
    let _ = writeln!(out, "# TYPE skep_tenant_responses_total counter");
    for tenant in tenants {
        for class in 1..=5 {
            let count = tenant.sum(|guest| guest.responses[class]);
            let name = label(&tenant.name);
            let _ = writeln!(out, "skep_tenant_responses_total{{tenant=\"{name}\",class=\"{class}xx\"}} {count}");
        }
    }
    let _ = writeln!(out, "# TYPE skep_tenant_limit_hits_total counter");
    for tenant in tenants {
        for bound in Bound::ALL {
            let hits = tenant.sum(|guest| u64::from(guest.meter.hits(bound)));
            let (name, bound) = (label(&tenant.name), bound.name());
            let _ = writeln!(out, "skep_tenant_limit_hits_total{{tenant=\"{name}\",limit=\"{bound}\"}} {hits}");
        }
    }
}

fn latencies(tenants: &[TenantView], out: &mut String) {
    const NAME: &str = "skep_tenant_latency_seconds";
    let _ = writeln!(out, "# TYPE {NAME} histogram");
    for tenant in tenants {
        let name = label(&tenant.name);
        for edge in EDGES {
            let below = tenant.sum(|guest| guest.latencies.below(1 << edge));
            let seconds = f64::from(1_u32 << edge) / 1e6;
            let _ = writeln!(out, "{NAME}_bucket{{tenant=\"{name}\",le=\"{seconds}\"}} {below}");
        }
        let all = tenant.sum(|guest| guest.latencies.total());
        let seconds = tenant.sum(|guest| guest.micros) as f64 / 1e6;
        let _ = writeln!(out, "{NAME}_bucket{{tenant=\"{name}\",le=\"+Inf\"}} {all}");
        let _ = writeln!(out, "{NAME}_sum{{tenant=\"{name}\"}} {seconds}\n{NAME}_count{{tenant=\"{name}\"}} {all}");
    }
}

/// A label's value: what would end it is escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
