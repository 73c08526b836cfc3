//! The command line: what runs, what is refused with which words, and what a script is told of it. A denial names
//! the flag that would have granted it.
mod support;

use std::path::Path;
use support::{Finished, file, finish, folder, piped, run, run_as, run_with, skep};

fn here(folder: &Path, words: &[&str]) -> Finished {
    finish(piped(skep().current_dir(folder).args(words)).spawn().expect("the program starts"))
}

fn ok(done: &Finished) -> &str {
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{}", done.out);
    &done.out
}

#[test]
fn help_and_version_say_what_they_should() {
    for word in ["--help", "-h", "help"] {
        let done = run_with(&[word]);
        assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{word}");
        for expected in ["Usage", "run", "check"] {
            assert!(done.out.contains(expected), "{word}: {}", done.out);
        }
    }
    let done = run_with(&["run", "--help"]);
    for flag in [
        "--allow-net",
        "--allow-listen",
        "--allow-fs",
        "--allow-env",
        "--allow-fork",
        "--allow-all",
        "--memory",
        "--cpu",
        "--eval",
        "--print",
    ] {
        assert!(done.out.contains(flag), "{flag}: {}", done.out);
    }
    for word in ["--version", "-V", "-v"] {
        assert!(ok(&run_with(&[word])).contains(env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn code_on_the_command_line_runs_or_is_printed() {
    assert_eq!(ok(&run_with(&["-e", "console.log(1 + 1)"])), "2\n");
    assert_eq!(ok(&run_with(&["-p", "[1, 'a', {b: 2}]"])), "[ 1, 'a', { b: 2 } ]\n");
    assert_eq!(ok(&run_with(&["-p", "process.argv.slice(1)", "a", "--b"])), "[ 'a', '--b' ]\n");
    assert_eq!(
        ok(&run_with(&[
            "--input-type=module",
            "-e",
            "import fs from 'fs'; console.log(typeof fs.readFileSync, await 3, typeof require)"
        ])),
        "function 3 undefined\n"
    );
    let done = run_with(&["-e", "throw new Error('x')"]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("Error: x") && done.err.contains("[eval]"), "{}", done.err);
}

#[test]
fn arguments_reach_the_script_untouched() {
    let folder = folder();
    let path = file(
        &folder,
        "args.js",
        "console.log(JSON.stringify(process.argv.slice(2)), __filename === process.argv[1], require.main === module);",
    );
    let path = path.to_str().expect("a path");
    let words = r#"["-e","--memory=1G","","é b","--","x"] true true"#;
    for start in [&[path][..], &["run", path], &["run", "--memory=64M", path]] {
        let done = run_with(&[start, &["-e", "--memory=1G", "", "é b", "--", "x"]].concat());
        assert_eq!(ok(&done).trim_end(), words);
    }
    file(&folder, "folder/index.js", "console.log('index')");
    assert_eq!(ok(&here(&folder, &["args", "-e"])), "[\"-e\"] true true\n", "the ending may be left out");
    assert_eq!(ok(&here(&folder, &["folder"])), "index\n");
}

#[test]
fn wrong_words_end_with_nine_and_a_missing_script_with_one() {
    for words in [&["run", "--no-such", "x.js"][..], &["--no-such"], &["-e"], &["run", "-e", "1", "-p", "2"]] {
        let done = run_with(words);
        assert_eq!(done.code, Some(9), "{words:?}: {}", done.err);
        assert!(!done.err.is_empty());
    }
    for words in [
        &["run", "--memory=lots", "-e", "1"][..],
        &["run", "--cpu=-1", "-e", "1"],
        &["run", "--allow-fs=/no/such/folder", "-e", "1"],
        &["run", "--allow-net=example.org", "-e", "1"],
    ] {
        let done = run_with(words);
        assert!(
            done.code.is_some_and(|code| code != 0) && done.err.contains("--"),
            "{words:?}: {:?} {}",
            done.code,
            done.err
        );
    }
    let done = run_with(&["/no/such/script.js"]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("/no/such/script.js") && done.err.contains("MODULE_NOT_FOUND"), "{}", done.err);
}

#[test]
fn modules_of_both_kinds_find_each_other() {
    let folder = folder();
    file(&folder, "package.json", r##"{"type": "module", "imports": {"#own": "./lib/own.mjs"}}"##);
    file(&folder, "lib/own.mjs", "export default 'own'; export const here = import.meta.url.endsWith('/lib/own.mjs');");
    file(
        &folder,
        "lib/old.cjs",
        "exports.name = 'old'; exports.json = require('../data.json'); exports.dir = require('path').basename(__dirname);",
    );
    file(&folder, "data.json", r#"{"n": 1}"#);
    file(&folder, "main.js", "import own, { here } from '#own'; import old, { name } from './lib/old.cjs'; import { createServer } from 'node:http';
      import data from './data.json' with { type: 'json' }; import { createRequire } from 'module';
      const lazy = await import('./lib/own.mjs'); const require = createRequire(import.meta.url);
      console.log(own, here, old.dir, name, old.json.n, data.n, typeof createServer, lazy.default, require('./lib/old.cjs') === old);");
    assert_eq!(ok(&here(&folder, &["main.js"])), "own true lib old 1 1 function own true\n");
    file(
        &folder,
        "node_modules/dep/package.json",
        r#"{"main": "lib.js", "exports": {".": {"import": "./lib.mjs", "require": "./lib.js"}}}"#,
    );
    file(&folder, "node_modules/dep/lib.js", "module.exports = 'required';");
    file(&folder, "node_modules/dep/lib.mjs", "export default 'imported';");
    file(
        &folder,
        "both.mjs",
        "import dep from 'dep'; import { createRequire } from 'node:module'; console.log(dep, createRequire(import.meta.url)('dep'));",
    );
    assert_eq!(ok(&here(&folder, &["both.mjs"])), "imported required\n");
    file(&folder, "lost.mjs", "import './nowhere.mjs';");
    let done = here(&folder, &["lost.mjs"]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("ERR_MODULE_NOT_FOUND") && done.err.contains("nowhere.mjs"), "{}", done.err);
    file(&folder, "never.mjs", "await new Promise(function () {});");
    assert_eq!(here(&folder, &["never.mjs"]).code, Some(13), "as Node: an await that never settles");
    file(&folder, "cycle.cjs", "exports.a = 1; require('./cycle2.cjs'); console.log(require('./cycle2.cjs').seen);");
    file(&folder, "cycle2.cjs", "exports.seen = require('./cycle.cjs').a;");
    assert_eq!(ok(&here(&folder, &["cycle.cjs"])), "1\n");
}

#[test]
fn check_parses_and_does_not_run() {
    let folder = folder();
    file(&folder, "good.js", "console.log('ran'); process.exit(5);");
    file(&folder, "bad.js", "\nfunction (");
    file(&folder, "good.mjs", "import 'http'; await 1; console.log('ran');");
    for name in ["good.js", "good.mjs"] {
        let done = here(&folder, &["check", name]);
        assert_eq!(done.code, Some(0), "{}", done.err);
        assert!(!done.out.contains("ran\n"), "{}", done.out);
    }
    let done = here(&folder, &["check", "bad.js"]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("SyntaxError") && done.err.contains("bad.js:2"), "{}", done.err);
}

#[test]
fn denials_name_the_flag_that_would_have_granted_it() {
    let outside = folder();
    let secret = file(&outside, "secret.txt", "secret");
    let secret = secret.to_str().expect("a path");
    let listen = |at: &str| {
        format!(
            "var s = require('http').createServer(); s.on('error', function (e) {{ console.log(e.code, e.message); }}); s.listen({at});"
        )
    };
    let caught = |code: &str| format!("try {{ {code} }} catch (e) {{ console.log(e.code, e.message); }}");
    for (code, flag) in [
        (listen("80, '127.0.0.1'"), "--allow-listen"),
        (listen(&format!("'{}/socket'", outside.display())), "--allow-listen"),
        (caught(&format!("require('fs').readFileSync('{secret}')")), "--allow-fs="),
        (caught(&format!("require('{secret}')")), "--allow-fs="),
        (
            "require('net').connect(9, '127.0.0.1').on('error', function (e) { console.log(e.code, e.message); })"
                .to_owned(),
            "--allow-net=",
        ),
    ] {
        let done = run(&code);
        assert!(
            done.out.starts_with("EACCES ") || done.out.starts_with("ERR_ACCESS_DENIED"),
            "{code}: {} {}",
            done.out,
            done.err
        );
        assert!(done.out.contains(flag), "{code}: {}", done.out);
        assert!(!done.out.contains("secret\n"));
    }
    let done = run(&format!("require('fs').readFileSync('{secret}')"));
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("--allow-fs="), "also where nobody catches it: {}", done.err);
}

#[test]
fn grants_give_what_they_name_and_no_more() {
    let outside = folder();
    file(&outside, "told.txt", "told");
    let place = outside.to_str().expect("a path");
    let read = format!("console.log(require('fs').readFileSync('{place}/told.txt', 'utf8'));");
    assert_eq!(ok(&run_as(&[&format!("--allow-fs={place}")], &read)), "told\n");
    assert_eq!(ok(&run_as(&["-A"], &read)), "told\n");
    let write = format!("require('fs').writeFileSync('{place}/new.txt', 'x'); console.log('written');");
    let refused = run_as(&[&format!("--allow-fs={place}")], &write);
    assert!(refused.code == Some(1) && refused.err.contains(":rw"), "{}", refused.err);
    assert_eq!(ok(&run_as(&[&format!("--allow-fs={place}:rw")], &write)), "written\n");
    std::os::unix::fs::symlink("/etc/passwd", outside.join("link")).expect("a link");
    let link = run_as(&[&format!("--allow-fs={place}")], &format!("require('fs').readFileSync('{place}/link')"));
    assert!(link.code == Some(1) && !link.out.contains("root"), "F02: a link out of the folder leads nowhere");
}

#[test]
fn a_variable_that_is_not_granted_says_so_when_it_is_read() {
    let env = "const read = (name) => { try { return process.env[name]; } catch (e) { return e.code + e.message.slice(-23); } };
        const { SKEP_TEST_A, ...rest } = { ...process.env };
        console.log(Object.keys(process.env).length, read('SKEP_TEST_A'), read('SKEP_TEST_B'));
        if (read('SKEP_TEST_B') === '2') process.exit();
        console.log('SKEP_TEST_B' in process.env, Object.hasOwn(process.env, 'SKEP_TEST_B'), rest.SKEP_TEST_B);
        console.log(read('SKEP_TEST_C'), read('NODE_ENV'), read('LC_ALL'), typeof read('toString'));
        process.env.SKEP_TEST_B = 3; console.log(read('SKEP_TEST_B'));
        delete process.env.SKEP_TEST_B; console.log(read('SKEP_TEST_B'));";
    let of = |options: &[&str]| {
        let path = file(&folder(), "main.js", env);
        let mut command = skep();
        command
            .env("SKEP_TEST_A", "1")
            .env("SKEP_TEST_B", "2")
            .env("NODE_ENV", "x")
            .env("LC_ALL", "C")
            .arg("run")
            .args(options)
            .arg(path);
        finish(piped(&mut command).spawn().expect("the program starts")).out
    };
    let [a, b] = ["A", "B"].map(|name| format!("ERR_ACCESS_DENIED--allow-env=SKEP_TEST_{name}"));
    let rest = "false false undefined\nundefined undefined undefined function\n3\nundefined\n";
    assert_eq!(of(&[]), format!("0 {a} {b}\n{rest}"));
    assert_eq!(of(&["--allow-env=SKEP_TEST_A"]), format!("1 1 {b}\n{rest}"));
    assert!(of(&["--allow-env"]).ends_with(" 1 2\n"));
}

#[test]
fn a_script_reads_its_project_and_nothing_above_it() {
    let top = folder();
    file(&top, "above.txt", "above");
    let project = top.join("project");
    file(&project, "package.json", "{}");
    file(&project, "data.txt", "data");
    file(&project, "src/main.js", "var fs = require('fs'), path = require('path');
      console.log(fs.readFileSync(path.join(__dirname, '../data.txt'), 'utf8'));
      ['../../above.txt', '../../project/../above.txt', '/etc/passwd', '../data.txt/../../above.txt'].forEach(function (p) {
        try { fs.readFileSync(path.resolve(__dirname, p)); console.log('read ' + p); } catch (e) { console.log(e.code); } });
      try { fs.writeFileSync(path.join(__dirname, 'x'), ''); } catch (e) { console.log(e.code); }");
    let done = here(&top, &["project/src/main.js"]);
    let lines: Vec<&str> = ok(&done).lines().collect();
    assert_eq!(lines[0], "data");
    assert!(
        lines[1..].iter().all(|line| ["EACCES", "ERR_ACCESS_DENIED", "ENOTDIR", "ENOENT", "EPERM"].contains(line)),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 6);
}

#[test]
fn n07_a_descriptor_number_is_no_handle() {
    let done = run("[0, 3, 4, 5].forEach(function (fd) {
        var s = require('net').createServer(); s.on('error', function (e) { console.log('listen ' + e.code); });
        try { s.listen({fd: fd}); } catch (e) { console.log('listen ' + e.code); }
        try { new (require('net').Socket)({fd: fd}).on('error', function () {}); console.log('socket made'); } catch (e) { console.log('socket ' + e.code); }
      }); setTimeout(function () { process.exit(); }, 20);");
    assert!(!done.out.contains("undefined") && done.out.matches("listen ").count() == 4, "{} {}", done.out, done.err);
}

#[test]
fn a_cpu_limit_that_is_not_reached_is_not_felt() {
    assert_eq!(
        ok(&run_as(&["--cpu=30s", "--memory=64M"], "setTimeout(function () { console.log('done'); }, 5);")),
        "done\n"
    );
}

#[test]
fn a_relative_path_stays_so_for_the_script() {
    let folder = folder();
    file(&folder, "a/b.js", "console.log(require('./c').name, process.cwd() === require('path').dirname(__dirname));");
    file(&folder, "a/c.js", "exports.name = 'c';");
    assert_eq!(ok(&here(&folder, &["./a/b.js"])), "c true\n");
    let link = folder.join("link.js");
    std::os::unix::fs::symlink("a/b.js", &link).expect("a link");
    assert_eq!(ok(&here(&folder, &["link.js"])), "c true\n", "as Node: the real path counts");
}

#[test]
fn f07_a_unix_socket_is_reached_only_where_it_really_stands_in_a_writable_grant() {
    let (inside, outside) = (folder(), folder());
    let _inner = std::os::unix::net::UnixListener::bind(inside.join("s")).expect("a socket");
    let _outer = std::os::unix::net::UnixListener::bind(outside.join("s")).expect("a socket");
    std::os::unix::fs::symlink(outside.join("s"), inside.join("link")).expect("a link");
    std::os::unix::fs::symlink(&outside, inside.join("way")).expect("a link");
    let (here, there) = (inside.display(), outside.file_name().expect("a name").to_string_lossy().into_owned());
    let script = format!(
        "var net = require('net'), paths = ['{here}/s', '{here}/../{there}/s', '{here}/link', '{here}/way/s'];
         (function next() {{
           var path = paths.shift(); if (!path) return;
           var c = net.connect(path);
           c.on('connect', function () {{ console.log('connected'); c.destroy(); next(); }});
           c.on('error', function (e) {{ console.log(e.code); next(); }});
         }})();"
    );
    let grant = format!("--allow-fs={here}:rw");
    assert_eq!(ok(&run_as(&[&grant], &script)), "connected\nERR_ACCESS_DENIED\nERR_ACCESS_DENIED\nERR_ACCESS_DENIED\n");
    let listen = format!(
        "require('net').createServer().on('error', function (e) {{ console.log(e.code); }}).listen('{here}/../{there}/t', function () {{ console.log('open'); this.close(); }});"
    );
    assert_eq!(ok(&run_as(&[&grant, "--allow-listen"], &listen)), "ERR_ACCESS_DENIED\n");
}
