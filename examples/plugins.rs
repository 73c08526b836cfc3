//! An application whose users bring plug-ins: each runs in a guest of its own, with the one function that it is granted. One
//! that loops or throws harms nobody. `cargo run --release --example plugins`
use serde_json::{Value as Json, json};
use skep::{Guest, Policy, Runtime};
use std::time::Duration;

/// What users have sent in.
const PLUGINS: [(&str, &str); 3] = [
    (
        "discount",
        "import { functions } from 'skep:host';
         export async function order(order) {
           const customer = await functions.customer(order.customer);
           return customer.since < 2020 ? { ...order, total: order.total * 0.9 } : order;
         }",
    ),
    ("greedy", "export function order(order) { for (;;); }"),
    (
        "curious",
        "import { readFileSync } from 'node:fs'; export const order = () => readFileSync('/etc/passwd', 'utf8');",
    ),
];

struct Plugin {
    name: &'static str,
    guest: Guest,
}

pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(Duration::from_millis(50))
}

/// With so much time for each call.
pub fn run(time: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let mut runtime = Runtime::new()?;
    runtime.function("customer", |call| match call.argument.as_json().and_then(Json::as_u64) {
        Some(7) => call.reply.ok(json!({ "name": "Ada", "since": 2015 })),
        _ => call.reply.fail("there is no such customer"),
    });
    let policy = Policy::default().function("customer").memory(64 << 20).deadline(time);
    let mut plugins = Vec::new();
    for (name, source) in PLUGINS {
        let guest = runtime.guest(&policy)?;
        runtime.load(guest, source)?;
        plugins.push(Plugin { name, guest });
    }
    let mut order = json!({ "customer": 7, "total": 100 });
    let mut faults = Vec::new();
    for Plugin { name, guest } in &plugins {
        match runtime.call(*guest, "order", order.clone()) {
            Ok(value) => order = value.as_json().cloned().unwrap_or(order),
            Err(error) => faults.push(format!("{name}: {error}")),
        }
    }
    println!("the order: {order}");
    faults.iter().for_each(|fault| println!("{fault}"));
    assert_eq!(order["total"], 90.0);
    assert_eq!(faults.len(), 2, "one was stopped, one was refused");
    Ok(())
}
