//! Quotas of what lies on disk (row F05), through the program: tenants, scripts with children. Who fills what
//! he has is told so, nobody else is hurt, and who removes can write again. It must not know how anything is counted.
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::serve::{Hive, tenants};
use support::{eventually, folder, run_as};

/// Bytes of all files in a folder, by the host's own look.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("it can be read");
    entries.map(|entry| entry.expect("it can be read").metadata().map_or(0, |data| data.len())).sum()
}

const FILLS: &str = r"const fs = require('fs'), dir = `${__dirname}/data`, chunk = Buffer.alloc(10_000);
  const tried = (run) => { try { run(); return 'ok'; } catch (error) { return error.code; } };
  const until = (run) => { for (let count = 0; ; count++) { const why = tried(() => run(count)); if (why !== 'ok') return why; } };
  const ways = {
    '/fill': () => `${until(() => fs.appendFileSync(`${dir}/big`, chunk))} ${fs.statSync(`${dir}/big`).size}`,
    '/many': () => `${until((at) => fs.mkdirSync(`${dir}/${at}`, { recursive: true }) ?? fs.mkdirSync(`${dir}/${at}/x`))}`,
    '/later': () => fs.promises.writeFile(`${dir}/later`, chunk).then(() => 'ok', (e) => `${e.code} ${e.errno} ${e.message}`),
    '/stream': () => new Promise((done) => fs.createWriteStream(`${dir}/stream`).on('error', (e) => done(e.code)).end(chunk, (e) => done(e ? e.code : 'ok'))),
    '/copy': () => tried(() => fs.copyFileSync(`${dir}/big`, `${dir}/copy`)),
    '/hole': () => tried(() => { fs.writeFileSync(`${dir}/hole`, ''); fs.truncateSync(`${dir}/hole`, 1e15); }),
    '/one': () => tried(() => fs.writeFileSync(`${dir}/one`, 'x')),
    '/drop': () => { for (const name of fs.readdirSync(dir)) fs.rmSync(`${dir}/${name}`, { recursive: true }); return 'ok'; },
  };
  require('http').createServer(async (req, res) => res.end(await ways[req.url]())).listen(80);";

#[test]
fn f05_a_tenant_that_fills_its_quota_can_write_again_when_it_has_removed_something() {
    const LIMITS: &str = "[grants]\nfs = 'data:rw'\n[limits]\ndisk_bytes = 95000\ndisk_entries = 20\n";
    for words in [&[][..], &["--process-per-tenant"]] {
        let place = tenants(&[
            ("a/index.js", FILLS),
            ("a/skep.toml", LIMITS),
            ("a/data/old", "what was there"),
            ("b/index.js", FILLS),
            ("b/skep.toml", LIMITS),
            ("b/data/old", "what was there"),
        ]);
        let mut hive = Hive::start_with(&place, words);
        let ask = |hive: &Hive, path: &str| hive.get("a.localhost", path).text();
        let (a, b) = (place.join("a/data"), place.join("b/data"));
        // Until the folder has been measured nobody knows what lay there; what is written meanwhile may count twice until it is
        // measured again.
        const OLD: u64 = 14;
        eventually("all of it is filled", || {
            let answer = ask(&hive, "/fill");
            assert!(answer.starts_with("EDQUOT ") && bytes(&a) <= 95_000 + OLD, "{answer}");
            bytes(&a) >= 95_000
        });
        loop {
            let line = hive.server.line();
            if line.starts_with("a: skep: at its limits: disk_bytes") {
                assert!(line.contains("EDQUOT until something is removed"), "{line}");
                break;
            }
        }
        let full = bytes(&a);
        assert_eq!(ask(&hive, "/later"), "EDQUOT -122 EDQUOT: disk quota exceeded, write");
        for path in ["/stream", "/copy", "/hole", "/one"] {
            assert_eq!(ask(&hive, path), "EDQUOT", "{path}");
        }
        assert_eq!(bytes(&a), full);
        assert_eq!(hive.get("b.localhost", "/one").text(), "ok", "its neighbour's is its own");
        // Another process finds what this one has left.
        drop(hive);
        let hive = Hive::start_with(&place, words);
        eventually("what lies there is known again", || ask(&hive, "/one") == "EDQUOT");
        assert_eq!(ask(&hive, "/drop"), "ok");
        assert_eq!((ask(&hive, "/one"), ask(&hive, "/later"), bytes(&a)), ("ok".into(), "ok".into(), 10_001));
        assert_eq!(ask(&hive, "/drop"), "ok");
        eventually("all entries are used", || {
            let answer = ask(&hive, "/many");
            let count = walk(&a);
            assert!(answer.starts_with("EDQUOT") && count <= 20, "{answer} {count}");
            count == 20
        });
        assert_eq!((hive.get("b.localhost", "/later").text(), bytes(&b)), ("ok".into(), OLD + 1 + 10_000));
    }
}

