//! The numbers of a hall and its tenants in Prometheus' text format. It must not know where they come from.
use super::report::{Count, Report, TenantReport};
use crate::policy::Bound;
use std::fmt::Write as _;

/// Upper ends of the latencies' buckets, microseconds: powers of two from 64 µs to 67 s.
const EDGES: std::ops::RangeInclusive<u32> = 6..=26;

/// Everything, a line each.
pub(super) fn text(report: &Report) -> String {
    let (mut out, hall) = (String::new(), &report.hall);
    let mut one = |name: &str, kind: &str, value: f64| {
        let _ = writeln!(out, "# TYPE {name} {kind}\n{name} {value}");
    };
    one("skep_up_seconds", "gauge", hall.up_seconds);
    one("skep_turns_total", "counter", hall.turns as f64);
    one("skep_busy_seconds_total", "counter", hall.busy_seconds);
    one("skep_longest_turn_seconds", "gauge", hall.longest_turn_micros as f64 / 1e6);
    one("skep_connections_accepted_total", "counter", hall.accepted as f64);
    one("skep_connections", "gauge", hall.connections as f64);
    one("skep_guests", "gauge", hall.guests as f64);
    one("skep_timers", "gauge", hall.timers as f64);
    tenants_text(&report.tenants, &mut out);
    latencies(&report.tenants, &mut out);
    out
}

fn tenants_text(tenants: &[TenantReport], out: &mut String) {
    let numbers: [(&str, &str, Count, f64); 17] = [
        ("skep_tenant_instances", "gauge", Count::Instances, 1.0),
        ("skep_tenant_starts_total", "counter", Count::Starts, 1.0),
        ("skep_tenant_crashes_total", "counter", Count::Crashes, 1.0),
        ("skep_tenant_snapshots_total", "counter", Count::Snapshots, 1.0),
        ("skep_tenant_snapshot_bytes", "gauge", Count::SnapshotBytes, 1.0),
        ("skep_tenant_snapshots_kept", "gauge", Count::SnapshotsKept, 1.0),
        ("skep_tenant_hibernations_total", "counter", Count::Hibernations, 1.0),
        ("skep_tenant_wakes_total", "counter", Count::Wakes, 1.0),
        ("skep_tenant_at_rest_bytes", "gauge", Count::AtRestBytes, 1.0),
        ("skep_tenant_cpu_seconds_total", "counter", Count::CpuNs, 1e9),
        ("skep_tenant_memory_bytes", "gauge", Count::MemoryBytes, 1.0),
        ("skep_tenant_connections", "gauge", Count::Connections, 1.0),
        ("skep_tenant_handles", "gauge", Count::Handles, 1.0),
        ("skep_tenant_sent_bytes_total", "counter", Count::BytesOut, 1.0),
        ("skep_tenant_log_bytes_total", "counter", Count::LogBytes, 1.0),
        ("skep_tenant_log_dropped_total", "counter", Count::LogDropped, 1.0),
        ("skep_tenant_rested_seconds_total", "counter", Count::RestedNs, 1e9),
    ];
    for (name, kind, count, unit) in numbers {
        let _ = writeln!(out, "# TYPE {name} {kind}");
        for tenant in tenants {
            let _ = writeln!(out, "{name}{{tenant=\"{}\"}} {}", label(&tenant.name), tenant.count(count) as f64 / unit);
        }
    }
    let _ = writeln!(out, "# TYPE skep_tenant_responses_total counter");
    let classes = [Count::Informed, Count::Fine, Count::Redirected, Count::Refused, Count::Failed];
    for tenant in tenants {
        for (class, count) in (1..).zip(classes) {
            let (name, count) = (label(&tenant.name), tenant.count(count));
            let _ = writeln!(out, "skep_tenant_responses_total{{tenant=\"{name}\",class=\"{class}xx\"}} {count}");
        }
    }
    let _ = writeln!(out, "# TYPE skep_tenant_limit_hits_total counter");
    for tenant in tenants {
        for bound in Bound::ALL {
            let hits = tenant.hits.get(bound.name()).copied().unwrap_or(0);
            let (name, bound) = (label(&tenant.name), bound.name());
            let _ = writeln!(out, "skep_tenant_limit_hits_total{{tenant=\"{name}\",limit=\"{bound}\"}} {hits}");
        }
    }
}

fn latencies(tenants: &[TenantReport], out: &mut String) {
    const NAME: &str = "skep_tenant_latency_seconds";
    let _ = writeln!(out, "# TYPE {NAME} histogram");
    for tenant in tenants {
        let name = label(&tenant.name);
        for edge in EDGES {
            let below = tenant.latencies.below(1 << edge);
            let seconds = f64::from(1_u32 << edge) / 1e6;
            let _ = writeln!(out, "{NAME}_bucket{{tenant=\"{name}\",le=\"{seconds}\"}} {below}");
        }
        let all = tenant.latencies.total();
        let seconds = tenant.count(Count::AnswerMicros) as f64 / 1e6;
        let _ = writeln!(out, "{NAME}_bucket{{tenant=\"{name}\",le=\"+Inf\"}} {all}");
        let _ = writeln!(out, "{NAME}_sum{{tenant=\"{name}\"}} {seconds}\n{NAME}_count{{tenant=\"{name}\"}} {all}");
    }
}

/// A label's value: what would end it is escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
