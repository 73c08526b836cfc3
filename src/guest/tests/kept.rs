//! S01: whatever is wrong with a file of the cache, it is built anew and never loaded.
use super::{batch, engine, guest_text, state, wasm, whole_turn};
use crate::guest::cache::{self, CacheFolder, load_or_build};
use crate::guest::{Turn, Verdict};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has random bytes");
        Folder(std::env::temp_dir().join(format!("skep-test-{:x}", u64::from_le_bytes(random))))
    }

    fn file(&self, ending: &str) -> PathBuf {
        let entries = fs::read_dir(&self.0).expect("the folder was made");
        let mut files = entries.map(|entry| entry.expect("it can be read").path());
        files.find(|path| path.to_string_lossy().ends_with(ending)).expect("the file was made")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text() -> Vec<u8> {
    wasm(&guest_text("(drop (call $exit (i32.const 5))) (i32.const 0)", ""))
}

/// Loads, runs, and tells whether the code was compiled.
fn compiles(folder: &Path) -> bool {
    let mut compiled = false;
    let folder = CacheFolder(Some(folder.to_owned()));
    let cell = load_or_build(engine(), text().as_slice(), &folder, |_| compiled = true).expect("the guest is accepted");
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Ended(Verdict::Exited(5)));
    compiled
}

#[test]
fn the_second_start_finds_what_the_first_kept() {
    let folder = Folder::new();
    assert!(compiles(&folder.0));
    assert!(!compiles(&folder.0));
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    assert_eq!(mode(&folder.0.join("key")), 0o600);
    assert_eq!(mode(&folder.file(".code")), 0o600);
    assert_eq!(fs::read_dir(&folder.0).map(Iterator::count).unwrap_or(0), 3, "no temporary file is left");
    fs::remove_file(folder.file(".image")).expect("it can be removed");
    assert!(!compiles(&folder.0), "warmed up anew, not compiled");
}

/// As `compiles`, for the only guest of a process.
fn compiles_for_one(folder: &Path) -> bool {
    let mut compiled = false;
    let folder = CacheFolder(Some(folder.to_owned()));
    let guest = cache::spawn(engine(), text().as_slice(), &folder, |_| compiled = true, state());
    assert_eq!(whole_turn(&mut guest.expect("it can be spawned"), &batch()), Turn::Ended(Verdict::Exited(5)));
    compiled
}

#[test]
fn the_only_guest_of_a_process_starts_from_the_same_files() {
    let folder = Folder::new();
    assert!(compiles_for_one(&folder.0));
    assert!(!compiles_for_one(&folder.0));
    assert!(!compiles(&folder.0));
    let (image, code) = (folder.file(".image"), folder.file(".code"));
    let good = fs::read(&image).expect("it can be read");
    for at in [0, 40, 60, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&image, &bad).expect("it can be written");
        assert!(!compiles_for_one(&folder.0), "warmed up anew, not compiled");
        assert_eq!(fs::read(&image).expect("it can be read"), good, "byte {at}");
    }
    fs::write(&code, &good).expect("it can be written");
    assert!(compiles_for_one(&folder.0));
}

#[test]
fn s01_any_flipped_byte_and_any_cut_is_noticed() {
    let folder = Folder::new();
    compiles(&folder.0);
    let vault = crate::guest::vault::Vault::open(&folder.0, cache::BOUNDS).expect("the folder is good");
    for ending in [".code", ".image"] {
        let path = folder.file(ending);
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let read = || {
            vault.read(&name, |file| {
                let mut all = Vec::new();
                std::io::Read::read_to_end(file, &mut all)?;
                Ok(all)
            })
        };
        let good = fs::read(&path).expect("it can be read");
        assert!(read().is_ok());
        let step = (good.len() / 3000).max(1);
        for at in (0..good.len().min(64)).chain((64..good.len()).step_by(step)) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&path, &bad).expect("it can be written");
            assert!(read().is_err(), "byte {at} of {ending}");
        }
        for len in [0, 1, 31, 32, 40, good.len() / 2, good.len() - 1] {
            fs::write(&path, &good[..len]).expect("it can be written");
            assert!(read().is_err(), "{ending} cut to {len}");
        }
        fs::write(&path, [&good[..], b"x"].concat()).expect("it can be written");
        assert!(read().is_err(), "{ending} with a byte more");
        fs::write(&path, &good).expect("it can be written");
    }
}

