#!/usr/bin/env python3
"""Processes, measured: python3 benches/processes.py [kills|reloads|spread|cores|pss|fork|clone ...] [--exe SKEP] [--node NODE]
[--kills N] [--reloads N] [--seconds S]. Without a name all of them. Nothing but this, skep and node is needed; run it on a quiet
machine. What each figure means is said where it is measured; docs/performance.md keeps the last ones.
"""
import argparse, asyncio, json, os, random, re, signal, subprocess, sys, tempfile, time
from collections import Counter

# Seconds between starts: a tree of processes may start 16 a second for long.
FORK_EVERY = 1 / 15
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLUSTER = """
const cluster = require('cluster'), http = require('http');
const workers = Number(process.env.WORKERS || 4);
if (cluster.isPrimary) {
  for (let i = 0; i < workers; i++) cluster.fork();
  cluster.on('listening', (w, a) => console.log('UP ' + w.process.pid + ' ' + a.port + ' ' + Date.now()));
  let leaving = false;
  cluster.on('exit', (w) => { console.log('DOWN ' + w.process.pid + ' ' + Date.now()); if (!w.exitedAfterDisconnect) cluster.fork(); });
  // A rolling reload: each worker is replaced by a new one that listens before the old one leaves.
  process.on('SIGUSR2', () => {
    const old = Object.values(cluster.workers);
    (function next() {
      const worker = old.pop();
      if (!worker) { console.log('RELOADED ' + Date.now()); return; }
      cluster.fork().once('listening', () => { worker.once('exit', next); worker.disconnect(); });
    })();
  });
} else {
  http.createServer((req, res) => res.end(String(process.pid))).listen(Number(process.env.PORT || 0), '127.0.0.1');
}
"""
FORK = """
const { fork } = require('child_process');
if (process.argv[2]) process.send(1);
else {
  let left = 20, waits = [], begun;
  (function next() {
    if (left-- === 0) { waits.sort((a, b) => a - b); console.log(JSON.stringify({ median: waits[10], best: waits[0] })); return; }
    begun = process.hrtime.bigint();
    const child = fork(__filename, ['x']);
    child.on('message', () => { waits.push(Number(process.hrtime.bigint() - begun) / 1e6); child.disconnect(); });
    child.on('exit', next);
  })();
}
"""
CLONE = """
const { clone } = require('skep:process');
const heap = []; for (let i = 0; i < 90000; i++) heap.push({ i, text: 'value ' + i });
let left = 20, waits = [];
function now() { return Number(process.hrtime.bigint()) / 1e6; }
(function next() {
  if (left-- === 0) {
    waits.sort((a, b) => a - b);
    console.log(JSON.stringify({ heap: process.memoryUsage().rss, median: waits[10], best: waits[0] }));
    return;
  }
  // Both clocks are one: the clone's goes on from its parent's.
  const begun = Date.now() + performance.now() % 1;
  clone().then((child) => {
    if (child === null) { process.send(Date.now() + performance.now() % 1); process.disconnect(); return; }
    child.on('message', (at) => waits.push(at - begun));
    child.on('exit', next);
  });
})();
"""


def script(text):
    folder = tempfile.mkdtemp(prefix="skep-bench-")
    path = os.path.join(folder, "main.js")
    with open(path, "w") as file:
        file.write(text)
    return path


