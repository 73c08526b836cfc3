#!/usr/bin/env python3
"""Runs Node's own tests on skep and holds the result against what passed before.

    tests/judge/node.py --suite DIR [--version 20.11.1 | 20.11.1-fork-cluster | 0.8.28] [--exe "target/release/skep run -A"]
                        [--module http] [--grep PATTERN] [--jobs 2] [--failed] [--update] [--docs]

DIR is a checkout that holds Node's test folder (for 20.11.1: the GitHub repository denoland/node_test at d12a68fc; for
0.8.28: nodejs/node-v0.x-archive at v0.8.28, whose test/common.js wants `exports.globalCheck = false`, as any later Node
fails that check). Nothing of it is kept here but the tests' names.

The tests of processes have a list of their own, 20.11.1-fork-cluster, of the same suite.

node-VERSION.tsv beside this file has a line for each test: module, path, state (pass, skip, fail), and a failing one's
cause. The run fails when a test that is listed as passing does not pass: that list may only grow. `--update` writes down
what passes now; `--cause FILE` takes causes from lines `path | cause`; `--docs` prints the tables of docs/compat.md from
the lists and runs nothing.

A test passes when it exits with 0 in time; one that says so itself is skipped. One that was expected to pass and did not is
tried once more, alone. It must not know anything about skep but its command.
"""
import argparse, collections, concurrent.futures, os, pathlib, re, shlex, shutil, signal, subprocess, sys, tempfile, threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMPAT = ROOT / "docs" / "compat.md"
VERSIONS = ("20.11.1", "20.11.1-fork-cluster", "0.8.28")
BEGIN, END = "<!-- printed by tests/judge/node.py --docs: begin -->\n", "<!-- end of what is printed -->\n"


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--suite", type=pathlib.Path)
    p.add_argument("--version", choices=VERSIONS, default=VERSIONS[0])
    p.add_argument("--exe", default="target/release/skep run -A")
    p.add_argument("--module", action="append")
    p.add_argument("--grep")
    p.add_argument("--timeout", type=float, default=20.0)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--failed", action="store_true", help="print the last words of each failure")
    p.add_argument("--update", action="store_true")
    p.add_argument("--cause", type=pathlib.Path, action="append", default=[])
    p.add_argument("--docs", action="store_true")
    return p.parse_args()


class Lists:
    """The lines of node-VERSION.tsv, by test."""

    def __init__(self, version):
        self.path = HERE / f"node-{version}.tsv"
        self.rows = {}
        for line in self.path.read_text().splitlines():
            module, test, state, cause = (line.split("\t") + ["", ""])[:4]
            self.rows[test] = [module, state, cause]

    def write(self):
        lines = ["\t".join([m, t, s, c]).rstrip("\t") for t, (m, s, c) in self.rows.items()]
        self.path.write_text("\n".join(lines) + "\n")


class Runner:
    """Runs one test at a time in each thread; a thread has ports and a folder of its own."""

    def __init__(self, args, scratch):
        self.args, self.scratch = args, scratch
        self.local, self.lock, self.given = threading.local(), threading.Lock(), 0

    def slot(self):
        if not hasattr(self.local, "number"):
            with self.lock:
                self.local.number, self.given = self.given, self.given + 1
        return self.local.number

    def run(self, test):
        number = self.slot()
        folder = self.scratch / str(number)
        folder.mkdir(exist_ok=True)
        command = shlex.split(self.args.exe)
        if (pathlib.Path.cwd() / command[0]).exists():
            command[0] = str(pathlib.Path.cwd() / command[0])
        suite = self.args.suite.resolve()
        env = dict(os.environ, NO_COLOR="1", NODE_SKIP_FLAG_CHECK="1", NODE_TEST_KNOWN_GLOBALS="0",
                   NODE_TEST_DIR=str(folder), TEST_THREAD_ID=str(number), TEST_SERIAL_ID=str(number),
                   NODE_COMMON_PORT=str(12346 + 100 * number))
        child = subprocess.Popen(command + [str(suite / "test" / test)], cwd=suite, env=env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, code = child.communicate(timeout=self.args.timeout)[0], child.returncode
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            output, code = child.communicate()[0], "timeout"
        tail = output[-800:].decode("utf8", "replace")
        skipped = "# Skipped" in tail or "1..0 #" in tail
        return "fail" if code != 0 else "skip" if skipped else "pass", code, tail


def judge(args):
    lists = Lists(args.version)
    chosen = [t for t, (module, _, _) in lists.rows.items()
              if (not args.module or module in args.module) and (not args.grep or re.search(args.grep, t))]
    missing = [t for t in chosen if not (args.suite / "test" / t).exists()]
    if missing or not chosen:
        sys.exit(f"not in the suite: {missing[:3]}" if missing else "no test chosen")
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="skep-judge-"))
    try:
        runner = Runner(args, scratch)
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            results = dict(zip(chosen, pool.map(runner.run, chosen)))
        for test in chosen:
            if lists.rows[test][1] == "pass" and results[test][0] == "fail":
                results[test] = runner.run(test)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return lists, results


