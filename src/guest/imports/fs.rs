//! The synchronous file system (`readFileSync`, `require`): the one group of calls that does I/O, because scripts
//! need its answer at once. It reaches only what lies beneath a granted folder, and only regular files, so that
//! no call can block on a FIFO or device. It must not know how paths are resolved (`fs_open.rs`).
use super::super::memory;
use super::fs_open::{look, open_granted, real_path, refusal};
use super::{Answer, Call, Len, Ptr, Refusal, refuse};
use rustix::fd::OwnedFd;
use rustix::fs::{Dir, FileType, OFlags, Stat, fstat, ftruncate};
use skep_abi::errno::{EFBIG, EINVAL, EISDIR, EMFILE, ENAMETOOLONG, ENODEV, ENOMEM};
use skep_abi::file::{FOLDER, OTHER, REGULAR};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Bytes of the record that `fs_stat` fills.
const STAT: Len = Len(32);

/// Bytes read at a time.
const STEP: usize = 64 << 10;

/// What `fs_write`'s flags mean.
const TRUNCATE: i32 = 0;
const APPEND: i32 = 1;
const NEW: i32 = 2;

fn path(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<PathBuf> {
    let cap = call.state().limits.path_bytes;
    let path = PathBuf::from(call.text(ptr, len, cap, ENAMETOOLONG)?);
    if path.is_absolute() { Ok(path) } else { refuse(EINVAL) }
}

fn kind(file: FileType) -> u32 {
    match file {
        FileType::RegularFile => REGULAR,
        FileType::Directory => FOLDER,
        _ => OTHER,
    }
}

pub(super) fn fs_stat(call: &mut Call<'_>, ptr: Ptr, len: Len, out: Ptr, follow: i32) -> Answer<i32> {
    let path = path(call, ptr, len)?;
    memory::bytes_mut(call.memory, out, STAT)?;
    let file = open_granted(&call.state().grants, &path, false, look(follow != 0))?;
    let stat = fstat(&file).map_err(refusal)?;
    memory::bytes_mut(call.memory, out, STAT)?.copy_from_slice(&record(&stat));
    Ok(0)
}

#[allow(clippy::unnecessary_cast, reason = "the fields' widths differ between systems")]
fn record(stat: &Stat) -> [u8; 32] {
    let mtime = (stat.st_mtime as i64).max(0) as u64 * 1_000_000_000 + stat.st_mtime_nsec as u64;
    let mut out = [0; 32];
    out[0..4].copy_from_slice(&kind(FileType::from_raw_mode(stat.st_mode)).to_le_bytes());
    out[4..8].copy_from_slice(&(stat.st_mode as u32).to_le_bytes());
    out[8..16].copy_from_slice(&(stat.st_size as u64).to_le_bytes());
    out[16..24].copy_from_slice(&mtime.to_le_bytes());
    out[24..32].copy_from_slice(&(stat.st_ino as u64).to_le_bytes());
    out
}

/// Refuses anything but a regular file; answers its size.
fn regular(file: &OwnedFd) -> Answer<u64> {
    let stat = fstat(file).map_err(refusal)?;
    match kind(FileType::from_raw_mode(stat.st_mode)) {
        REGULAR => Ok(stat.st_size as u64),
        FOLDER => refuse(EISDIR),
        _ => refuse(ENODEV),
    }
}

pub(super) fn fs_read(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<i64> {
    let path = path(call, ptr, len)?;
    let cap = call.state().limits.file_bytes;
    let grants = &call.state().grants;
    // Looked at before it is opened: opening a device can have effects.
    regular(&open_granted(grants, &path, false, look(true))?)?;
    let file = open_granted(grants, &path, false, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let size = regular(&file)?;
    if size > cap {
        return refuse(EFBIG);
    }
    blob_room(call, size)?;
    let bytes = read_all(&file, size as usize, cap)?;
    blob(call, bytes)
}

/// Reads to the end: the size said before may be wrong (files in /proc have none).
fn read_all(file: &OwnedFd, size: usize, cap: u64) -> Answer<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size + 1);
    loop {
        let start = bytes.len();
        if start as u64 > cap {
            return refuse(EFBIG);
        }
        let step = STEP.max(size.saturating_sub(start) + 1).min(cap as usize + 1 - start);
        bytes.resize(start + step, 0);
        let count = rustix::io::retry_on_intr(|| rustix::io::read(file, &mut bytes[start..])).map_err(refusal)?;
        bytes.truncate(start + count);
        if count == 0 {
            return Ok(bytes);
        }
    }
}

/// Whether the guest may hold so many bytes more in blobs.
fn blob_room(call: &mut Call<'_>, bytes: u64) -> Answer<()> {
    let state = call.state();
    if state.blob_bytes.saturating_add(bytes) > state.limits.blob_bytes { refuse(ENOMEM) } else { Ok(()) }
}

fn blob(call: &mut Call<'_>, bytes: Vec<u8>) -> Answer<i64> {
    blob_room(call, bytes.len() as u64)?;
    let handle = call.state().keep_blob(bytes).ok_or(Refusal::Errno(EMFILE))?;
    Ok(handle.raw() as i64)
}

pub(super) fn fs_realpath(call: &mut Call<'_>, ptr: Ptr, len: Len, out: Ptr, cap: Len) -> Answer<i32> {
    let path = path(call, ptr, len)?;
    let grants = &call.state().grants;
    let real = real_path(grants, &path, true)?;
    // The last step may not exist, or lie outside: looking at it tells the truth inside a grant only.
    open_granted(grants, &real, false, look(false))?;
    let real = real.as_os_str().as_bytes();
    if real.len() > cap.0 as usize {
        return refuse(ENAMETOOLONG);
    }
    Ok(memory::fill(call.memory, out, cap, real)?)
}

pub(super) fn fs_list(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<i64> {
    let path = path(call, ptr, len)?;
    let cap = call.state().limits.file_bytes;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let folder = open_granted(&call.state().grants, &path, false, flags)?;
    let mut entries = Vec::new();
    let mut bytes = 0;
    for entry in Dir::read_from(&folder).map_err(refusal)? {
        let entry = entry.map_err(refusal)?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        bytes += name.len() as u64 + 4;
        if bytes > cap {
            return refuse(EFBIG);
        }
        entries.push((name.to_owned(), kind(entry.file_type())));
    }
    // The kernel's order is not the same twice; ours is.
    entries.sort();
    let mut out = Vec::with_capacity(bytes as usize);
    for (name, kind) in entries {
        out.extend_from_slice(&[kind as u8, 0]);
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(&name);
    }
    blob(call, out)
}

pub(super) fn fs_write(call: &mut Call<'_>, ptr: Ptr, len: Len, data: Ptr, data_len: Len, flags: i32) -> Answer<i32> {
    let path = path(call, ptr, len)?;
    if u64::from(data_len.0) > call.state().limits.file_bytes.min(u64::from(call.state().limits.call_bytes)) {
        return refuse(EFBIG);
    }
    let how = match flags {
        TRUNCATE => OFlags::empty(),
        APPEND => OFlags::APPEND,
        NEW => OFlags::EXCL,
        _ => return refuse(EINVAL),
    };
    let data = memory::bytes(call.memory, data, data_len)?;
    write_file(&call.shared.state.grants, &path, how, data, flags == TRUNCATE)?;
    Ok(0)
}

fn write_file(grants: &crate::policy::Grants, path: &Path, how: OFlags, data: &[u8], truncate: bool) -> Answer<()> {
    // Not truncated while opening: first it must turn out to be a regular file.
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK | how;
    let file = open_granted(grants, path, true, flags)?;
    regular(&file)?;
    if truncate {
        ftruncate(&file, 0).map_err(refusal)?;
    }
    let mut rest = data;
    while !rest.is_empty() {
        let count = rustix::io::retry_on_intr(|| rustix::io::write(&file, rest)).map_err(refusal)?;
        rest = &rest[count..];
    }
    Ok(())
}
