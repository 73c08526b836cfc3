//! docs/serve.md and the code name the same keys, with the defaults that policy has.
use crate::policy::{Limits, REQUESTS_EACH, ServeLimits};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../docs/serve.md");

/// First and last cell of each row of keys.
fn rows() -> Vec<(&'static str, &'static str)> {
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix('|')?.split(" | ").map(str::trim).collect();
        let key = cells[0].strip_prefix('`')?.strip_suffix('`')?;
        let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        (is_key && cells.len() == 3).then(|| (key, *cells.last().expect("three cells")))
    };
    PAGE.lines().filter_map(row).collect()
}

/// Words of the sources that are read as keys.
fn keys() -> BTreeSet<&'static str> {
    let sources = [include_str!("config.rs"), include_str!("tenant.rs"), include_str!("limits.rs")];
    let mut keys = BTreeSet::new();
    for source in sources {
        for part in source.split("take(\"").skip(1).chain(source.split("(table, \"").skip(1)) {
            keys.extend(part.split('"').next());
        }
    }
    // Limits stand in tables: every string in such a line that is a name.
    for line in include_str!("limits.rs").lines().filter(|line| line.contains("&mut limits.")) {
        keys.extend(line.split('"').skip(1).step_by(2));
    }
    keys
}

#[test]
fn every_key_is_in_the_page_and_nothing_else_is() {
    let told: BTreeSet<&str> = rows().into_iter().map(|(key, _)| key).collect();
    assert_eq!(told, keys());
    // The same word may be a key of several tables.
    assert!(told.len() > 40, "{told:?}");
}

#[test]
fn the_pages_defaults_are_policys() {
    let limits = Limits::tenant();
    let rate = |rate: Option<crate::policy::Rate>| rate.expect("a tenant has this rate");
    let (cpu, log) = (rate(limits.cpu_ns), rate(limits.log_bytes));
    let (out, connects) = (rate(limits.bytes_out), rate(limits.connects));
    let disk = limits.disk_bytes.zip(limits.disk_entries).expect("a tenant has these");
    let numbers: [(&str, u64); 30] = [
        ("requests", REQUESTS_EACH.into()),
        ("memory_bytes", limits.memory_bytes),
        ("cpu_ns_per_second", cpu.per_second),
        ("cpu_burst_ns", cpu.burst),
        ("log_bytes_per_second", log.per_second),
        ("log_burst_bytes", log.burst),
        ("bytes_out_per_second", out.per_second),
        ("bytes_out_burst", out.burst),
        ("connects_per_second", connects.per_second),
        ("connects_burst", connects.burst),
        ("sockets", limits.sockets.into()),
        ("clock_ns", limits.clock_ns.into()),
        ("handles", limits.handles.into()),
        ("log_call_bytes", limits.log_call_bytes.into()),
        ("log_pending_bytes", limits.log_pending_bytes.into()),
        ("call_bytes", limits.call_bytes.into()),
        ("connection_pending_bytes", limits.connection_pending_bytes.into()),
        ("guest_pending_bytes", limits.guest_pending_bytes),
        ("files", limits.files.into()),
        ("file_bytes", limits.file_bytes),
        ("disk_bytes", disk.0),
        ("disk_entries", disk.1),
        ("blob_bytes", limits.blob_bytes),
        ("watches", limits.watches.into()),
        ("operations_at_once", limits.operations_at_once.into()),
        ("operations", limits.operations.into()),
        ("operation_bytes", limits.operation_bytes),
        ("listeners", limits.listeners.into()),
        ("connections", limits.connections.into()),
        ("batch_events", limits.batch_events.into()),
    ];
    let rows = rows();
    let told = |key: &str| rows.iter().find(|(name, _)| *name == key).map(|(_, default)| *default);
    for (key, number) in numbers {
        assert_eq!(told(key), Some(number.to_string().as_str()), "{key}");
    }
    assert_eq!((told("at_cpu"), told("at_bytes_out")), (Some(limits.at_cpu.name()), Some(limits.at_bytes_out.name())));
    let (requests, connections) = (limits.at_requests.name(), limits.at_connections.name());
    assert_eq!((told("at_requests"), told("at_connections")), (Some(requests), Some(connections)));
    assert_eq!((told("cpu_total"), limits.cpu_total), (Some("none"), None));
    assert_eq!((told("disk_file_bytes"), limits.disk_file_bytes), (Some("none"), None));
    let idle = format!("`{}s`", ServeLimits::default().idle_stop_ms / 1000);
    assert_eq!(told("idle"), Some(idle.as_str()));
    // Whatever has a number in the page is among these.
    let numbered = rows.iter().filter(|(_, default)| default.parse::<u64>().is_ok() && *default != "1").count();
    assert_eq!(numbered, numbers.len());
}
