//! What the fuzz target `imports` asserts: a rogue guest makes any calls with any arguments, and the host's answers agree with
//! a model of the guest's handles. The model says of each call that is given handles whether it must answer EBADF: for a dead,
//! forged or foreign one, and for one of another kind, and for no other. No number is given twice, no range outside the
//! guest's memory is touched, and the host lives. It must not know what a call is for.
#![allow(dead_code, reason = "each user needs a part")]
#[path = "puppet_text.rs"]
mod puppet_text;

use puppet_text::{ANSWERS, MEMORY, SCRATCH};
use skep::guest::cache::{CacheFolder, load_or_build};
use skep::guest::{
    Cell, Command, Engine, EngineOptions, Entropy, Guest, GuestState, Handle, Kind, Outside, Turn, Verdict,
};
use skep::policy::{Grants, Limits};
use skep_abi::errno::{EBADF, EPIPE};
use skep_abi::{CALLS, Type};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

/// Kinds that a call takes as its handle, if the calls' own reading of it agrees; and what it takes as its second one.
fn takes(name: &str, parameter: &str) -> &'static [Kind] {
    const ANY: &[Kind] = &[
        Kind::Blob,
        Kind::Listener,
        Kind::Exchange,
        Kind::Connection,
        Kind::Attached,
        Kind::Stream,
        Kind::Datagram,
        Kind::Operation,
        Kind::Watch,
        Kind::Channel,
        Kind::Call,
        Kind::HostCall,
    ];
    match (name, parameter) {
        ("close" | "handle_ref", _) => ANY,
        ("blob_len" | "blob_read", _) => &[Kind::Blob],
        (_, "listener") | ("listen_set" | "connections" | "http_close_idle" | "http_close_all", _) => &[Kind::Listener],
        ("http_feed" | "http_expect", _) => &[Kind::Attached, Kind::Stream],
        ("http_client", _) => &[Kind::Stream],
        ("http_respond" | "http_write" | "http_end" | "http_inform", _) => &[Kind::Exchange],
        ("http_watch" | "http_upgrade" | "http_conn", _) => &[Kind::Exchange],
        ("credit", _) => &[Kind::Stream, Kind::Exchange, Kind::Attached],
        ("udp_connect" | "udp_send" | "udp_option" | "udp_member", _) => &[Kind::Datagram],
        ("stream_write" | "stream_shutdown" | "stream_reset", _) => &[Kind::Stream, Kind::Connection],
        ("stream_option", _) => &[Kind::Stream, Kind::Connection, Kind::Attached],
        ("traffic", _) => &[Kind::Connection],
        ("channel_send", "attach") => &[Kind::Stream, Kind::Connection, Kind::Listener, Kind::Datagram],
        (_, "channel") => &[Kind::Channel],
        ("call_reply", _) => &[Kind::Call],
        ("address", _) => &[Kind::Listener, Kind::Stream, Kind::Datagram, Kind::Exchange, Kind::Connection],
        // There is no child here: nothing is one.
        (_, "child") => &[],
        _ => panic!("the model does not know the handle `{parameter}` of {name}"),
    }
}

/// Calls that answer EBADF for a handle of the right kind too: what stands behind it is not (yet, any more) there, or an
/// option is of fewer kinds.
const BY_STATE: [&str; 5] = ["http_feed", "http_expect", "address", "call_reply", "stream_option"];

/// How often each call was made, was refused for its handle, and was not although it was given one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Made {
    pub calls: u64,
    pub refused: u64,
    pub taken: u64,
}

/// What all runs of this process have made so far, by name.
pub static MADE: Mutex<BTreeMap<&str, Made>> = Mutex::new(BTreeMap::new());

/// One call, its arguments, and whether all of them but its handles are as they should be: then it must look at these.
struct Line {
    index: usize,
    arguments: Vec<i64>,
    plain: bool,
}

/// Numbers out of the fuzzer's bytes; zeros when they are used up.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn draw<const N: usize>(&mut self) -> [u8; N] {
        let (now, rest) = self.0.split_at(self.0.len().min(N));
        self.0 = rest;
        let mut bytes = [0; N];
        bytes[..now.len()].copy_from_slice(now);
        bytes
    }

    fn next(&mut self) -> u64 {
        u64::from_le_bytes(self.draw())
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(u16::from_le_bytes(self.draw())) % bound.max(1)
    }
}