class Program:
    """One primary and what it prints."""

    def __init__(self, command, text, **env):
        self.process = subprocess.Popen(command + [script(text)], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **{k: str(v) for k, v in env.items()}})
        self.up, self.events, self.port = {}, [], 0
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest = ""

    def poll(self):
        try:
            self.rest += os.read(self.process.stdout.fileno(), 65536).decode()
        except BlockingIOError:
            return
        *lines, self.rest = self.rest.split("\n")
        for line in lines:
            word, *numbers = line.split()
            numbers = [int(n) for n in numbers]
            if word == "UP":
                self.up[numbers[0]] = numbers[2]
                self.port = numbers[1]
            elif word == "DOWN":
                self.up.pop(numbers[0], None)
            self.events.append((word, numbers))

    async def until(self, done, seconds=30):
        end = time.time() + seconds
        while not done():
            self.poll()
            if time.time() > end or self.process.poll() is not None:
                raise SystemExit(f"the program did not get there: {self.events[-5:]}")
            await asyncio.sleep(0.001)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Load:
    """Clients that ask and count. Each connection asks `each` times and is then made anew."""

    def __init__(self, port, clients=16, each=20):
        self.port, self.each, self.stop, self.count = port, each, False, 0
        self.served, self.lost, self.again, self.refused, self.hung = Counter(), [], 0, 0, 0
        self.owners = {}  # by a connection's name: who has answered on it
        self.tasks = [asyncio.ensure_future(self.client()) for _ in range(clients)]

    async def client(self):
        while not self.stop:
            try:
                # From an address of its own, by which it can be told apart: ports come again.
                name = f"127.{1 + (self.count >> 16)}.{self.count >> 8 & 255}.{self.count & 255}"
                self.count += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(name, 0))
            except OSError:
                self.refused += 1
                await asyncio.sleep(0.01)
                continue
            owner, head = 0, b""
            try:
                for left in range(self.each, 0, -1):
                    begun, head = time.time(), b""
                    last = b"close" if left == 1 else b"keep-alive"
                    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: " + last + b"\r\n\r\n")
                    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
                    size = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
                    owner = int(await asyncio.wait_for(reader.readexactly(size), 10))
                    self.served[owner] += 1
                    self.owners[name] = owner
                    self.hung += time.time() - begun > 1
                    if b"onnection: close" in head or self.stop:
                        break
            except (OSError, asyncio.IncompleteReadError) as error:
                self.lost.append(name)
                self.hung += time.time() - begun > 1
                # Closed while the next request was on its way: whoever keeps connections may ask again (RFC 9110, 9.2.2).
                self.again += owner != 0 and head == b"" and not getattr(error, "partial", b"")
            except asyncio.TimeoutError:
                self.hung += 1
            finally:
                writer.close()

    async def end(self):
        self.stop = True
        await asyncio.wait(self.tasks)


def tree(pid):
    """The process and all below it."""
    found = [pid]
    for each in found:
        for task in os.listdir(f"/proc/{each}/task"):
            try:
                found += [int(word) for word in open(f"/proc/{each}/task/{task}/children").read().split()]
            except OSError:
                pass
    return found


def pss(pid):
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1])


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else None


async def serving(command, workers=4, **env):
    program = Program(command, CLUSTER, WORKERS=workers, **env)
    await program.until(lambda: len(program.up) == workers)
    return program


def ledger(path):
    """Which process has begun which connection, by the address of the client's end."""
    lines = (line.split() for line in open(path))
    return {peer.rsplit(":", 1)[0]: int(pid) for pid, peer in lines}


async def kills(args):
    """kill -9 of a random worker of four under load: only what it had begun may be lost, as the primary's ledger tells."""
    path = os.path.join(tempfile.mkdtemp(prefix="skep-bench-"), "ledger")
    program = await serving(args.skep, SKEP_LEDGER=path)
    load = Load(program.port)
    killed, restarts = set(), []
    for _ in range(args.kills):
        await asyncio.sleep(FORK_EVERY)
        program.poll()
        victim = random.choice(list(program.up))
        killed.add(victim)
        known, at = set(program.up), time.time() * 1000
        os.kill(victim, signal.SIGKILL)
        await program.until(lambda: victim not in program.up and len(program.up) == 4)
        new = [program.up[pid] - at for pid in program.up if pid not in known]
        restarts += new
    await load.end()
    program.stop()
    begun = ledger(path)
    assert all(begun.get(name) == owner for name, owner in load.owners.items()), "the ledger is not true"
    owners = [begun.get(name) for name in load.lost]
    return {"kills": args.kills, "served": sum(load.served.values()), "lost": len(owners),
            "of these begun by a killed worker": sum(owner in killed for owner in owners),
            "begun by another": sum(owner is not None and owner not in killed for owner in owners),
            "begun by nobody": owners.count(None), "refused": load.refused, "hung over 1 s": load.hung,
            "restart ms p50": percentile(restarts, 0.5), "restart ms p99": percentile(restarts, 0.99)}


