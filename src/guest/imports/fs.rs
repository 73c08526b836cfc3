//! The file system: one record, two ways. `fs_call` does the operation at once, the one group of calls that does I/O
//! (`readFileSync`, `require`); `fs_queue` has it done off the loop. Both run the same code on the same [`Job`]. It reaches
//! only what lies beneath a granted folder, and opens only regular files and folders, so that no operation can block on a
//! FIFO or device. It must not know how paths are resolved (`fs_open.rs`).
use super::super::command::Command;
use super::super::handles::{Handle, Kind};
use super::super::memory;
use super::super::work::{Done, Lane, Open, Source, Work};
use super::fs_apart;
use super::fs_entry::{change_mode, change_owner, change_times, link, make_folder, make_folders, make_temporary};
use super::fs_entry::{remove, rename, set_mode, set_owner, set_times, symlink};
use super::fs_file::{cap_of, copy, open, read_file, read_open, truncate, write};
use super::fs_given::{open_stream, queued_way, queued_writing, read_way, write_way};
use super::fs_input::{queued_input, read_input};
use super::fs_ledger::Ledger;
use super::fs_look::{access, kind_at, list, look_at, next_entries, open_folder, read_link, real, space, stat_of};
use super::fs_open::{Roots, from_caches, look, open_granted, refusal};
use super::{Answer, Call, Len, Ptr, Refusal, refuse};
use rustix::fd::OwnedFd;
use rustix::fs::Mode;
use skep_abi::FileRequest;
use skep_abi::errno::{
    EAGAIN, EBADF, EFAULT, EINVAL, EMFILE, EMSGSIZE, ENAMETOOLONG, ENODEV, ENOENT, ENOMEM, ENOSPC, ENOSYS, EOVERFLOW,
};
use skep_abi::file_op as op;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::Arc;

const RECORD: usize = size_of::<FileRequest>();

/// One operation, whole in itself: a thread can do it.
pub(super) struct Job {
    pub op: i32,
    pub path: PathBuf,
    pub other: PathBuf,
    pub open: Option<Open>,
    pub a: i64,
    pub b: i64,
    pub flags: u32,
    pub mode: u32,
    /// Bytes to be written, when a thread does it.
    pub data: Vec<u8>,
    /// Bytes of a file that is read whole, or of a listing.
    pub file_bytes: u64,
    /// How finely times are told.
    pub clock_ns: u32,
    pub roots: Arc<Roots>,
}

pub(super) fn fs_call(call: &mut Call<'_>, op: i32, ptr: Ptr, len: Len, data: Ptr, data_len: Len) -> Answer<i64> {
    let job = request(call, op, ptr, len)?;
    if call.state().has_neighbours && fs_apart::may_wait(&job) {
        let closes = if op == op::CLOSE { Some(file_handle(call, ptr)?) } else { None };
        return fs_apart::begin(call, job, closes, data, data_len);
    }
    let alarm = call.state().alarm.clone();
    match op {
        op::READ => {
            let out = memory::bytes_mut(call.memory, data, data_len)?;
            Ok(match &job.open {
                Some(Open::Way(way)) => read_way(way, out, job.a, &alarm)?,
                _ => read_open(&job, out)?,
            } as i64)
        }
        op::READ_INPUT => {
            let out = memory::bytes_mut(call.memory, data, data_len)?;
            Ok(read_input(&job, out, &alarm)? as i64)
        }
        op::WRITE => {
            let bytes = memory::bytes(call.memory, data, data_len)?;
            Ok(match &job.open {
                Some(Open::Way(way)) => write_way(way, bytes, job.a, &alarm)?,
                _ => write(&job, bytes)?,
            } as i64)
        }
        op::CLOSE => {
            let handle = file_handle(call, ptr)?;
            call.state().let_go(handle);
            Ok(0)
        }
        op::OPEN_STREAM => open_stream(call, &job),
        op::WINDOW_SIZE => {
            let place = job.a.checked_sub(1).and_then(|place| usize::try_from(place).ok());
            let window = place.and_then(|place| call.state().windows.get(place).copied().flatten());
            let (columns, rows) = window.ok_or(Refusal::Errno(ENODEV))?;
            Ok(i64::from(columns) << 16 | i64::from(rows))
        }
        _ => {
            memory::bytes(call.memory, data, data_len)?;
            let asked = call.state().ledger.as_ref().and_then(|_| Ledger::asks(&job));
            let roots = Arc::clone(&job.roots);
            let done = run(&job);
            if let (Some(asked), Some(ledger)) = (asked, &mut call.state().ledger) {
                ledger.note(asked, Some(&done), &roots);
            }
            answer(call, done?, data, data_len)
        }
    }
}