#[test]
fn s01_a_damaged_file_is_built_anew() {
    let folder = Folder::new();
    compiles(&folder.0);
    let path = folder.file(".code");
    let mut bytes = fs::read(&path).expect("it can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).expect("it can be written");
    assert!(compiles(&folder.0));
    assert!(!compiles(&folder.0));
}

#[test]
fn s01_names_keys_links_and_permissions() {
    let folder = Folder::new();
    compiles(&folder.0);
    let (code, image) = (folder.file(".code"), folder.file(".image"));
    // A good file under another's name.
    fs::copy(&image, &code).expect("it can be copied");
    assert!(compiles(&folder.0));
    // A link to a good file.
    let moved = folder.0.join("moved");
    fs::rename(&code, &moved).expect("it can be moved");
    symlink(&moved, &code).expect("a link can be made");
    assert!(compiles(&folder.0));
    // A file that others may write.
    fs::set_permissions(&code, fs::Permissions::from_mode(0o666)).expect("it is ours");
    assert!(compiles(&folder.0));
    // Another key.
    fs::write(folder.0.join("key"), [7; 32]).expect("it is ours");
    assert!(compiles(&folder.0));
    assert!(!compiles(&folder.0));
    // A key that others may read is replaced, and what it signed with it.
    fs::set_permissions(folder.0.join("key"), fs::Permissions::from_mode(0o644)).expect("it is ours");
    assert!(compiles(&folder.0));
    assert!(!compiles(&folder.0));
    // A folder that others may write is not used.
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).expect("it is ours");
    assert!(compiles(&folder.0));
    // A link in its place neither.
    let link = Folder::new();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).expect("it is ours");
    symlink(&folder.0, &link.0).expect("a link can be made");
    assert!(compiles(&link.0));
    assert!(!compiles(&folder.0));
    fs::remove_file(&link.0).expect("it is ours");
}

#[test]
fn s01_another_engine_has_files_of_its_own() {
    let folder = Folder::new();
    compiles(&folder.0);
    let other = crate::guest::Engine::new(&crate::guest::EngineOptions::default());
    let other = other.expect("an engine can be made here");
    let mut compiled = false;
    let cache = CacheFolder(Some(folder.0.clone()));
    load_or_build(&other, text().as_slice(), &cache, |_| compiled = true).expect("the guest is accepted");
    assert!(compiled);
}

#[test]
fn a_seal_holds_as_long_as_nobody_writes_to_the_file() {
    let folder = Folder::new();
    compiles(&folder.0);
    let vault = crate::guest::vault::Vault::open_eager(&folder.0, cache::BOUNDS).expect("the folder is good");
    let path = folder.file(".image");
    let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
    // Whether the file was taken, and whether by its seal.
    let sealed = || {
        let read = vault.read(&name, |file| {
            std::io::copy(file, &mut std::io::sink())?;
            Ok(file.is_sealed())
        });
        read.ok()
    };
    assert_eq!((sealed(), sealed()), (Some(false), Some(true)), "the first look makes the seal");
    let good = fs::read(&path).expect("it can be read");
    let before = fs::metadata(&path).expect("it is there");
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    // Until the system's clock has moved on: a change bears the time of its tick.
    let changed = |content: &[u8]| {
        let now = || fs::metadata(&path).map(|now| (now.ctime(), now.ctime_nsec())).expect("it is there");
        let then = now();
        while now() == then {
            fs::write(&path, content).expect("it can be written");
        }
    };
    changed(&bad);
    let file = fs::File::options().write(true).open(&path).expect("it can be opened");
    file.set_modified(before.modified().expect("it has a time")).expect("it can be set");
    assert_eq!(sealed(), None, "the time of the change cannot be set back");
    changed(&good);
    assert_eq!((sealed(), sealed()), (Some(false), Some(true)));
    let seal = folder.0.join(format!("{name}.seal"));
    for content in [&b""[..], &[0; 32], &[0; 31]] {
        fs::write(&seal, content).expect("it can be written");
        assert_eq!((sealed(), sealed()), (Some(false), Some(true)), "a seal that is none is made anew");
    }
    let young = crate::guest::vault::Vault::open(&folder.0, cache::BOUNDS).expect("the folder is good");
    fs::remove_file(&seal).expect("it is there");
    changed(&good);
    young.read(&name, |file| Ok(std::io::copy(file, &mut std::io::sink())?)).expect("the file is good");
    assert!(!seal.exists(), "what was changed just now gets none");
}

/// The file that is to be written counts, and the one that it replaces does not.
#[test]
fn a_vault_makes_room_for_what_is_written_and_no_more() {
    use crate::guest::vault::{Bounds, Vault};
    let folder = Folder::new();
    let vault = Vault::open(&folder.0, Bounds { files: 3, bytes: 700 }).expect("the folder is good");
    let put = |name: &str, bytes: usize, at: u64| {
        vault.write(name, |out| Ok(out.write_all(&vec![7; bytes])?)).expect("there is room on the disk");
        let file = fs::File::options().write(true).open(folder.0.join(name)).expect("it was written");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(at)).expect("it is ours");
    };
    put("a", 250, 1);
    put("b", 250, 2);
    put("b", 250, 3);
    assert!(vault.has("a"), "what is replaced takes no room");
    put("c", 1, 4);
    put("d", 1, 5);
    assert_eq!(["a", "b", "c", "d"].map(|name| vault.has(name)), [false, true, true, true], "three files");
}
