//! Files from a script's side: the three forms agree, descriptors and streams move bytes, folders are walked in bounded
//! memory, changes are told, and nothing outside a grant is told from what does not exist.
mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use support::{Finished, folder, run_as};

/// A folder of its own, and a script that has it as `dir`, granted for writing.
fn in_folder(code: &str) -> (Finished, PathBuf) {
    let dir = folder().canonicalize().expect("the folder is there");
    let script = format!("const fs = require('fs'); const dir = {:?};\n{code}", dir.display().to_string());
    let done = run_as(&[&format!("--allow-fs={}:rw", dir.display())], &script);
    (done, dir)
}

fn ok(code: &str) -> String {
    let (done, _) = in_folder(code);
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{}", done.out);
    done.out
}

#[test]
fn the_three_forms_agree() {
    let out = ok("
        const file = `${dir}/a.txt`;
        fs.writeFileSync(file, 'text');
        const sync = fs.readFileSync(file, 'utf8');
        let returned = false;
        fs.readFile(file, 'utf8', async (error, called) => {
          const promised = await fs.promises.readFile(file, 'utf8');
          const errors = [];
          try { fs.statSync(`${dir}/none`); } catch (e) { errors.push(e.message); }
          await fs.promises.stat(`${dir}/none`).catch((e) => errors.push(e.message));
          fs.stat(`${dir}/none`, (e) => {
            errors.push(e.message);
            console.log(returned, sync, called, promised, new Set(errors).size, errors[0].replace(dir, ''));
          });
        });
        returned = true;");
    assert_eq!(out, "true text text text 1 ENOENT: no such file or directory, stat '/none'\n");
}

#[test]
fn streams_move_more_than_fits_at_once() {
    let out = ok("
        const { pipeline } = require('stream/promises');
        const { createHash } = require('crypto');
        const hash = (file) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');
        const bytes = Buffer.alloc(5_000_000, 'skep ');
        fs.writeFileSync(`${dir}/from`, bytes);
        pipeline(fs.createReadStream(`${dir}/from`), fs.createWriteStream(`${dir}/to`)).then(() => {
          console.log(hash(`${dir}/from`) === hash(`${dir}/to`), fs.statSync(`${dir}/to`).size);
        });");
    assert_eq!(out, "true 5000000\n");
}

#[test]
fn many_operations_at_once_all_end() {
    let out = ok("
        const all = Array.from({ length: 900 }, (_, i) => fs.promises.writeFile(`${dir}/${i % 100}`, `${i}`));
        Promise.all(all).then(async () => {
          console.log((await fs.promises.readdir(dir)).length);
          let seen = 0;
          for await (const entry of await fs.promises.opendir(dir, { bufferSize: 7 })) seen += entry.isFile();
          await fs.promises.rm(dir + '/', { recursive: true }).catch((e) => console.log(seen, e.code));
          console.log(fs.readdirSync(dir).length);
        });");
    assert_eq!(out, "100\n100 EBUSY\n0\n", "a grant's own folder stays");
}

#[test]
fn changes_are_told() {
    let out = ok("
        fs.mkdirSync(`${dir}/watched`);
        const watcher = fs.watch(`${dir}/watched`, (type, name) => {
          console.log(type, name);
          watcher.close();
        });
        watcher.on('close', () => console.log('closed'));
        setImmediate(() => fs.writeFileSync(`${dir}/watched/new`, ''));");
    assert_eq!(out, "rename new\nclosed\n");
}

#[test]
fn what_is_outside_cannot_be_told_from_what_does_not_exist() {
    let outside = folder().canonicalize().expect("the folder is there");
    fs::write(outside.join("secret"), "secret").expect("a file can be made");
    let dir = folder().canonicalize().expect("the folder is there");
    symlink(outside.join("secret"), dir.join("link")).expect("a link can be made");
    let code = format!(
        "const fs = require('fs');
         const tries = [() => fs.readFileSync('{out}/secret'), () => fs.statSync('{out}/none'), () => fs.readFileSync('{dir}/link'),
           () => fs.openSync('{dir}/../x'), () => fs.writeFileSync('{dir}/new', ''), () => fs.renameSync('{dir}/link', '{dir}/y'),
           () => fs.rmSync('{dir}/link'), () => fs.watch('{out}'), () => fs.mkdirSync('{out}/a/b', {{ recursive: true }})];
         const told = tries.map((run) => {{ try {{ run(); return 'done'; }} catch (e) {{ return `${{e.code}} ${{/--allow-fs=/.test(e.message)}}`; }} }});
         fs.promises.readFile('{out}/secret').catch((e) => console.log(new Set([...told, `${{e.code}} ${{/--allow-fs=/.test(e.message)}}`])));",
        out = outside.display(),
        dir = dir.display()
    );
    let done = run_as(&[&format!("--allow-fs={}", dir.display())], &code);
    assert_eq!(done.out, "Set(1) { 'ERR_ACCESS_DENIED true' }\n", "{}", done.err);
}