async def reloads(args):
    """Rolling reloads under load: nothing may fail."""
    program = await serving(args.skep)
    load = Load(program.port)
    for count in range(args.reloads):
        begun = time.time()
        program.process.send_signal(signal.SIGUSR2)
        await program.until(lambda: sum(word == "RELOADED" for word, _ in program.events) > count)
        await asyncio.sleep(max(0, 4 * FORK_EVERY - (time.time() - begun)))
    await load.end()
    program.stop()
    return {"reloads": args.reloads, "served": sum(load.served.values()), "failed": len(load.lost),
            "of these closed between two requests": load.again, "refused": load.refused, "hung over 1 s": load.hung}


async def spread(args):
    """Requests of four workers at steady load, one a connection: busiest to idlest."""
    program = await serving(args.skep)
    load = Load(program.port, each=1)
    await asyncio.sleep(args.seconds)
    await load.end()
    program.stop()
    counts = list(load.served.values())
    return {"served": counts, "busiest to idlest": round(max(counts) / min(counts), 3)}


def on_cpu(pids):
    """Seconds that all threads of these processes have run, as the scheduler counts them."""
    tasks = (f"/proc/{pid}/task/{task}/schedstat" for pid in pids for task in os.listdir(f"/proc/{pid}/task"))
    return sum(int(open(path).read().split()[0]) for path in tasks) / 1e9


async def per_cpu_second(command, workers, seconds):
    program = await serving(command, workers)
    load = Load(program.port, clients=32, each=200)
    pids = tree(program.process.pid)
    await asyncio.sleep(0.3)
    before, served = on_cpu(pids), sum(load.served.values())
    await asyncio.sleep(seconds)
    result = (sum(load.served.values()) - served) / (on_cpu(pids) - before)
    await load.end()
    program.stop()
    return result


async def cores(args):
    """Requests a server CPU second, of two workers against one; the clients run on the same cores. Node's beside it, all four
    in turn, the median of five: what two processes cost on shared caches is in both."""
    commands, seen = {"skep": args.skep, "node": [args.node]}, {}
    for _ in range(5):
        for name, command in commands.items():
            for workers in (1, 2):
                figure = await per_cpu_second(command, workers, args.seconds)
                seen.setdefault((name, workers), []).append(figure)
    result = {f"{name}, {workers}": round(percentile(figures, 0.5)) for (name, workers), figures in seen.items()}
    for name in commands:
        result[f"{name}, two to one"] = round(result[f"{name}, 2"] / result[f"{name}, 1"], 2)
    return result


async def memory(args):
    """Pss of the whole tree, one more worker at a time, each serving hello."""
    totals = []
    for workers in (1, 2, 3, 4):
        program = await serving(args.skep, workers)
        load = Load(program.port, each=1)
        await asyncio.sleep(0.5)
        await load.end()
        totals.append(sum(pss(pid) for pid in tree(program.process.pid)))
        program.stop()
    return {"Pss KiB": totals, "one more worker KiB": [b - a for a, b in zip(totals, totals[1:])]}


async def timed(command, text):
    """Runs a script that prints JSON; CPU of it and all its children beside it."""
    before = os.times()
    done = subprocess.run(command + [script(text)], stdout=subprocess.PIPE, text=True, check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {**json.loads(done.stdout), "cpu ms of 20": round(used * 1000)}


async def fork(args):
    """From fork() to the child's first message, ms; twenty, one after another."""
    ours, node = await timed(args.skep, FORK), await timed([args.node], FORK)
    ratio = {key: round(ours[key] / node[key], 3) for key in ours}
    return {"skep": ours, "node": node, "skep to node": ratio}


async def clone(args):
    """From clone() to the clone's first callback, ms."""
    return await timed(args.skep, CLONE)


def main():
    all_of_them = {"kills": kills, "reloads": reloads, "spread": spread, "cores": cores, "pss": memory, "fork": fork, "clone": clone}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="NAME", help=", ".join(all_of_them))
    parser.add_argument("--exe", default=os.path.join(ROOT, "target/release/skep") + " run")
    parser.add_argument("--grants", default="--allow-fork=16 --allow-env", help="what skep is given")
    parser.add_argument("--node", default="node")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--reloads", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=3)
    args = parser.parse_args()
    args.skep = [*args.exe.split(), *args.grants.split()]
    for name in args.what or all_of_them:
        print(name, json.dumps(asyncio.run(all_of_them[name](args))), flush=True)


if __name__ == "__main__":
    main()
