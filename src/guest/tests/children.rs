//! Calls about other processes with arguments that lie: records that are cut or too long, texts that do not add up, handles
//! of another kind, powers that were not granted. Nothing of it reaches the runtime.
use super::puppet::{Puppet, SCRATCH};
use super::{state, state_with};
use crate::guest::{Handle, Kind};
use crate::policy::{Grants, Limits, Run};
use skep_abi::errno::{E2BIG, EACCES, EAGAIN, EBADF, EINVAL, EMFILE, EMSGSIZE, ENOENT, EPIPE, ESRCH};
use skep_abi::{channel, child, child_stdio};

fn errno(number: i32) -> i64 {
    -i64::from(number)
}

/// Where the texts stand: behind the record.
const TEXTS: u32 = SCRATCH + 2048;

fn record(flags: u32, args: u32, env: u32, entries: &[(u32, u32, u64)]) -> Vec<u8> {
    let mut out: Vec<u8> = [flags, args, env, entries.len() as u32, 0, u32::MAX, u32::MAX, 0]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    for (kind, number, handle) in entries {
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&handle.to_le_bytes());
    }
    out
}

fn texts(list: &[&str]) -> Vec<u8> {
    let prefixed = |text: &&str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    list.iter().flat_map(prefixed).collect()
}

fn start(puppet: &mut Puppet, record: &[u8], texts: &[u8]) -> i64 {
    puppet.poke(SCRATCH, record);
    puppet.poke(TEXTS, texts);
    let numbers = [SCRATCH, record.len() as u32, TEXTS, texts.len() as u32];
    puppet.one("child_start", &numbers.map(i64::from))
}

const GUEST: &str = r#"{"mode":"eval","source":"0"}"#;

#[test]
fn p02_nothing_is_granted_by_itself() {
    let mut puppet = Puppet::new(state());
    let plain = texts(&["sh", "sh", ""]);
    assert_eq!(start(&mut puppet, &record(0, 0, 0, &[]), &plain), errno(EACCES));
    assert_eq!(start(&mut puppet, &record(child::GUEST, 0, 0, &[]), &texts(&[GUEST, "", ""])), errno(EACCES));
    let run = Run::Named([("sh".to_owned(), "/bin/sh".into())].into());
    let mut puppet = Puppet::new(state_with(Grants { run, ..Grants::default() }, Limits::default()));
    for (program, granted) in [("sh", true), ("/bin/sh", true), ("/tmp/sh", false), ("./sh", false), ("bash", false)] {
        let answer = start(&mut puppet, &record(0, 0, 0, &[]), &texts(&[program, "sh", ""]));
        assert_eq!(answer > 0, granted, "{program}: {answer}");
    }
    let inherits = record(0, 0, 0, &[(child_stdio::INHERIT, 0, 0)]);
    assert_eq!(start(&mut puppet, &inherits, &plain), errno(EACCES), "standard input is a power of its own");
    assert_eq!(puppet.one("process_kill", &[1, 0]), errno(ESRCH));
}