fn walk(folder: &Path) -> usize {
    let inner = |path: PathBuf| 1 + if path.is_dir() { walk(&path) } else { 0 };
    fs::read_dir(folder).expect("it can be read").map(|entry| inner(entry.expect("it can be read").path())).sum()
}

#[test]
fn f05_children_draw_from_the_account_of_their_tree() {
    let dir = folder().canonicalize().expect("the folder is there");
    let code = format!(
        "const fs = require('fs'), dir = {:?}, cp = require('child_process');
         const fill = (name) => {{
           try {{ for (;;) fs.appendFileSync(`${{dir}}/${{name}}`, Buffer.alloc(1000)); }} catch (error) {{ return error.code; }}
         }};
         if (process.send) {{
           console.log('child', fill('child'));
         }} else {{
           fs.writeFileSync(`${{dir}}/parent`, Buffer.alloc(30_000));
           cp.fork(__filename).on('exit', () => {{
             console.log('parent', fill('parent'));
             fs.unlinkSync(`${{dir}}/child`);
             console.log(fs.writeFileSync(`${{dir}}/again`, Buffer.alloc(5000)));
           }});
         }}",
        dir.display().to_string()
    );
    let grant = format!("--allow-fs={}:rw", dir.display());
    let done = run_as(&[&grant, "--allow-fork=1", "--disk=50000"], &code);
    assert_eq!((done.out.as_str(), done.code), ("child EDQUOT\nparent EDQUOT\nundefined\n", Some(0)), "{}", done.err);
    let sizes = ["parent", "again"].map(|name| fs::metadata(dir.join(name)).map_or(0, |data| data.len()));
    assert!(sizes[0] >= 30_000 && sizes[1] == 5000 && sizes[0] <= 50_000, "{sizes:?}");
}

#[test]
fn f05_one_file_has_a_bound_of_its_own_where_that_is_asked() {
    let dir = folder().canonicalize().expect("the folder is there");
    let code = format!(
        "const fs = require('fs'), file = {:?};
         const tried = (run) => {{ try {{ return run(); }} catch (error) {{ return error.code; }} }};
         console.log(tried(() => fs.writeFileSync(file, Buffer.alloc(5000))), fs.statSync(file).size,
           tried(() => fs.truncateSync(file, 5000)), tried(() => fs.writeSync(fs.openSync(file, 'r+'), 'x', 4096)),
           tried(() => fs.writeFileSync(file + 2, Buffer.alloc(4096))));",
        dir.join("file").display().to_string()
    );
    let grant = format!("--allow-fs={}:rw", dir.display());
    let done = run_as(&[&grant, "--disk-file=4K"], &code);
    assert_eq!((done.out.as_str(), done.code), ("EFBIG 4096 EFBIG EFBIG undefined\n", Some(0)), "{}", done.err);
    let free = run_as(&[&grant], &code);
    assert_eq!(free.out, "undefined 5000 undefined 1 undefined\n", "without a flag there is no bound: {}", free.err);
}
