//! A rules engine: what a rule is, somebody else writes; each decision has 5 ms. A guest that has not decided by then is ended
//! and another goes on from the image that was taken when the rules were loaded.
//! `cargo run --release --example rules`
use serde_json::{Value as Json, json};
use skep::{CallError, Guest, Image, Policy, Runtime};
use std::time::{Duration, Instant};

const RULES: &str = "
    const limits = new Map([['gold', 10000], ['basic', 500]]);
    export function decide({ tier, amount, note }) {
      // A pattern that takes for ever on some notes, as such patterns do.
      if (/^(a+)+$/.test(note)) return { allow: false, why: 'note' };
      return { allow: amount <= (limits.get(tier) ?? 0) };
    }";

struct Rules {
    runtime: Runtime,
    policy: Policy,
    loaded: Image,
    guest: Guest,
}

impl Rules {
    fn new(source: &str, time: Duration) -> Result<Rules, Box<dyn std::error::Error>> {
        let policy = Policy::default().memory(32 << 20).deadline(time);
        let mut runtime = Runtime::new()?;
        // Loading may take its time.
        let first = runtime.guest(&Policy::default())?;
        runtime.load(first, source)?;
        let loaded = runtime.capture(first)?;
        runtime.close(first);
        let guest = runtime.restore(&loaded, &policy)?;
        Ok(Rules { runtime, policy, loaded, guest })
    }

    /// What the rules say, or no in time.
    fn decide(&mut self, payment: Json) -> Result<Json, Box<dyn std::error::Error>> {
        match self.runtime.call(self.guest, "decide", payment) {
            Ok(value) => Ok(value.as_json().cloned().unwrap_or_default()),
            Err(CallError::Ended(why)) => {
                self.guest = self.runtime.restore(&self.loaded, &self.policy)?;
                Ok(json!({ "allow": false, "why": why }))
            }
            Err(error) => Ok(json!({ "allow": false, "why": error.to_string() })),
        }
    }
}

pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(Duration::from_millis(5))
}

/// With so much time for each decision.
pub fn run(time: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let mut rules = Rules::new(RULES, time)?;
    let yes = rules.decide(json!({ "tier": "gold", "amount": 900, "note": "" }))?;
    let no = rules.decide(json!({ "tier": "basic", "amount": 900, "note": "" }))?;
    let begun = Instant::now();
    let late = rules.decide(json!({ "tier": "gold", "amount": 1, "note": format!("{}!", "a".repeat(40)) }))?;
    let took = begun.elapsed();
    let again = rules.decide(json!({ "tier": "gold", "amount": 1, "note": "" }))?;
    println!("{yes}\n{no}\n{late} after {took:?}\n{again}");
    assert_eq!([&yes["allow"], &no["allow"], &late["allow"], &again["allow"]], [true, false, false, true]);
    assert!(took >= time);
    Ok(())
}
