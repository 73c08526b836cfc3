//! The second wall by itself: a process confines itself as a child does, and then does what a guest that had broken out
//! would do, with system calls of its own. No check of Skep's stands in between: what refuses here is the
//! kernel. Each case is a process of its own, as confinement cannot be taken back; so this file has a `main`. Linux
//! only; what a kernel lacks is skipped, and said. It must not know guests.
#[cfg(target_os = "linux")]
#[path = "confine/cases.rs"]
mod cases;
#[cfg(target_os = "linux")]
#[path = "confine/world.rs"]
mod world;

#[cfg(target_os = "linux")]
fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("--case") => cases::attempt(&words[2]),
        Some("--again") => world::again(&words[2]),
        _ => std::process::exit(world::all(&words[1..])),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: there is no confinement here");
}