/// Time stands still, and randomness repeats: one input is one run.
struct Still(Entropy);

impl Outside for Still {
    fn mono(&self) -> u64 {
        1_000_000
    }

    fn wall(&self) -> u64 {
        1_000_000
    }

    fn random(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }
}

/// What the model knows: every handle that lives, by its number.
struct Model {
    live: Vec<(i64, Kind)>,
    dead: Vec<i64>,
    /// What the guest has closed and the runtime has yet to take away.
    closed: Vec<Handle>,
    /// What the runtime is about to give.
    wanted: Kind,
}

impl Default for Model {
    fn default() -> Model {
        Model { live: Vec::new(), dead: Vec::new(), closed: Vec::new(), wanted: Kind::Blob }
    }
}

impl Model {
    fn argument(&self, ty: Type, random: &mut Source) -> i64 {
        const EDGES: [i64; 12] =
            [0, 1, -1, i32::MIN as i64, i32::MAX as i64, u32::MAX as i64, i64::MIN, i64::MAX, 4096, 65_536, 40, 200];
        let near = i64::from(MEMORY) - 64 + random.below(128) as i64;
        match (ty, random.below(10)) {
            (Type::Handle, 0..6) if !self.live.is_empty() => self.live[random.below(self.live.len())].0,
            (Type::Handle, 6..8) if !self.dead.is_empty() => self.dead[random.below(self.dead.len())],
            (Type::Ptr, 0..6) => i64::from(SCRATCH) + random.below(4096) as i64,
            (Type::Len, 0..6) => random.below(300) as i64,
            (Type::I32 | Type::I64, 0..6) => random.below(600) as i64 - 2,
            (Type::Ptr | Type::Len, 6..8) => near,
            (_, 8) => random.next() as i64,
            _ => EDGES[random.below(EDGES.len())],
        }
    }

    /// Applies an answer. What the model says must agree with what the host did.
    fn learn(&mut self, name: &str, arguments: &[i64], answer: i64) {
        let kind = match name {
            "listen" => Some(Kind::Listener),
            "http_attach" => Some(Kind::Attached),
            "net_connect" | "http_upgrade" => Some(Kind::Stream),
            "udp_bind" => Some(Kind::Datagram),
            "name_lookup" | "name_of" => Some(Kind::Operation),
            "http_conn" => Some(Kind::Connection),
            "fs_queue" => Some(Kind::Operation),
            // No folder is granted: what a standard descriptor is can be asked, and nothing else is answered.
            "fs_call" if arguments[0] as i32 == skep_abi::file_op::FSTAT && arguments[4] as u32 == 0 => {
                Some(Kind::Blob)
            }
            _ => None,
        };
        if let (Some(kind), 1..) = (kind, answer)
            && !self.live.iter().any(|(raw, _)| *raw == answer)
        {
            assert!(!self.dead.contains(&answer), "{name} gave a number for the second time");
            self.live.push((answer, kind));
        }
        if name == "close" && answer == 0 {
            let at = self.live.iter().position(|(raw, _)| *raw == arguments[0]).expect("only the living can be closed");
            if self.live[at].1 == Kind::Blob {
                self.dead.push(self.live.swap_remove(at).0);
            }
        }
    }

    /// The arguments of a call that has nothing to say against any but its handles.
    fn plain(&self, name: &str, types: &[(&str, Type)], random: &mut Source) -> Vec<i64> {
        let one = |(_, ty): &(&str, Type)| match (ty, name) {
            (Type::Handle, _) => self.argument(Type::Handle, random),
            (Type::Ptr, _) => i64::from(SCRATCH),
            (Type::I32, "http_respond") => 200,
            (Type::I32, "http_inform") => 100,
            _ => 0,
        };
        let mut arguments: Vec<i64> = types.iter().map(one).collect();
        // No flags.
        if name == "http_respond" {
            arguments[2] = 0;
        }
        arguments
    }

    /// Whether one of the handles is dead, forged, foreign or of a kind that this call does not take.
    fn is_bad(&self, name: &str, types: &[(&str, Type)], arguments: &[i64]) -> bool {
        types.iter().zip(arguments).filter(|((_, ty), _)| *ty == Type::Handle).any(|((parameter, _), raw)| {
            let optional = *raw == 0 && matches!((name, *parameter), ("http_attach", _) | ("channel_send", "attach"));
            let kind = self.live.iter().find(|(live, _)| live == raw).map(|(_, kind)| *kind);
            !optional && kind.is_none_or(|kind| !takes(name, parameter).contains(&kind))
        })
    }

