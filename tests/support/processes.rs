//! What Linux tells of processes. It must not know whose they are.
use std::fs;

/// A process's parent and state, as the system tells.
pub fn stat(pid: u32) -> Option<(u32, char)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    let state = words.next()?.chars().next()?;
    Some((words.next()?.parse().ok()?, state))
}

pub fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state)| state != 'Z')
}

/// Everybody whose parent this is, the dead included.
pub fn children(of: u32) -> Vec<(u32, char)> {
    let entries = fs::read_dir("/proc").expect("the system tells of processes");
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| stat(pid).filter(|(parent, _)| *parent == of).map(|(_, state)| (pid, state))).collect()
}