#[test]
fn records_and_texts_that_lie() {
    let mut puppet = Puppet::new(state_with(Grants::all(), Limits::default()));
    let plain = texts(&["sh", "sh", ""]);
    let good = record(0, 0, 0, &[]);
    let mut cut = good.clone();
    cut.pop();
    let more = record(0, 0, 0, &[(child_stdio::IGNORE, 0, 0)]);
    for (record, text, expected) in [
        (cut.clone(), plain.clone(), EINVAL),
        (vec![], plain.clone(), EINVAL),
        (more[..40].to_vec(), plain.clone(), EINVAL),
        ([&good[..12], &2u32.to_le_bytes(), &good[16..]].concat(), plain.clone(), EINVAL),
        (record(0, 1, 0, &[]), plain.clone(), EINVAL),
        (record(0, u32::MAX, u32::MAX, &[]), plain.clone(), EINVAL),
        (record(1 << 9, 0, 0, &[]), plain.clone(), EINVAL),
        (record(child::CHANNEL, 0, 0, &[]), plain.clone(), EINVAL),
        (record(child::GUEST | child::CHANNEL | child::SYNC, 0, 0, &[]), texts(&[GUEST, "", ""]), EINVAL),
        (record(child::GUEST, 0, 0, &[]), texts(&["{", "", ""]), EINVAL),
        (record(child::GUEST, 0, 0, &[]), texts(&[&"[".repeat(1000), "", ""]), EINVAL),
        (good.clone(), texts(&["sh\0", "sh", ""]), EINVAL),
        (good.clone(), [&texts(&["sh", "sh"])[..], &[255; 4]].concat(), EINVAL),
        (good.clone(), [&texts(&["sh", "sh", ""])[..], &[1]].concat(), EINVAL),
        (record(0, 0, 0, &[(99, 0, 0)]), plain.clone(), EINVAL),
        (record(0, 0, 0, &[(child_stdio::INHERIT, 3, 0)]), plain.clone(), EINVAL),
        (record(0, 0, 0, &[(child_stdio::STREAM, 0, 77)]), plain.clone(), EBADF),
        (record(0, 0, 0, &[(child_stdio::FILE, 0, 77)]), plain.clone(), EBADF),
    ] {
        assert_eq!(start(&mut puppet, &record, &text), errno(expected), "{record:?} {text:?}");
    }
    let many: Vec<(u32, u32, u64)> = vec![(child_stdio::PIPE, 0, 0); 65];
    assert_eq!(start(&mut puppet, &record(0, 0, 0, &many), &plain), errno(EINVAL), "descriptors are bounded");
    let limits = Limits { order_bytes: 5, ..Limits::default() };
    let mut small = Puppet::new(state_with(Grants::all(), limits));
    assert_eq!(start(&mut small, &good, &plain), errno(E2BIG));
    assert!(puppet.guest.state().outbox.is_empty() && puppet.guest.state().handles.is_empty());
}

#[test]
fn p01_children_have_limits_before_anything_is_made() {
    let limits = Limits { children: 2, ..Limits::default() };
    let mut puppet = Puppet::new(state_with(Grants::all(), limits));
    let (record_of, text) =
        (record(child::GUEST | child::CHANNEL, 0, 0, &[(child_stdio::PIPE, 0, 0)]), texts(&[GUEST, "", ""]));
    assert!(start(&mut puppet, &record_of, &text) > 0 && start(&mut puppet, &record_of, &text) > 0);
    assert_eq!(start(&mut puppet, &record_of, &text), errno(EAGAIN));
    let limits = Limits { handles: 2, ..Limits::default() };
    let mut puppet = Puppet::new(state_with(Grants::all(), limits));
    assert_eq!(start(&mut puppet, &record_of, &text), errno(EMFILE), "three handles or none");
    assert!(puppet.guest.state().handles.is_empty());
    let mut deep = state_with(Grants::all(), Limits::default());
    deep.depth = deep.limits.fork_depth;
    assert_eq!(start(&mut Puppet::new(deep), &record_of, &text), errno(EAGAIN));
}

#[test]
fn a_childs_handles_are_of_their_kinds() {
    let mut puppet = Puppet::new(state_with(Grants::all(), Limits::default()));
    let pipes = [(child_stdio::PIPE, 0, 0), (child_stdio::IGNORE, 0, 0)];
    let child = start(&mut puppet, &record(child::GUEST | child::CHANNEL, 0, 0, &pipes), &texts(&[GUEST, "", ""]));
    let stream = puppet.one("child_stdio", &[child, 0]);
    let way = puppet.one("child_channel", &[child]);
    assert!(child > 0 && stream > 0 && way > 0);
    for (name, arguments, expected) in [
        ("child_stdio", vec![child, 1], ENOENT),
        ("child_stdio", vec![child, -1], ENOENT),
        ("child_stdio", vec![child, 2], ENOENT),
        ("child_stdio", vec![stream, 0], EBADF),
        ("child_channel", vec![way], EBADF),
        ("child_pid", vec![child], EAGAIN),
        ("child_output", vec![child, 0], ENOENT),
        ("child_kill", vec![child, 65], EINVAL),
        ("child_kill", vec![child, -1], EINVAL),
        ("child_kill", vec![way, 9], EBADF),
        ("child_wait", vec![stream, 0], EBADF),
        ("channel_send", vec![child, 0, 0, 4, 0], EBADF),
        ("channel_send", vec![way, 99, 0, 4, 0], EINVAL),
        ("channel_send", vec![way, 0, 0, (1 << 20) + 1, 0], EMSGSIZE),
        ("channel_send", vec![way, 0, 0, 4, child], EBADF),
        ("channel_send", vec![way, 0, 0, 4, way], EBADF),
        ("channel_send", vec![way, i64::from(channel::MORE), 0, 4, stream], EINVAL),
        ("listener_share", vec![stream, way, 1], EBADF),
        ("listener_share", vec![stream, way, -1], EINVAL),
        ("listener_unshare", vec![way, stream], EBADF),
        ("listen_shared", vec![1, 0, 0], EPIPE),
        ("listen_shared", vec![-1, 0, 0], EINVAL),
        ("parent_channel", vec![], ENOENT),
        ("signal_raise", vec![-1], EINVAL),
        ("process_kill", vec![0, 9], ESRCH),
        ("process_kill", vec![1, 65], EINVAL),
    ] {
        assert_eq!(puppet.one(name, &arguments), errno(expected), "{name}({arguments:?})");
    }
    assert_eq!(puppet.one("channel_send", &[way, 0, 0, 4, stream]), 4);
    let handles = &puppet.guest.state().handles;
    assert_eq!(handles.iter().filter(|(_, slot)| slot.kind == Kind::Channel).count(), 1);
}