    /// What the model says of a call must be what the host has said.
    fn check(&self, line: &Line, answer: i64) {
        let (call, arguments) = (&CALLS[line.index], &line.arguments);
        let (name, types, bad) = (call.name, call.params, -i64::from(EBADF));
        let mut all = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let made = all.entry(name).or_default();
        made.calls += 1;
        if types.iter().any(|(_, ty)| *ty == Type::Handle) {
            if self.is_bad(name, types, arguments) {
                assert!(answer < 0, "{name}({arguments:?}) took a handle that is not its: {answer}");
                // Nobody is at the other end of a channel any more: that is said before what would go there is looked at.
                let is_left = name == "channel_send" && answer == -i64::from(EPIPE);
                assert!(
                    answer == bad || is_left || !line.plain,
                    "{name}({arguments:?}) was not told of its handle: {answer}"
                );
                made.refused += 1;
            } else {
                let may = BY_STATE.contains(&name);
                assert!(answer != bad || may, "{name}({arguments:?}) was refused a handle that is its");
                made.taken += u64::from(answer != bad);
            }
        }
        drop(all);
        for pair in types.windows(2).zip(arguments.windows(2)) {
            if let ([(_, Type::Ptr), (_, Type::Len)], [ptr, len]) = pair {
                let end = u64::from(*ptr as u32) + u64::from(*len as u32);
                // Where nothing is to be read, the address is not looked at.
                let within = *len as u32 == 0 || end <= u64::from(MEMORY);
                assert!(answer < 0 || within, "{name}({arguments:?}) = {answer}");
            }
        }
    }
}

/// Whether a call that fills a buffer leaves the puppet's own program and answers alone: else it, and with it
/// this test, would lose the thread.
fn spares_the_puppet(types: &[(&str, Type)], arguments: &[i64]) -> bool {
    let own = [0u64..u64::from(SCRATCH), u64::from(ANSWERS)..u64::from(ANSWERS) + 1024];
    types.iter().enumerate().filter(|(_, (_, ty))| *ty == Type::Ptr).all(|(at, _)| {
        let start = u64::from(arguments[at] as u32);
        let len = match types.get(at + 1) {
            Some((_, Type::Len)) => u64::from(arguments[at + 1] as u32),
            _ => 32,
        };
        let end = start + len;
        end > u64::from(MEMORY) || own.iter().all(|own| end <= own.start || own.end <= start)
    })
}

/// The runtime's part: carries nothing out, but lets handles come and go. Gives the answers, which the puppet has logged
/// last.
fn play_the_runtime(guest: &mut Guest, model: &mut Model, random: &mut Source, asked: usize) -> Vec<i64> {
    let state = guest.state_mut();
    let commands = state.outbox.take();
    let Some(Command::Log { text, .. }) = commands.last() else { panic!("the puppet logs its answers last") };
    let logged = state.outbox.bytes(*text).chunks_exact(8);
    let answers: Vec<i64> = logged.map(|word| i64::from_le_bytes(word.try_into().expect("eight bytes"))).collect();
    assert_eq!(answers.len(), asked);
    let closed: Vec<Handle> = commands
        .iter()
        .filter_map(|command| if let Command::Close { handle } = command { Some(*handle) } else { None })
        .collect();
    state.outbox.recycle(commands);
    state.log_pending = 0;
    state.pending_total = 0;
    model.closed = closed;
    const GIVEN: [Kind; 12] = [
        Kind::Exchange,
        Kind::Exchange,
        Kind::Stream,
        Kind::Blob,
        Kind::Listener,
        Kind::Connection,
        Kind::Datagram,
        Kind::Attached,
        Kind::Watch,
        Kind::Channel,
        Kind::Call,
        Kind::HostCall,
    ];
    model.wanted = GIVEN[random.below(GIVEN.len())];
    answers
}