def report(args, lists, results):
    """Prints the table; answers the tests that passed before and do not now."""
    table = collections.defaultdict(collections.Counter)
    for test, (verdict, code, tail) in results.items():
        for name in (lists.rows[test][0], "all"):
            table[name][verdict] += 1
        if args.failed and verdict == "fail":
            print(f"--- {test} ({code})\n{tail}")
    for name in sorted(table, key=lambda m: (m == "all", m)):
        c = table[name]
        of = c["pass"] + c["fail"]
        print("%-20s %5d of %5d pass (%5.1f%%), %3d skipped" % (name, c["pass"], of, 100.0 * c["pass"] / max(of, 1), c["skip"]))
    lost = [t for t, (verdict, _, _) in results.items() if lists.rows[t][1] == "pass" and verdict == "fail"]
    for test in lost:
        print(f"passed before, fails now: {test}")
    print("%d passed, %d failed, %d skipped" % tuple(table["all"][v] for v in ("pass", "fail", "skip")))
    return lost


def causes(files):
    found = {}
    for file in files:
        for line in file.read_text().splitlines():
            test, bar, cause = line.partition("|")
            if bar:
                found[test.strip().strip("`-* ").split("/")[-1]] = " ".join(cause.split())
    return found


def update(args, lists, results):
    told = causes(args.cause)
    for test, (verdict, _, _) in results.items():
        row = lists.rows[test]
        if row[1] == "pass" and verdict == "fail":
            continue  # a list that only grows: such a line is changed by hand, with its reason
        row[1] = verdict
        row[2] = told.get(test.split("/")[-1], row[2]) if verdict == "fail" else ""
    lists.write()


def docs():
    """The tables and the failing tests, grouped by cause, between the two marks of docs/compat.md."""
    out = []
    for version in VERSIONS:
        rows = Lists(version).rows
        out += [f"### Node {version}\n", "| module | pass | of | % | skipped |", "|---|---|---|---|---|"]
        table, failing = collections.defaultdict(collections.Counter), collections.defaultdict(list)
        for test, (module, state, cause) in rows.items():
            table[module][state] += 1
            if state == "fail":
                failing[cause or "not looked into yet"].append(test.split("/")[-1])
        for module in sorted(table):
            c = table[module]
            of = c["pass"] + c["fail"]
            out.append("| %s | %d | %d | %.1f | %d |" % (module, c["pass"], of, 100.0 * c["pass"] / max(of, 1), c["skip"]))
        out += ["", f"Failing tests of Node {version}, by cause:\n"]
        for cause in sorted(failing, key=lambda c: (-len(failing[c]), c)):
            out.append(f"- **{cause}** ({len(failing[cause])}):")
            out += [f"  - {test}" for test in sorted(failing[cause])]
        out.append("")
    text = COMPAT.read_text()
    head, rest = text.split(BEGIN)
    COMPAT.write_text(head + BEGIN + "\n" + "\n".join(out) + "\n" + END + rest.split(END)[1])


def main():
    args = parse()
    if args.docs:
        return docs()
    if not args.suite:
        sys.exit("--suite DIR is missing: a checkout that holds Node's test folder")
    lists, results = judge(args)
    lost = report(args, lists, results)
    if args.update:
        update(args, lists, results)
    sys.exit(1 if lost else 0)


main()
