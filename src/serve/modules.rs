//! Tenants whose program is a Wasm module: a cell for each, or a kit for another process, made by a thread, from a module that a
//! process of its own has compiled (row W01). The loop asks again until there is one. It must not know what a tenant may do.
use crate::guest::cache::{self, CacheFolder};
use crate::guest::{Cell, Engine, Kit};
use crate::launch::{AtFault, Program, compile_apart, own_program};
use crate::program::{self, Chosen, MAGIC};
use crate::runtime::NotHired;
use anyhow::{Result, anyhow, bail};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Modules that are compiled at the same time, whichever loops they are for: what one tenant brings holds few others up, and never the machine.
const AT_ONCE: usize = 2;

/// The same path is compiled no more often: who may write its own module could keep compilers busy.
const EVERY: Duration = Duration::from_secs(1);

/// A file as it was: another one, or a change of it, has another stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Stamp {
    file: (u64, u64),
    changed: (i64, i64),
    bytes: i64,
}

/// What has become of the module that is there.
enum Stage {
    Compiling,
    Ready,
    Refused(Refusal),
    /// Whoever asked has been told why not; it may be otherwise next time.
    Told,
}

/// Why there is none.
#[derive(Clone, Debug)]
struct Refusal {
    why: String,
    /// The module is at fault: it is not compiled again as it is. Anything else may be over when it is tried next, which is
    /// the hall's to pace.
    lasts: bool,
}

/// One path.
struct Known<T> {
    stamp: Stamp,
    stage: Stage,
    begun: Instant,
    /// Of the last that could be compiled.
    made: Option<(Stamp, T)>,
}

type Made<T> = (PathBuf, Stamp, Result<T, Refusal>);

/// What is made of a module.
pub(super) trait Product: Clone + Send + 'static {
    fn make(engine: &Engine, chosen: &Chosen, folder: &CacheFolder) -> Result<Self>;
}

impl Product for Cell {
    fn make(engine: &Engine, chosen: &Chosen, folder: &CacheFolder) -> Result<Cell> {
        cache::load_or_build(engine, chosen.file(), folder, |_| ())
    }
}

/// For another process.
impl Product for Kit {
    fn make(engine: &Engine, chosen: &Chosen, folder: &CacheFolder) -> Result<Kit> {
        cache::kit(engine, chosen.file(), folder, |_| ())
    }
}

/// The modules by file.
pub(super) struct Modules<T> {
    engine: Engine,
    folder: CacheFolder,
    known: HashMap<PathBuf, Known<T>>,
    made: (Sender<Made<T>>, Receiver<Made<T>>),
    /// How many are compiled, with those of other loops.
    busy: Arc<AtomicUsize>,
}

/// One of them, until it is over, however it ends.
struct Turn(Arc<AtomicUsize>);