/// Handles that were closed go, one comes.
fn settle(guest: &mut Guest, model: &mut Model, random: &mut Source) {
    let state = guest.state_mut();
    for handle in std::mem::take(&mut model.closed) {
        if state.handles.remove(handle).is_some() {
            let known = model.live.iter().position(|(raw, _)| *raw == handle.raw() as i64).expect("the model knows it");
            model.dead.push(model.live.swap_remove(known).0);
        }
    }
    let kind = model.wanted;
    if state.handles.len() < 40
        && let Some(handle) = state.handles.insert(kind)
    {
        if kind == Kind::Blob {
            state.blobs.insert(handle, Arc::from(vec![7; random.below(500)]));
        }
        if let Some(slot) = state.handles.get_mut(handle) {
            slot.conn = handle.index() as u32;
        }
        model.live.push((handle.raw() as i64, kind));
    }
}

/// Compiled once.
fn puppet() -> &'static Cell {
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| {
        let engine = Engine::new(&EngineOptions { quick_compile: true, ..EngineOptions::default() })
            .expect("an engine can be made here");
        let wasm = wat::parse_str(puppet_text::text(true)).expect("the puppet is well-formed");
        load_or_build(&engine, &wasm, &CacheFolder(None), |_| {}).expect("the puppet is accepted")
    })
}

/// One program: calls and their arguments, none of which ends the puppet or writes over its own program.
fn program(model: &Model, random: &mut Source) -> Vec<Line> {
    let exit = CALLS.iter().position(|call| call.name == "exit").expect("the call is in the table");
    let line = |random: &mut Source| {
        let index = random.below(CALLS.len());
        let types = CALLS[index].params;
        let plain = random.below(3) == 0;
        let arguments: Vec<i64> = match plain {
            true => model.plain(CALLS[index].name, types, random),
            false => types.iter().map(|(_, ty)| model.argument(*ty, random)).collect(),
        };
        (index != exit && spares_the_puppet(types, &arguments)).then_some(Line { index, arguments, plain })
    };
    (0..1 + random.below(20)).filter_map(|_| line(random)).collect()
}

/// Runs programs until the input is used up.
pub fn imports(data: &[u8]) {
    let mut random = Source(data);
    let limits =
        Limits { log_pending_bytes: 64 << 20, slice: std::time::Duration::from_secs(3600), ..Limits::default() };
    let outside = Box::new(Still(Entropy::seeded(&[1; 32])));
    let state = GuestState::new(Grants::default(), limits, outside, b"{\"pid\":1}".to_vec());
    let mut guest = puppet().spawn(state).expect("a guest can be spawned");
    let mut model = Model::default();
    while !random.0.is_empty() {
        let program = program(&model, &mut random);
        if program.is_empty() {
            continue;
        }
        let mut batch = Vec::new();
        program.iter().for_each(|line| lay_out(line, &mut batch));
        let mut turn = guest.deliver(&batch);
        while turn == Turn::Yielded {
            // `settle` ends a slice.
            turn = guest.resume();
        }
        assert!(matches!(turn, Turn::Done { .. }), "{turn:?}");
        let answers = play_the_runtime(&mut guest, &mut model, &mut random, program.len());
        for (line, answer) in program.iter().zip(answers) {
            model.check(line, answer);
            model.learn(CALLS[line.index].name, &line.arguments, answer);
        }
        let handles = &guest.state().handles;
        assert_eq!(handles.len(), model.live.len(), "handles");
        for (raw, kind) in &model.live {
            assert_eq!(handles.get(Handle::from_raw(*raw)).map(|slot| slot.kind), Some(*kind), "a handle's kind");
        }
        settle(&mut guest, &mut model, &mut random);
    }
    leave(guest);
}

/// A call as the puppet reads it.
fn lay_out(line: &Line, batch: &mut Vec<u8>) {
    let mut words = [0i64; 10];
    words[0] = line.index as i64;
    words[1..=line.arguments.len()].copy_from_slice(&line.arguments);
    words.iter().for_each(|word| batch.extend_from_slice(&word.to_le_bytes()));
}

/// The one call that does not answer comes last.
fn leave(mut guest: Guest) {
    let index = CALLS.iter().position(|call| call.name == "exit").expect("the call is in the table");
    let mut batch = Vec::new();
    lay_out(&Line { index, arguments: vec![-3], plain: true }, &mut batch);
    assert_eq!(guest.deliver(&batch), Turn::Ended(Verdict::Exited(-3)));
    MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner).entry("exit").or_default().calls += 1;
}
