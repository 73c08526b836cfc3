//! Modules, errors and realms as a program meets them: what an import finds, what a stack says, what a context sees. Each
//! program prints what it found.
mod support;

use std::path::Path;
use support::{Finished, file, finish, folder, piped, skep};

fn run_in(folder: &Path, words: &[&str]) -> Finished {
    finish(piped(skep().current_dir(folder).args(words)).spawn().expect("the program starts"))
}

fn out(folder: &Path, words: &[&str]) -> String {
    let done = run_in(folder, words);
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{}", done.out);
    done.out
}

#[test]
fn commonjs_runs_in_its_turn_and_its_names_are_read() {
    let at = folder();
    file(&at, "first.mjs", "console.log('first'); export const one = 1;");
    file(&at, "second.cjs", "console.log('second'); exports.two = 2; exports[['thr', 'ee'].join('')] = 3;");
    let main = "import { one } from './first.mjs'; import all, { two } from './second.cjs'; import * as ns from './second.cjs';
        console.log(one, two, all.three, Object.keys(ns).join());";
    file(&at, "main.mjs", main);
    assert_eq!(out(&at, &["main.mjs"]), "first\nsecond\n1 2 3 default,two\n");
}

#[test]
fn a_module_is_required_when_its_graph_is_synchronous() {
    let at = folder();
    file(&at, "sync.mjs", "export default 7; export const a = 1;");
    file(&at, "waits.mjs", "await null; export const b = 2;");
    file(&at, "uses.mjs", "export * from './waits.mjs';");
    let main = "const m = require('./sync.mjs'); console.log(m.default, m.a, m.__esModule);
        try { require('./uses.mjs'); } catch (error) { console.log(error.code); }
        import('./uses.mjs').then((m) => console.log(m.b));";
    file(&at, "main.cjs", main);
    assert_eq!(out(&at, &["main.cjs"]), "7 1 true\nERR_REQUIRE_ASYNC_MODULE\n2\n");
}

#[test]
fn a_graph_that_lacks_a_module_is_told_each_time() {
    let at = folder();
    file(&at, "a.mjs", "import './b.mjs';");
    file(&at, "b.mjs", "import './a.mjs'; import './none.mjs';");
    let main =
        "for (const name of ['a', 'b', 'a']) await import(`./${name}.mjs`).catch((error) => console.log(error.code));";
    file(&at, "main.mjs", main);
    assert_eq!(out(&at, &["main.mjs"]), "ERR_MODULE_NOT_FOUND\n".repeat(3));
}

#[test]
fn stacks_are_written_as_v8_writes_them() {
    let at = folder();
    let main = "class Foo { constructor() { this.at = new Error('x'); } bar() { return new Error('y'); } }
const line = (error) => error.stack.split('\\n')[1].trim().replace(/\\(.*\\//, '(');
console.log(line(new Foo().at)); console.log(line(new Foo().bar()));
console.log(line([1].map(() => new Error('z'))[0]).replace(/at .*\\//, 'at '));
async function inner() { await null; throw new Error('late'); }
async function outer() { await inner(); }
class Named extends Error { constructor() { super('m'); this.name = 'Named'; } }
console.log(new Named().stack.split('\\n')[0]);
Error.prepareStackTrace = (error, sites) => sites.map((site) => [site.getFunctionName(), site.getLineNumber()]);
console.log(JSON.stringify(new Error().stack[0]));
Error.prepareStackTrace = undefined;
outer().catch((error) => console.log(error.stack.split('\\n').slice(1).map((l) => l.replace(/ \\(.*/, '').trim()).join()));";
    file(&at, "main.js", main);
    let wanted = "at new Foo (main.js:1:39)\nat Foo.bar (main.js:1:72)\nat main.js:4:32\nNamed: m\n[null,10]\nat inner,at async outer\n";
    assert_eq!(out(&at, &["main.js"]), wanted);
}

#[test]
fn an_uncaught_error_shows_its_line() {
    let at = folder();
    file(&at, "main.js", "function f() {\n  throw new RangeError('far');\n}\nf();\n");
    let done = run_in(&at, &["main.js"]);
    assert_eq!(done.code, Some(1));
    assert!(
        done.err.contains("main.js:2\n  throw new RangeError('far');\n  ^\n\nRangeError: far\n    at f ("),
        "{}",
        done.err
    );
    file(&at, "bad.js", "const a = 1;\nvar var;\n");
    let done = run_in(&at, &["bad.js"]);
    assert!(done.err.contains("bad.js:2\nvar var;\n    ^^^\n\nSyntaxError"), "{}", done.err);
}

#[test]
fn contexts_have_names_of_their_own() {
    let code = "const vm = require('vm'); const c = vm.createContext({ x: 1 });
        console.log(vm.runInContext('y = x + 1; var z = 3; x = 9; typeof console', c), c.x, c.y, c.z, typeof y);
        try { vm.runInContext('nowhere', c); } catch (error) { console.log(error.message, error instanceof Error); }
        console.log(vm.runInNewContext('[] instanceof Array'), vm.runInNewContext('[]') instanceof Array);";
    assert_eq!(out(&folder(), &["-e", code]), "undefined 9 2 3 undefined\nnowhere is not defined false\ntrue false\n");
}

#[test]
fn options_of_nodes_reach_the_program() {
    let at = folder();
    file(&at, "before.js", "globalThis.before = module.parent.id;");
    file(&at, "main.js", "console.log(before, process.execArgv.join(' '));");
    let words = ["-r", "./before.js", "--no-warnings", "main.js"];
    assert_eq!(out(&at, &words), "internal/preload --require=./before.js --no-warnings\n");
}

#[test]
fn modules_without_end_are_an_error() {
    let at = folder();
    for i in 0..3000 {
        file(&at, &format!("m{i}.js"), &format!("require('./m{}.js')", i + 1));
    }
    file(&at, "m3000.js", "");
    file(&at, "main.js", "try { require('./m0.js'); } catch (error) { console.log(error.name, error.message); }");
    let said = out(&at, &["main.js"]);
    assert!(said == "RangeError Maximum call stack size exceeded\n" || said.is_empty(), "{said}");
}