/// What a thread would have told in an event, told at once.
pub(super) fn answer(call: &mut Call<'_>, done: Done, data: Ptr, data_len: Len) -> Answer<i64> {
    match done {
        Done::Number(number) => Ok(i64::from(number)),
        Done::Bytes(bytes) if data_len.0 == 0 => {
            if call.state().blob_bytes.saturating_add(bytes.len() as u64) > call.state().limits.blob_bytes {
                return refuse(ENOMEM);
            }
            let blob = call.state().keep_blob(bytes).ok_or(Refusal::Errno(EMFILE))?;
            Ok(blob.raw() as i64)
        }
        Done::Bytes(bytes) if bytes.len() > data_len.0 as usize => refuse(EOVERFLOW),
        Done::Bytes(bytes) => Ok(i64::from(memory::fill(call.memory, data, data_len, &bytes)?)),
        Done::Opened(open) => {
            let handle = call.state().keep_open(open).ok_or(Refusal::Errno(EMFILE))?;
            Ok(handle.raw() as i64)
        }
        Done::Failed { errno, .. } => refuse(errno),
    }
}

pub(super) fn fs_queue(call: &mut Call<'_>, op: i32, ptr: Ptr, len: Len, data: Ptr, data_len: Len) -> Answer<i64> {
    let mut job = request(call, op, ptr, len)?;
    let call_bytes = call.state().limits.call_bytes;
    if matches!(op, op::READ | op::READ_INPUT) && !(0..=i64::from(call_bytes)).contains(&job.b) {
        return refuse(EINVAL);
    }
    if data_len.0 > call_bytes {
        return refuse(EMSGSIZE);
    }
    let bytes = memory::bytes(call.memory, data, data_len)?;
    if op == op::WRITE {
        job.data = bytes.to_vec();
    }
    if let Some(ledger) = &mut call.state().ledger
        && let Some(asked) = Ledger::asks(&job)
    {
        ledger.note(asked, None, &job.roots);
    }
    let weight = (job.data.len() + job.path.as_os_str().len() + job.other.as_os_str().len()) as u64;
    let source = source(&job);
    let closes = if op == op::CLOSE { Some(file_handle(call, ptr)?) } else { None };
    let run = move || done(run(&job));
    let work = match source {
        Some(source) => Work::when(source, run),
        None => Work::new(Lane::Quick, run),
    };
    let operation = call.begin(weight, work)?;
    if let Some(handle) = closes {
        call.state().let_go(handle);
    }
    Ok(operation)
}

/// What the job has to wait for, perhaps for ever; nothing when it is answered at once.
fn source(job: &Job) -> Option<Source> {
    let (reads, writes) = (job.b > 0, !job.data.is_empty());
    match (&job.open, job.op) {
        (Some(Open::Way(way)), op::READ) if job.a < 0 && reads => Some(Source { fd: way.clone(), write: false }),
        (Some(Open::Way(way)), op::WRITE) if job.a < 0 && writes => Some(Source { fd: way.clone(), write: true }),
        (_, op::READ_INPUT) if reads && job.roots.grants.input().is_ok() => {
            Some(Source { fd: Arc::new(std::io::stdin()), write: false })
        }
        _ => None,
    }
}

