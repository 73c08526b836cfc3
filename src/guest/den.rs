//! The den: a folder of this process's own in which the memory of guests that sleep lies, a file each. A file is believed
//! only with a code over its name and content, under a key that nobody but this process has and that ends with it: what
//! is damaged, cut short or put there by another is as good as none. It must not know what the files mean.
//!
//! Whatever happens to the process, no file outlives it for long: the next one that opens a den finds those that nobody
//! holds the lock of, and removes them.
use super::vault::{check_owner, open_own};
use anyhow::{Context as _, Result, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, fstat, mkdirat, openat, statat, unlinkat};
use std::ffi::CStr;
use std::fs::{DirBuilder, File};
use std::io::{IoSliceMut, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const MAC_BYTES: usize = 32;

/// A folder, not a link to one.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Where sleepers' memory lies. Clones are the same den; with the last of them and the last file it is gone.
#[derive(Clone, Debug)]
pub struct Den(Arc<Hollow>);

#[derive(Debug)]
struct Hollow {
    /// In which the dens of all processes of this user are.
    place: OwnedFd,
    /// Locked as long as we live.
    folder: OwnedFd,
    name: String,
    key: [u8; 32],
    /// Names are counted: none comes twice, so no older file can stand for a newer one.
    count: AtomicU64,
    /// Bytes that its files have or are to have, and may have.
    used: AtomicU64,
    most: AtomicU64,
    /// What the system lacks when a file is to be opened, for tests: an error number, or zero.
    #[cfg(test)]
    lack: std::sync::atomic::AtomicI32,
}

/// A place for one guest's memory in a den: the file is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Kept {
    den: Arc<Hollow>,
    /// Told apart from all others by this.
    pub number: u64,
    /// Of the content, and of the pages that it is of.
    pub bytes: usize,
    pub touched: usize,
}

impl Den {
    /// Makes a den within this folder, and removes those that dead processes have left there.
    ///
    /// # Errors
    /// When the folder cannot be made, is a link, belongs to someone else, or others may write to it.
    pub fn open(place: &Path) -> Result<Den> {
        DirBuilder::new().recursive(true).mode(0o700).create(place).context("the folder cannot be made")?;
        let place = rustix::fs::open(place, FOLDER, Mode::empty()).context("the folder cannot be opened")?;
        check_owner(&fstat(&place)?).context("the folder")?;
        // Nobody sweeps while a den has been made and is not locked yet. The lock goes with the descriptor.
        let lock = openat(&place, ".", FOLDER, Mode::empty())?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)?;
        sweep(&place)?;
        let mut random = [0; 48];
        getrandom::fill(&mut random)?;
        let name = format!("den-{:032x}", u128::from_le_bytes(random[32..].try_into().expect("16 bytes")));
        mkdirat(&place, &name, Mode::RWXU).context("the folder takes no other")?;
        let folder = openat(&place, &name, FOLDER, Mode::empty())?;
        check_owner(&fstat(&folder)?).context("the den")?;
        rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
        let key = random[..32].try_into().expect("32 bytes");
        let (count, used, most) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Ok(Den(Arc::new(Hollow {
            place,
            folder,
            name,
            key,
            count,
            used,
            most,
            #[cfg(test)]
            lack: std::sync::atomic::AtomicI32::new(0),
        })))
    }

    /// From here on no file can be opened, for tests; zero: each can.
    #[cfg(test)]
    pub fn lack(&self, errno: i32) {
        self.0.lack.store(errno, Relaxed);
    }

    /// Its files may have so many bytes together from here on.
    pub fn set_most(&self, bytes: u64) {
        self.0.most.store(bytes, Relaxed);
    }

    /// A place for so many bytes, which tell of so many bytes of pages.
    ///
    /// # Errors
    /// When the den may not have so many more.
    pub(super) fn keep(&self, bytes: usize, touched: usize) -> Result<Kept> {
        let (used, most) = (self.0.used.load(Relaxed), self.0.most.load(Relaxed));
        let fits = used.saturating_add(bytes as u64) <= most;
        ensure!(fits, "those that sleep have {used} bytes on disk already, of {most}");
        self.0.used.fetch_add(bytes as u64, Relaxed);
        let number = self.0.count.fetch_add(1, Relaxed) + 1;
        Ok(Kept { den: self.0.clone(), number, bytes, touched })
    }

    /// Where the files are, for who may open nothing else: this process's name for its folder.
    pub fn folder(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.folder.as_raw_fd()).into()
    }

    /// Removes the den, whoever sleeps in it: they will not wake. For a process that ends without dropping what it has. Dens of
    /// the dead go with it.
    pub fn close(&self) {
        self.0.clear();
        // What is left is swept by the next process; and so is all where one is making its den now, which is not locked yet.
        let swept = openat(&self.0.place, ".", FOLDER, Mode::empty()).map(|lock| {
            rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            sweep(&self.0.place)
        });
        let _ = swept;
    }
}