impl Turn {
    /// None: there are as many as may be.
    fn take(busy: &Arc<AtomicUsize>) -> Option<Turn> {
        let one_more = |busy| (busy < AT_ONCE).then_some(busy + 1);
        busy.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Turn(Arc::clone(busy)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<T: Product> Modules<T> {
    pub(super) fn new(engine: Engine, folder: CacheFolder) -> Modules<T> {
        Modules { engine, folder, known: HashMap::new(), made: channel(), busy: Arc::default() }
    }

    /// None of any yet, for another loop of this process.
    pub(super) fn another(&self) -> Modules<T> {
        let other = Modules::new(self.engine.clone(), self.folder.clone());
        Modules { busy: Arc::clone(&self.busy), ..other }
    }

    /// What a tenant's module is as it is now; none when its program is a script.
    ///
    /// # Errors
    /// When it is not there yet, or there can be none.
    pub(super) fn get(&mut self, main: &Path) -> Result<Option<(Stamp, T)>, NotHired> {
        while let Ok((path, stamp, made)) = self.made.1.try_recv() {
            let Some(known) = self.known.get_mut(&path) else { continue };
            match made {
                Ok(made) => (known.stage, known.made) = (Stage::Ready, Some((stamp, made))),
                Err(refusal) => known.stage = Stage::Refused(refusal),
            }
        }
        let Some(stamp) = module(main) else {
            self.known.remove(main);
            return Ok(None);
        };
        match self.known.get(main) {
            Some(Known { stamp: known, stage: Stage::Ready, made, .. }) if *known == stamp => Ok(made.clone()),
            Some(Known { stamp: known, stage: Stage::Refused(refusal), .. }) if *known == stamp => {
                let Refusal { why, lasts } = refusal.clone();
                if let Some(known) = self.known.get_mut(main).filter(|_| !lasts) {
                    known.stage = Stage::Told;
                }
                Err(NotHired::Failed(why))
            }
            Some(Known { stage: Stage::Compiling, .. }) => Err(NotHired::NotYet),
            Some(Known { begun, .. }) if begun.elapsed() < EVERY => Err(NotHired::NotYet),
            _ => self.begin(main, stamp),
        }
    }

    /// The stamp of the last module there that could be compiled.
    pub(super) fn last(&self, main: &Path) -> Option<Stamp> {
        self.known.get(main)?.made.as_ref().map(|(stamp, _)| *stamp)
    }

    /// Modules of nobody are forgotten.
    pub(super) fn retain(&mut self, is_used: impl Fn(&Path) -> bool) {
        self.known.retain(|path, known| is_used(path) || matches!(known.stage, Stage::Compiling));
    }

    fn begin(&mut self, main: &Path, stamp: Stamp) -> Result<Option<(Stamp, T)>, NotHired> {
        let Some(turn) = Turn::take(&self.busy) else { return Err(NotHired::NotYet) };
        let (engine, folder, sender) = (self.engine.clone(), self.folder.clone(), self.made.0.clone());
        let path = main.to_owned();
        let body = move || {
            let _turn = turn;
            // Without an answer it would be waited for for ever.
            let made = catch_unwind(AssertUnwindSafe(|| {
                own_program().and_then(|program| make(&engine, &folder, &program, &path))
            }));
            let made =
                made.unwrap_or_else(|_| Err(anyhow!("a fault of the host while it was compiled (please report it)")));
            let made = made.map_err(|error| refusal(&error));
            // Nobody is there any more when it cannot be sent.
            let _gone = sender.send((path, stamp, made));
        };
        match thread::Builder::new().name("skep-compile".into()).spawn(body) {
            Ok(_) => {
                let made = self.known.remove(main).and_then(|known| known.made);
                let known = Known { stamp, stage: Stage::Compiling, begun: Instant::now(), made };
                self.known.insert(main.to_owned(), known);
                Err(NotHired::NotYet)
            }
            Err(error) => Err(NotHired::Failed(format!("no thread to compile it: {error}"))),
        }
    }
}

/// Whether a program is a Wasm module.
pub(super) fn is_module(main: &Path) -> bool {
    module(main).is_some()
}

/// The stamp of a file that begins as a Wasm module does. Nothing else is waited for: a FIFO has nothing to say.
pub(super) fn module(main: &Path) -> Option<Stamp> {
    let file = open(main, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let stat = fstat(&file).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut head = [0; MAGIC.len()];
    let count = rustix::io::read(&file, &mut head).ok()?;
    (head[..count] == *MAGIC).then_some(Stamp {
        file: (stat.st_dev as u64, stat.st_ino),
        changed: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        bytes: stat.st_size,
    })
}

fn refusal(error: &anyhow::Error) -> Refusal {
    Refusal { why: format!("{error:#}"), lasts: error.is::<AtFault>() }
}

/// Has `program`, which is this one, compile it, and takes what it has left.
fn make<T: Product>(engine: &Engine, folder: &CacheFolder, program: &Path, main: &Path) -> Result<T> {
    let chosen = program::choose(&Program::File(main.to_owned()), None)?;
    match &chosen {
        Chosen::Itself(_) => {}
        Chosen::Plain(_) => bail!("{} is a plain WASI program, which serves nobody", main.display()),
        _ => bail!("{} has changed while it was looked at", main.display()),
    }
    let kept = cache::is_kept(engine, chosen.file(), folder);
    compile_apart(kept, &chosen, program, main, folder)?;
    // The other process has read the path again: whoever may write there could have had something else compiled, and have this
    // process compile the module after all.
    let apart = folder.0.is_some() && cfg!(target_os = "linux");
    if apart && !cache::is_kept(engine, chosen.file(), folder) {
        bail!("{} has changed while it was compiled, or the cache folder keeps nothing", main.display());
    }
    T::make(engine, &chosen, folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::EngineOptions;

    #[test]
    fn a_module_is_compiled_again_unless_it_was_at_fault() {
        let engine = Engine::new(&EngineOptions::default()).expect("an engine can be made here");
        let mut modules = Modules::<Cell>::new(engine, CacheFolder(None));
        let main = std::env::temp_dir().join(format!("skep-module-{}.wasm", std::process::id()));
        std::fs::write(&main, MAGIC).expect("there is room for four bytes");
        let stamp = module(&main).expect("it begins as one");
        let told = |modules: &mut Modules<Cell>| modules.get(&main).map(|_| ()).expect_err("there is none");
        for lasts in [true, false] {
            let known = Known { stamp, stage: Stage::Compiling, begun: Instant::now(), made: None };
            modules.known.insert(main.clone(), known);
            modules
                .made
                .0
                .send((main.clone(), stamp, Err(Refusal { why: "no".into(), lasts })))
                .expect("it is read here");
            assert_eq!(told(&mut modules), NotHired::Failed("no".into()));
            let next = told(&mut modules);
            assert_eq!(next, if lasts { NotHired::Failed("no".into()) } else { NotHired::NotYet });
        }
        std::fs::remove_file(&main).expect("it is there");
    }

    #[test]
    fn compilers_of_all_loops_together_are_bounded() {
        let engine = Engine::new(&EngineOptions::default()).expect("an engine can be made here");
        let modules = Modules::<Cell>::new(engine, CacheFolder(None));
        let mut other = modules.another();
        let main = std::env::temp_dir().join(format!("skep-module-turn-{}.wasm", std::process::id()));
        std::fs::write(&main, MAGIC).expect("there is room for four bytes");
        let mut turns: Vec<_> = (0..AT_ONCE).map(|_| Turn::take(&modules.busy).expect("nobody compiles")).collect();
        let asked = |other: &mut Modules<Cell>| other.get(&main).map(drop).expect_err("there is none");
        assert_eq!((asked(&mut other), other.known.len()), (NotHired::NotYet, 0), "it has not begun");
        turns.pop();
        assert_eq!((asked(&mut other), other.known.len()), (NotHired::NotYet, 1), "it has");
        std::fs::remove_file(&main).expect("it is there");
    }

    /// Would be compiled by this process.
    #[derive(Clone)]
    struct Here;

    impl Product for Here {
        fn make(_: &Engine, _: &Chosen, _: &CacheFolder) -> Result<Here> {
            Ok(Here)
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn w01_what_another_process_has_not_compiled_is_not_compiled_here() {
        let engine = Engine::new(&EngineOptions::default()).expect("an engine can be made here");
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has random bytes");
        let folder = std::env::temp_dir().join(format!("skep-modules-{:x}", u64::from_le_bytes(random)));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let main = folder.join("main.wasm");
        let text = r#"(module (import "skep" "inbox" (func (param i32 i32) (result i32))) (memory (export "memory") 1)
          (func (export "skep_abi") (result i32) (i32.const 0)) (func (export "skep_on_events") (param i32) (result i32) (i32.const 0)))"#;
        std::fs::write(&main, wat::parse_str(text).expect("it is well-formed")).expect("it can be written");
        let cache = CacheFolder(Some(folder.clone()));
        // It says that all is well, and has compiled nothing: as when there was another module there for a moment.
        let made = make::<Here>(&engine, &cache, Path::new("/bin/true"), &main);
        let refused = refusal(&made.map(|_| ()).expect_err("nothing was compiled"));
        assert!(refused.why.contains("has changed while it was compiled") && !refused.lasts, "{refused:?}");
        let made = make::<Here>(&engine, &cache, Path::new("/bin/false"), &main);
        assert!(refusal(&made.map(|_| ()).expect_err("it is refused")).lasts, "it would be again");
        let made = make::<Here>(&engine, &cache, Path::new("/nowhere"), &main);
        assert!(!refusal(&made.map(|_| ()).expect_err("nobody compiles it")).lasts);
        std::fs::remove_dir_all(&folder).expect("it is there");
    }
}
