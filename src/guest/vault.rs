//! A folder of files that only we could have written: each carries a keyed BLAKE3 code over its name and content, and the
//! key lies in the same folder, readable by its owner only. A file that is damaged, foreign, cut short or
//! not ours to trust is as good as none. It must not know what the files mean.
//!
//! Checking megabytes at every start was a fifth of it. So a file that was checked gets a *seal*: a code over what the
//! system says of it (which file, its size, when it was last changed). While that holds nobody has written to the file, for
//! the time of a change cannot be set back; otherwise its content is checked again.
use anyhow::{Context as _, Result, bail, ensure};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, linkat, openat, renameat, statat, unlinkat};
use std::fs::{DirBuilder, File};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

const KEY: &str = "key";
const MAC_BYTES: usize = 32;
const HEAD_BYTES: u64 = MAC_BYTES as u64 + 8;

/// What the name of a seal ends with.
const SEAL: &str = ".seal";

/// A file that was changed less than so many seconds ago gets no seal: the system's times are coarse, and another change
/// might bear the same one.
const SETTLED: i64 = 2;

/// The folder, and its key.
pub(super) struct Vault {
    folder: OwnedFd,
    key: [u8; 32],
    /// Seconds before a changed file gets a seal.
    settled: i64,
    bounds: Bounds,
}

/// What a vault may hold; beyond it the oldest files go when one is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Seals among them.
    pub(super) files: usize,
    pub(super) bytes: u64,
}

impl Vault {
    /// Opens or makes the folder.
    ///
    /// # Errors
    /// When it cannot be made, is a link, belongs to someone else, or others may write to it.
    pub(super) fn open(path: &Path, bounds: Bounds) -> Result<Vault> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).context("the cache folder cannot be made")?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty()).context("the cache folder cannot be opened")?;
        check_owner(&fstat(&folder)?).context("the cache folder")?;
        let key = match read_key(&folder) {
            Ok(key) => key,
            Err(_) => {
                make_key(&folder)?;
                read_key(&folder)?
            }
        };
        Ok(Vault { folder, key, settled: SETTLED, bounds })
    }

    /// Whether there is a file of this name, whatever is in it.
    pub(super) fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// The same, for tests that do not want to wait.
    #[cfg(test)]
    pub(super) fn open_eager(path: &Path, bounds: Bounds) -> Result<Vault> {
        Ok(Vault { settled: 0, ..Vault::open(path, bounds)? })
    }

    /// Reads a file: `read` gets its content, and must not act on it: only if this answers `Ok` is it ours.
    ///
    /// # Errors
    /// When there is none, or it is not to be trusted, or `read` fails.
    pub(super) fn read<T>(&self, name: &str, read: impl FnOnce(&mut Checked) -> Result<T>) -> Result<T> {
        let mut file = open_own(&self.folder, name)?;
        let stat = fstat(&file)?;
        let size = stat.st_size as u64;
        let mut mac = [0; MAC_BYTES];
        let mut len = [0; 8];
        file.read_exact(&mut mac)?;
        file.read_exact(&mut len)?;
        let left = u64::from_le_bytes(len);
        ensure!(left.checked_add(HEAD_BYTES) == Some(size), "the file's length is wrong");
        let seal = self.seal(name, &stat, &mac);
        let hasher = (!self.is_sealed(name, &seal)).then(|| self.hasher(name, left));
        let mut checked = Checked { file, hasher, left };
        let content = read(&mut checked)?;
        ensure!(checked.left == 0, "the file holds more than was read");
        if let Some(hasher) = checked.hasher {
            ensure!(hasher.finalize() == blake3::Hash::from_bytes(mac), "the file is not ours, or damaged");
            // Without a seal the next start checks again.
            let _ = self.put_seal(name, &seal, &stat);
        }
        Ok(content)
    }

    /// What a file's seal holds, if nobody has changed it since.
    fn seal(&self, name: &str, stat: &Stat, mac: &[u8; MAC_BYTES]) -> blake3::Hash {
        let mut seal = blake3::Hasher::new_keyed(&self.key);
        seal.update(b"seal").update(mac);
        // Their types differ from system to system; a seal is for this one.
        seal.update(&stat.st_dev.to_le_bytes()).update(&stat.st_ino.to_le_bytes()).update(&stat.st_size.to_le_bytes());
        seal.update(&stat.st_mtime.to_le_bytes()).update(&stat.st_mtime_nsec.to_le_bytes());
        seal.update(&stat.st_ctime.to_le_bytes()).update(&stat.st_ctime_nsec.to_le_bytes());
        seal.update(name.as_bytes());
        seal.finalize()
    }

    fn is_sealed(&self, name: &str, seal: &blake3::Hash) -> bool {
        let mut found = [0; MAC_BYTES];
        let read =
            open_own(&self.folder, &format!("{name}{SEAL}")).and_then(|mut file| Ok(file.read_exact(&mut found)?));
        read.is_ok() && *seal == blake3::Hash::from_bytes(found)
    }

    /// The file was checked: says so, unless it is too young.
    fn put_seal(&self, name: &str, seal: &blake3::Hash, of: &Stat) -> Result<()> {
        let (temporary, mut file) = create_temporary(&self.folder)?;
        let put = (|| {
            file.write_all(seal.as_bytes())?;
            let now = fstat(&file)?.st_ctime;
            ensure!(now - of.st_ctime >= self.settled, "the file is too young");
            Ok(renameat(&self.folder, &temporary, &self.folder, format!("{name}{SEAL}"))?)
        })();
        if put.is_err() {
            // It may be gone already; there is nothing more to do about it.
            let _ = unlinkat(&self.folder, &temporary, AtFlags::empty());
        }
        put
    }

    /// Writes a file whole, or not at all. `write` is called twice, and writes the same both times: once to be
    /// measured and signed, once to the file.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn write(&self, name: &str, write: impl Fn(&mut dyn Write) -> Result<()>) -> Result<()> {
        let mut count = Count(0);
        write(&mut count)?;
        self.prune(name, count.0);
        let mut hasher = self.hasher(name, count.0);
        write(&mut hasher)?;
        let mac = hasher.finalize();
        self.replace(name, |file| {
            file.write_all(mac.as_bytes())?;
            file.write_all(&count.0.to_le_bytes())?;
            write(file)
        })
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) {
        for name in [name, &format!("{name}{SEAL}")] {
            let _ = unlinkat(&self.folder, name, AtFlags::empty());
        }
    }

    /// Under another name first, so that nobody ever sees half a file.
    fn replace(&self, name: &str, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        let (temporary, file) = create_temporary(&self.folder)?;
        let written = (|| {
            let mut out = BufWriter::with_capacity(128 << 10, file);
            write(&mut out)?;
            out.into_inner()?.sync_all()?;
            renameat(&self.folder, &temporary, &self.folder, name)?;
            Ok(())
        })();
        if written.is_err() {
            // It may be gone already; there is nothing more to do about it.
            let _ = unlinkat(&self.folder, &temporary, AtFlags::empty());
        }
        written
    }

    /// For one file's content. Name and length decide its key: they need not precede the content, which then is hashed
    /// in whole blocks as it is read.
    fn hasher(&self, name: &str, len: u64) -> blake3::Hasher {
        let mut key = blake3::Hasher::new_keyed(&self.key);
        key.update(&len.to_le_bytes());
        key.update(name.as_bytes());
        blake3::Hasher::new_keyed(key.finalize().as_bytes())
    }

    /// Removes the oldest files when there are many, to make room for one of so many bytes, in whose place another may be: each new
    /// version leaves its own behind.
    fn prune(&self, name: &str, bytes: u64) {
        let Ok(entries) = Dir::read_from(&self.folder) else {
            return;
        };
        let own = name.as_bytes();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().to_owned();
                let stat = statat(&self.folder, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
                let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
                let stays = [KEY.as_bytes(), own].contains(&name.to_bytes());
                (regular && !stays).then_some((stat.st_mtime, name, stat.st_size as u64))
            })
            .collect();
        files.sort();
        let (mut count, mut sum) = (files.len() + 1, files.iter().map(|file| file.2).fold(bytes, u64::saturating_add));
        for (_, name, size) in files {
            if count <= self.bounds.files && sum <= self.bounds.bytes {
                return;
            }
            (count, sum) = (count - 1, sum - size);
            // Another process may have removed it.
            let _ = unlinkat(&self.folder, name, AtFlags::empty());
        }
    }
}