/// The entry is found and judged at once; watching begins when the turn is over.
pub(super) fn fs_watch(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<i64> {
    let path_bytes = call.state().limits.path_bytes;
    if len.0 > path_bytes {
        return refuse(ENAMETOOLONG);
    }
    let path = text(memory::bytes(call.memory, ptr, len)?, path_bytes)?;
    if cfg!(not(target_os = "linux")) {
        return refuse(ENOSYS);
    }
    if !path.is_absolute() {
        return refuse(if path.as_os_str().is_empty() { ENOENT } else { EINVAL });
    }
    if call.state().watches >= call.state().limits.watches {
        return refuse(ENOSPC);
    }
    call.room(0)?;
    let roots = Arc::clone(&call.state().roots);
    let find = || open_granted(&roots, &path, false, look(true), Mode::empty());
    let entry = match call.state().has_neighbours {
        // Systems before Linux 5.12 cannot be asked for what is in the caches only, and say EINVAL.
        true => from_caches(find).map_err(|why| match why {
            Refusal::Errno(EINVAL) => Refusal::Errno(EAGAIN),
            other => other,
        })?,
        false => find()?,
    };
    let handle = call.fresh(Kind::Watch)?;
    let state = call.state();
    state.watches += 1;
    state.outbox.push(Command::WatchEntry { handle, entry });
    Ok(handle.raw() as i64)
}

pub(super) fn done(answer: Answer<Done>) -> Done {
    match answer {
        Ok(done) => done,
        Err(Refusal::Errno(errno)) => Done::failed(errno),
        Err(Refusal::Denied(why)) => Done::Failed { errno: skep_abi::errno::EACCES, why },
        Err(Refusal::Exit(_) | Refusal::Signalled(_)) => Done::failed(EINVAL),
    }
}

fn number<const N: usize>(record: &[u8], at: usize) -> [u8; N] {
    record[at..at + N].try_into().expect("the record has this many bytes")
}

fn file_handle(call: &Call<'_>, ptr: Ptr) -> Answer<Handle> {
    let record = memory::bytes(call.memory, ptr, Len(RECORD as u32))?;
    Ok(Handle::from_raw(i64::from_le_bytes(number(record, 0))))
}

/// Reads the record and what follows it, and looks its handle up.
fn request(call: &mut Call<'_>, op: i32, ptr: Ptr, len: Len) -> Answer<Job> {
    let path_bytes = call.state().limits.path_bytes;
    if !(op::OPEN..=op::LAST).contains(&op) || (len.0 as usize) < RECORD {
        return refuse(EINVAL);
    }
    if len.0 > RECORD as u32 + path_bytes * 2 {
        return refuse(ENAMETOOLONG);
    }
    let bytes = memory::bytes(call.memory, ptr, len)?;
    let (record, rest) = bytes.split_at(RECORD);
    let word = |at| u32::from_le_bytes(number(record, at));
    let (path_len, other_len) = (word(32), word(36));
    if u64::from(path_len) + u64::from(other_len) != rest.len() as u64 {
        return refuse(EFAULT);
    }
    let (path, other) = rest.split_at(path_len as usize);
    let (path, other) = (text(path, path_bytes)?, text(other, path_bytes)?);
    let file = Handle::from_raw(i64::from_le_bytes(number(record, 0)));
    let (a, b) = (i64::from_le_bytes(number(record, 8)), i64::from_le_bytes(number(record, 16)));
    let (flags, mode) = (word(24), word(28));
    let takes_path = !op::ON_OPEN.contains(&op);
    if takes_path && !path.is_absolute() {
        return refuse(if path.as_os_str().is_empty() { ENOENT } else { EINVAL });
    }
    let open = if takes_path || is_standard(op, file, a) { None } else { Some(opened(call, op, file)?) };
    let state = call.state();
    let (file_bytes, clock_ns, roots) = (state.limits.file_bytes, state.limits.clock_ns, Arc::clone(&state.roots));
    Ok(Job { op, path, other, open, a, b, flags, mode, data: Vec::new(), file_bytes, clock_ns, roots })
}

/// Without a handle: what standard input, output and error are (FSTAT), how large, and what comes on the first.
fn is_standard(op: i32, file: Handle, a: i64) -> bool {
    file.raw() == 0 && (op == op::READ_INPUT || op == op::WINDOW_SIZE || op == op::FSTAT && (0..=2).contains(&a))
}

fn text(bytes: &[u8], cap: u32) -> Answer<PathBuf> {
    if bytes.len() > cap as usize {
        return refuse(ENAMETOOLONG);
    }
    if bytes.contains(&0) { refuse(EINVAL) } else { Ok(PathBuf::from(OsString::from_vec(bytes.to_vec()))) }
}

fn opened(call: &mut Call<'_>, op: i32, handle: Handle) -> Answer<Open> {
    let kind = if op == op::READ_FOLDER { &[Kind::Folder][..] } else { &[Kind::File] };
    let kinds = if op == op::CLOSE { &[Kind::File, Kind::Folder] } else { kind };
    call.slot(handle, kinds)?;
    Ok(call.state().files.get(&handle).expect("each of these handles has something open").clone())
}

impl Job {
    /// The open file of an operation on one.
    pub(super) fn file(&self) -> Answer<&OwnedFd> {
        match &self.open {
            Some(Open::File(file)) => Ok(file),
            _ => refuse(EBADF),
        }
    }
}

/// Does it, here and now.
pub(super) fn run(job: &Job) -> Answer<Done> {
    match job.op {
        op::OPEN => open(job),
        op::CLOSE => Ok(Done::Number(0)),
        op::STAT => look_at(job, true),
        op::LSTAT => look_at(job, false),
        op::FSTAT => stat_of(job),
        op::STATFS => space(job),
        op::KIND => kind_at(job),
        op::ACCESS => access(job),
        op::READ_LINK => read_link(job),
        op::REAL_PATH => real(job),
        op::LIST => list(job),
        op::OPEN_FOLDER => open_folder(job),
        op::READ_FOLDER => next_entries(job),
        op::READ_FILE => read_file(job),
        op::COPY => copy(job),
        op::READ if matches!(&job.open, Some(Open::Way(_))) => queued_way(job),
        op::READ => {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(cap_of(job)).map_err(|_| Refusal::Errno(ENOMEM))?;
            bytes.resize(bytes.capacity().min(cap_of(job)), 0);
            let count = read_open(job, &mut bytes)?;
            bytes.truncate(count);
            Ok(Done::Bytes(bytes))
        }
        op::READ_INPUT => queued_input(job),
        op::WRITE => Ok(Done::Number(match &job.open {
            Some(Open::Way(way)) => queued_writing(way, job)?,
            _ => write(job, &job.data)?,
        } as u32)),
        op::TRUNCATE => truncate(job),
        op::SYNC => settled(rustix::fs::fsync(job.file()?)),
        #[cfg(target_os = "linux")]
        op::SYNC_DATA => settled(rustix::fs::fdatasync(job.file()?)),
        #[cfg(not(target_os = "linux"))]
        op::SYNC_DATA => settled(rustix::fs::fsync(job.file()?)),
        _ => change(job),
    }
}

/// The operations that change what a folder holds, or what belongs to an entry.
fn change(job: &Job) -> Answer<Done> {
    match job.op {
        op::MAKE_FOLDER if job.flags & op::RECURSIVE != 0 => make_folders(job),
        op::MAKE_FOLDER => make_folder(job),
        op::MAKE_TEMPORARY => make_temporary(job),
        op::REMOVE_FOLDER => remove(job, true),
        op::REMOVE => remove(job, false),
        op::RENAME => rename(job),
        op::LINK => link(job),
        op::SYMLINK => symlink(job),
        op::CHANGE_MODE => change_mode(job),
        op::SET_MODE => set_mode(job),
        op::CHANGE_OWNER => change_owner(job, true),
        op::CHANGE_OWNER_OF_LINK => change_owner(job, false),
        op::SET_OWNER => set_owner(job),
        op::CHANGE_TIMES => change_times(job, true),
        op::CHANGE_TIMES_OF_LINK => change_times(job, false),
        op::SET_TIMES => set_times(job),
        _ => refuse(EINVAL),
    }
}

/// Nothing but whether it went well.
pub(super) fn settled(result: rustix::io::Result<()>) -> Answer<Done> {
    result.map(|()| Done::Number(0)).map_err(refusal)
}
