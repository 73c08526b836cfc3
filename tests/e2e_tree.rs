//! Limits that were named hold for a whole tree of processes (row P11): memory and CPU are sums, whoever is gone gives back
//! what it held. It must not know how they are counted.
#![cfg(target_os = "linux")]
mod support;

use support::{Finished, file, finish, folder, piped, skep};

fn run(options: &[&str], code: &str) -> Finished {
    let path = file(&folder(), "main.js", code);
    finish(piped(skep().arg("run").args(options).arg(path)).spawn().expect("the program starts"))
}

/// What a child does: holds memory until it is refused, and says how many pieces of 2 MiB it has got.
const HOLDER: &str = "const { fork } = require('child_process');
  const held = [];
  const fill = () => { try { for (;;) held.push(new Uint8Array(2 << 20)); } catch { return held.length; } };
  if (process.send) process.on('message', () => process.send(fill()));
  const ask = (child) => new Promise((done) => { child.once('message', done); child.send(0); });
  const end = (child) => new Promise((done) => { child.once('exit', done); child.kill('SIGKILL'); });
  if (!process.send) main();";

#[test]
fn p11_the_memory_of_a_tree_is_one_sum_and_a_killed_childs_comes_back() {
    let code = format!(
        "{HOLDER}
         async function main() {{
           const [one, two] = [fork(__filename), fork(__filename)];
           const first = await ask(one), second = await ask(two);
           await end(one);
           const again = await ask(two);
           console.log(JSON.stringify([first, second, again]));
           two.disconnect();
         }}"
    );
    let done = run(&["--allow-fork=3", "--memory=96M"], &code);
    let got: Vec<u64> = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{} {}", done.out, done.err));
    let [first, second, again] = got[..] else { panic!("{got:?}") };
    assert!(first >= 16, "one of them can have most of it: {got:?}");
    assert!(second <= 4 && 2 * (first + second) < 96, "and then there is none for the other: {got:?}");
    assert!(again >= first / 2, "what the dead one held is there again: {got:?}");
}

#[test]
fn p11_without_a_named_limit_each_process_has_its_own() {
    let code = format!(
        "{HOLDER}
         async function main() {{
           const [one, two] = [fork(__filename), fork(__filename)];
           const counts = [await ask(one), await ask(two)];
           console.log(counts[0] === counts[1] && counts[0] > 100);
           one.disconnect(); two.disconnect();
         }}"
    );
    let done = run(&["--allow-fork=3"], &code);
    assert_eq!(done.out, "true\n", "{}", done.err);
}

#[test]
fn p11_a_tree_that_holds_all_of_its_memory_starts_nothing() {
    let code = format!(
        "{HOLDER}
         function main() {{
           fill();
           held.pop();
           try {{ fork(__filename).on('exit', () => console.log('it ran')); }} catch (error) {{ console.log(error.code); }}
         }}"
    );
    let done = run(&["--allow-fork=3", "--memory=48M"], &code);
    assert_eq!((done.code, done.out.as_str()), (Some(0), "ENOMEM\n"), "{}", done.err);
}

#[test]
fn p11_the_cpu_of_a_tree_is_one_sum() {
    let code = "const { fork } = require('child_process');
      if (process.send) for (;;);
      // What is done for the first time takes longer than last words may.
      console.log('begun');
      const child = fork(__filename);
      child.on('exit', () => {
        console.log(child.exitReason);
        fork(__filename).on('error', (error) => {
          console.log(error.code);
          const until = process.cpuUsage().user + 200e3;
          while (process.cpuUsage().user < until);
          console.log('it goes on');
        });
      });";
    let done = run(&["--allow-fork=1", "--cpu=600ms"], code);
    // The child has used all of it: the parent has some last words, starts nobody, and does not get far.
    assert_eq!((done.code, done.out.as_str()), (Some(134), "begun\ndeadline\nEAGAIN\n"), "{}", done.err);
    assert!(done.err.contains("CPU"), "{}", done.err);
}

#[test]
fn p11_a_tree_with_a_rate_of_cpu_goes_on_slowly() {
    let code = "const { fork } = require('child_process');
      const work = () => { const until = process.cpuUsage().user + 150e3; while (process.cpuUsage().user < until); };
      if (process.send) { work(); process.send('done'); process.disconnect(); }
      else for (let i = 0; i < 2; i++) fork(__filename).on('message', (message) => console.log(message));";
    let done = run(&["--allow-fork=2", "--cpu-rate=200ms"], code);
    assert_eq!((done.code, done.out.as_str()), (Some(0), "done\ndone\n"), "{}", done.err);
}

#[cfg(feature = "wasi")]
#[test]
fn p11_a_plain_programs_cpu_is_its_trees() {
    let hog = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start") (loop $on (br $on))))"#);
    let hog = hog.expect("it is well-formed");
    let code = format!(
        "const {{ fork }} = require('child_process'), fs = require('fs'), file = __dirname + '/hog.wasm';
         console.log('begun');
         fs.writeFileSync(file, Buffer.from('{}', 'hex'));
         fork(file).on('exit', () => {{
           console.log('the child has ended');
           const until = process.cpuUsage().user + 200e3;
           while (process.cpuUsage().user < until);
           console.log('it goes on');
         }});",
        hog.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    );
    let folder = folder();
    let path = file(&folder, "main.js", &code);
    let grant = format!("--allow-fs={}:rw", folder.display());
    let words = ["run", "--allow-fork=1", "--cpu=600ms", &grant];
    let done = finish(piped(skep().args(words).arg(path)).spawn().expect("the program starts"));
    assert_eq!((done.code, done.out.as_str()), (Some(134), "begun\nthe child has ended\n"), "{}", done.err);
}

/// It has not begun yet, by its own reckoning: what it holds meanwhile counts.
#[cfg(feature = "wasi")]
#[test]
fn p11_a_plain_programs_memory_is_its_trees() {
    let holder = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\01\00\00\00h")
        (func $hold
            (drop (memory.grow (i32.const 1000)))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
            (loop $on (br $on)))
        (func (export "_start"))
        (start $hold))"#;
    let holder = wat::parse_str(holder).expect("it is well-formed");
    let code = format!(
        "const {{ fork }} = require('child_process'), fs = require('fs'), file = __dirname + '/holder.wasm';
         fs.writeFileSync(file, Buffer.from('{}', 'hex'));
         const child = fork(file, {{ silent: true }}), held = [];
         child.stdout.once('data', () => {{
           try {{ for (;;) held.push(new Uint8Array(2 << 20)); }} catch {{ console.log(held.length); }}
           child.kill('SIGKILL');
         }});",
        holder.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    );
    let folder = folder();
    let path = file(&folder, "main.js", &code);
    let grant = format!("--allow-fs={}:rw", folder.display());
    let words = ["run", "--allow-fork=1", "--memory=96M", &grant];
    let done = finish(piped(skep().args(words).arg(path)).spawn().expect("the program starts"));
    let got: u64 = done.out.trim().parse().unwrap_or_else(|_| panic!("{} {}", done.out, done.err));
    assert!(got <= 16, "62 of 96 MiB are the child's: {got} pieces of 2 MiB");
}
