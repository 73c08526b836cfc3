//! Limits of a tenant by the names that they have in `policy/limits.rs`. It must not know who enforces them.
use super::text::{Fault, Table, Value};
use crate::policy::words::{self, span};
use crate::policy::{AtLimit, Limits, Rate};

/// What a tenant has if it says nothing.
pub fn of_tenant() -> Limits {
    Limits::tenant()
}

/// Reads `limits`.
///
/// # Errors
/// When a limit makes no sense, or there is none of that name.
pub fn read(table: &mut Table<'_>) -> Result<Limits, Fault> {
    let mut limits = of_tenant();
    if let Some(value) = table.take("memory_bytes") {
        // Below it no engine starts; above it no cell can be made.
        let most = bytes(&value)?;
        if !(4 << 20..=4 << 30).contains(&most) {
            return Err(value.fault("it is from 4M to 4G"));
        }
        limits.memory_bytes = most;
    }
    if let Some(value) = table.take("cpu_total") {
        limits.cpu_total = Some(value.measure("a time such as 500ms or 10s", span)?);
    }
    counts(table, &mut limits)?;
    disk(table, &mut limits)?;
    rates(table, &mut limits)?;
    Ok(limits)
}

/// Those by the second, and what is done with who is over them.
fn rates(table: &mut Table<'_>, limits: &mut Limits) -> Result<(), Fault> {
    let rates: [(&str, &str, &mut Option<Rate>); 5] = [
        ("cpu_ns_per_second", "cpu_burst_ns", &mut limits.cpu_ns),
        ("log_bytes_per_second", "log_burst_bytes", &mut limits.log_bytes),
        ("bytes_out_per_second", "bytes_out_burst", &mut limits.bytes_out),
        ("connects_per_second", "connects_burst", &mut limits.connects),
        ("requests_per_second", "requests_burst", &mut limits.requests),
    ];
    for (a_second, burst, limit) in rates {
        if let Some(value) = table.take(a_second) {
            let per_second = value.number(1..=1 << 40)?;
            *limit = Some(Rate { per_second, burst: limit.map_or(per_second, |rate| rate.burst) });
        }
        if let (Some(value), Some(rate)) = (table.take(burst), limit) {
            rate.burst = value.number(1..=1 << 50)?;
        }
    }
    if let Some(value) = table.take("sockets") {
        limits.sockets = value.number(1..=u64::from(u32::MAX))? as u32;
    }
    for (name, at) in [("at_cpu", &mut limits.at_cpu), ("at_bytes_out", &mut limits.at_bytes_out)] {
        if let Some(value) = table.take(name) {
            let known = AtLimit::named(value.text()?);
            *at = known.ok_or_else(|| value.fault("it is throttle, shed, refuse or end"))?;
        }
    }
    // Nothing of the guest's is left to be throttled there: it is about requests that it has not seen.
    for (name, at) in [("at_requests", &mut limits.at_requests), ("at_connections", &mut limits.at_connections)] {
        if let Some(value) = table.take(name) {
            let known = AtLimit::named(value.text()?).filter(|at| at.answer().is_some());
            *at = known.ok_or_else(|| value.fault("it is shed or refuse"))?;
        }
    }
    Ok(())
}

/// Those that are plain numbers, with the most that makes sense.
fn counts(table: &mut Table<'_>, limits: &mut Limits) -> Result<(), Fault> {
    let small: [(&str, &mut u32); 13] = [
        ("clock_ns", &mut limits.clock_ns),
        ("handles", &mut limits.handles),
        ("log_call_bytes", &mut limits.log_call_bytes),
        ("log_pending_bytes", &mut limits.log_pending_bytes),
        ("call_bytes", &mut limits.call_bytes),
        ("connection_pending_bytes", &mut limits.connection_pending_bytes),
        ("files", &mut limits.files),
        ("watches", &mut limits.watches),
        ("operations_at_once", &mut limits.operations_at_once),
        ("operations", &mut limits.operations),
        ("listeners", &mut limits.listeners),
        ("connections", &mut limits.connections),
        ("batch_events", &mut limits.batch_events),
    ];
    for (name, limit) in small {
        if let Some(value) = table.take(name) {
            *limit = value.number(1..=u64::from(u32::MAX))? as u32;
        }
    }
    let large: [(&str, &mut u64); 4] = [
        ("guest_pending_bytes", &mut limits.guest_pending_bytes),
        ("file_bytes", &mut limits.file_bytes),
        ("blob_bytes", &mut limits.blob_bytes),
        ("operation_bytes", &mut limits.operation_bytes),
    ];
    for (name, limit) in large {
        if let Some(value) = table.take(name) {
            *limit = bytes(&value)?;
        }
    }
    Ok(())
}

/// What may lie in the folders that it may write; `none`: as much as there is room for.
fn disk(table: &mut Table<'_>, limits: &mut Limits) -> Result<(), Fault> {
    let amounts: [(&str, &mut Option<u64>); 3] = [
        ("disk_bytes", &mut limits.disk_bytes),
        ("disk_entries", &mut limits.disk_entries),
        ("disk_file_bytes", &mut limits.disk_file_bytes),
    ];
    for (name, limit) in amounts {
        if let Some(value) = table.take(name) {
            *limit = match value.text() {
                Ok("none") => None,
                _ if name == "disk_entries" => Some(value.number(1..=1 << 40)?),
                _ => Some(value.measure("a number of bytes or a size such as 64M", words::bytes)?),
            };
        }
    }
    Ok(())
}

/// A number of bytes, or a size such as 64M.
fn bytes(value: &Value<'_>) -> Result<u64, Fault> {
    match value.number(1..=1 << 40) {
        Ok(number) => Ok(number),
        Err(_) => value.measure("a number of bytes or a size such as 64M", words::bytes),
    }
}