/// A file's content on its way to being checked.
pub(super) struct Checked {
    file: File,
    /// None: the file is sealed.
    hasher: Option<blake3::Hasher>,
    left: u64,
}

impl Checked {
    /// Bytes not read yet: as many as the file has, which is all that is known of them.
    pub(super) fn left(&self) -> u64 {
        self.left
    }
}

#[cfg(test)]
impl Checked {
    pub(super) fn is_sealed(&self) -> bool {
        self.hasher.is_none()
    }
}

impl Read for Checked {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let count = self.file.read(&mut out[..most])?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&out[..count]);
        }
        self.left -= count as u64;
        Ok(count)
    }
}

struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Ours, and nobody else may write.
pub(super) fn check_owner(stat: &Stat) -> Result<()> {
    ensure!(stat.st_uid == rustix::process::geteuid().as_raw(), "belongs to someone else");
    ensure!(stat.st_mode & 0o022 == 0, "can be written by others");
    Ok(())
}

pub(super) fn open_own(folder: impl AsFd, name: &str) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(folder, name, flags, Mode::empty())?;
    let stat = fstat(&file)?;
    ensure!(FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile, "not a regular file");
    check_owner(&stat)?;
    Ok(File::from(file))
}

fn create_temporary(folder: &OwnedFd) -> Result<(String, File)> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    let name = format!("tmp-{:032x}", u128::from_le_bytes(random));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(folder, &name, flags, Mode::RUSR | Mode::WUSR).context("the cache folder takes no file")?;
    Ok((name, File::from(file)))
}

fn read_key(folder: &OwnedFd) -> Result<[u8; 32]> {
    let mut file = open_own(folder, KEY)?;
    ensure!(fstat(&file)?.st_mode & 0o077 == 0, "the cache's key can be read by others");
    let mut key = [0; 32];
    file.read_exact(&mut key)?;
    if file.read(&mut [0])? != 0 {
        bail!("the cache's key is too long");
    }
    Ok(key)
}

/// Makes a key; when another process made one meanwhile, that one holds. One that cannot be used is replaced: what it
/// signed is then rebuilt.
fn make_key(folder: &OwnedFd) -> Result<()> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    let (temporary, mut file) = create_temporary(folder)?;
    file.write_all(&key)?;
    file.sync_all()?;
    if linkat(folder, &temporary, folder, KEY, AtFlags::empty()).is_err() && read_key(folder).is_err() {
        renameat(folder, &temporary, folder, KEY)?;
        return Ok(());
    }
    unlinkat(folder, &temporary, AtFlags::empty())?;
    Ok(())
}