#[test]
fn p04_outputs_that_are_kept_are_bounded_together() {
    let limits = Limits { blob_bytes: 1000, ..Limits::default() };
    let mut puppet = Puppet::new(state_with(Grants::all(), limits));
    let (pipes, text) = ([(child_stdio::IGNORE, 0, 0), (child_stdio::PIPE, 0, 0)], texts(&["sh", "sh", ""]));
    // It asks for no bound of its own.
    let endless = record(child::SYNC, 0, 0, &pipes);
    assert!(start(&mut puppet, &endless, &text) > 0);
    let state = puppet.guest.state_mut().children.values_mut().next().expect("it is there");
    assert!(state.wrote(1, &[7; 5000]) && !state.wrote(1, &[7; 5000]), "what is too much is told once");
    assert_eq!(state.outputs[1].as_ref().map(Vec::len), Some(500));
    let refused = (0..20).map(|_| start(&mut puppet, &endless, &text)).find(|answer| *answer < 0);
    assert_eq!(refused, Some(errno(EAGAIN)));
    let kept: u32 = puppet.guest.state().children.values().map(|state| state.max_buffer).sum();
    assert!(kept <= 1000, "{kept}");
}

#[test]
fn what_a_child_has_written_waits_until_there_is_room_for_a_blob() {
    let limits = Limits { blob_bytes: 1000, handles: 4, ..Limits::default() };
    let mut puppet = Puppet::new(state_with(Grants::all(), limits));
    let pipes = [(child_stdio::IGNORE, 0, 0), (child_stdio::PIPE, 0, 0)];
    let child = start(&mut puppet, &record(child::SYNC, 0, 0, &pipes), &texts(&["sh", "sh", ""]));
    let written: Vec<u8> = (0..=255).cycle().take(400).collect();
    let state = puppet.guest.state_mut();
    state.children.values_mut().next().expect("it is there").wrote(1, &written);
    let held = state.keep_blob(vec![0; 900]).expect("there is room").raw() as i64;
    let take = |puppet: &mut Puppet| {
        let blob = puppet.one("child_output", &[child, 1]);
        let bytes = puppet.guest.state().blobs.get(&Handle::from_raw(blob)).map(|bytes| bytes.to_vec());
        (blob, bytes.unwrap_or_default())
    };
    let (first, bytes) = take(&mut puppet);
    assert_eq!(bytes, written[..100], "as much as there is room for");
    assert_eq!(take(&mut puppet).0, errno(EAGAIN));
    assert_eq!(puppet.one("close", &[held]), 0);
    // Room for bytes, and none for a handle.
    let others: Vec<Handle> = std::iter::from_fn(|| puppet.guest.state_mut().handles.insert(Kind::Blob)).collect();
    assert_eq!(take(&mut puppet).0, errno(EMFILE));
    for handle in others {
        puppet.guest.state_mut().handles.remove(handle);
    }
    assert_eq!(puppet.one("close", &[first]), 0);
    let (last, bytes) = take(&mut puppet);
    assert_eq!(bytes, written[100..], "nothing is lost");
    assert_eq!(puppet.one("close", &[last]), 0);
    assert_eq!(take(&mut puppet).1, b"", "and nothing comes twice");
}