impl Hollow {
    fn clear(&self) {
        empty(&self.folder);
        // What is left is swept by the next process.
        let _ = unlinkat(&self.place, &self.name, AtFlags::REMOVEDIR);
    }
}

impl Drop for Hollow {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Kept {
    fn name(&self) -> String {
        format!("{:x}", self.number)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn write(&self, content: &[u8]) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.den.folder, self.name(), flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(self.mac(content).as_bytes())?;
        Ok(file.write_all(content)?)
    }

    /// What was kept; waits for the disk.
    ///
    /// # Errors
    /// When the file is gone, or is not as we wrote it.
    pub(super) fn read(&self) -> Result<Vec<u8>> {
        let (mut mac, mut content) = ([0; MAC_BYTES], vec![0; self.bytes]);
        let mut file = self.open()?;
        file.read_exact(&mut mac)?;
        file.read_exact(&mut content)?;
        self.check(content, mac)
    }

    /// The same, if nobody has to wait for it: none when a part of it is on disk only.
    ///
    /// # Errors
    /// As [`Kept::read`].
    pub(super) fn read_at_once(&self) -> Result<Option<Vec<u8>>> {
        let (mut mac, mut content) = ([0; MAC_BYTES], vec![0; self.bytes]);
        let file = self.open()?;
        let into = &mut [IoSliceMut::new(&mut mac), IoSliceMut::new(&mut content)];
        match in_memory(&file, into) {
            Some(count) if count == MAC_BYTES + self.bytes => self.check(content, mac).map(Some),
            _ => Ok(None),
        }
    }

    fn open(&self) -> Result<File> {
        #[cfg(test)]
        match self.den.lack.load(Relaxed) {
            0 => {}
            errno => return Err(rustix::io::Errno::from_raw_os_error(errno)).context("the file cannot be opened"),
        }
        let file = open_own(&self.den.folder, &self.name()).context("the file cannot be opened")?;
        let stat = fstat(&file)?;
        ensure!(stat.st_mode & 0o077 == 0, "the file can be read by others");
        ensure!(stat.st_size as u64 == (MAC_BYTES + self.bytes) as u64, "the file has another length");
        Ok(file)
    }

    fn check(&self, content: Vec<u8>, mac: [u8; MAC_BYTES]) -> Result<Vec<u8>> {
        ensure!(self.mac(&content) == blake3::Hash::from_bytes(mac), "the file is not ours, or damaged");
        Ok(content)
    }

    /// It is not needed any more.
    pub(super) fn forget(&self) {
        // It may be gone already; there is nothing more to do about it.
        let _ = unlinkat(&self.den.folder, self.name(), AtFlags::empty());
    }

    /// The name decides the key: it need not precede the content, which then is hashed in whole blocks.
    fn mac(&self, content: &[u8]) -> blake3::Hash {
        let key = blake3::keyed_hash(&self.den.key, self.name().as_bytes());
        blake3::keyed_hash(key.as_bytes(), content)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.den.used.fetch_sub(self.bytes as u64, Relaxed);
        self.forget();
    }
}

/// Reads what the system has in its memory; none where it does not tell.
#[cfg(target_os = "linux")]
fn in_memory(file: &File, into: &mut [IoSliceMut<'_>]) -> Option<usize> {
    rustix::io::preadv2(file, into, 0, rustix::io::ReadWriteFlags::NOWAIT).ok()
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_file: &File, _into: &mut [IoSliceMut<'_>]) -> Option<usize> {
    None
}

/// Removes the dens of processes that are no more: a lock ends with its process.
fn sweep(place: &OwnedFd) -> Result<()> {
    for entry in Dir::read_from(place)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_bytes().starts_with(b"den-") {
            continue;
        }
        let Ok(folder) = openat(place, name, FOLDER, Mode::empty()) else { continue };
        let free = rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok();
        if free && fstat(&folder).is_ok_and(|stat| check_owner(&stat).is_ok()) {
            empty(&folder);
            // Something else in it is nothing of ours.
            let _ = unlinkat(place, name, AtFlags::REMOVEDIR);
        }
    }
    Ok(())
}

/// Removes every file of a den. It has no folders.
fn empty(folder: &OwnedFd) {
    let Ok(entries) = Dir::read_from(folder) else { return };
    let is_file = |name: &CStr| {
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) != FileType::Directory)
    };
    for entry in entries.flatten() {
        if is_file(entry.file_name()) {
            // As above.
            let _ = unlinkat(folder, entry.file_name(), AtFlags::empty());
        }
    }
}
