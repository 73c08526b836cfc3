#!/usr/bin/env python3
"""The churn soak: `python3 benches/soak.py [MINUTES] [--exe SKEP] [--json]` serves two dozen tenants with a real `skep serve` for so
long (30) while they are started, stopped, idled out and deployed (each tenth time broken code), and connections are
opened, cut and reset in the middle of everything; four tenants are hostile. It prints what the process holds every half minute,
and after each of a dozen rounds, when all tenants are stopped. The last third is judged against the first, of both: memory
(Pss), descriptors, mappings and threads must be flat, and no request of the tenants that are left alone may fail. Linux
only (/proc). It must not know how the host keeps anything.
"""
import argparse, asyncio, contextlib, json, os, random, re, shutil, socket, statistics, struct, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STEADY, CHURNED, SLEEPY = 4, 12, 8
ROUNDS = 12
SERVER = """// version %d
const http = require('http'), kept = new Map(); let count = 0;
console.log('up');
setInterval(() => kept.clear(), 200).unref();
http.createServer((req, res) => {
  kept.set(count++, 'x'.repeat(500));
  if (req.method === 'POST') { let n = 0; req.on('data', (d) => n += d.length); req.on('end', () => res.end('got ' + n)); return; }
  if (req.url === '/large') return res.end(Buffer.alloc(300000, 120));
  if (req.url === '/slow') return setTimeout(() => res.end('slow'), 50);
  res.end('%s ' + req.url);
}).listen(80);"""
BROKEN = "throw new Error('not this one');"
HOSTILE = {
    "hog": "require('http').createServer((q, s) => { const e = Date.now() + 100; while (Date.now() < e); s.end('hog'); }).listen(80);",
    "crash": "require('http').createServer((q, s) => { if (Math.random() < 0.3) throw new Error('x'); s.end('alive'); }).listen(80);",
    "greedy": "const a = []; require('http').createServer((q, s) => { a.push(new Uint8Array(8 << 20).fill(1)); s.end('more'); }).listen(80);",
    "sockets": """const net = require('net'); require('http').createServer((q, s) => {
        for (let i = 0; i < 20; i++) { const c = net.connect(%PORT%, '127.0.0.1'); c.on('error', () => {}); c.on('connect', () => i %% 2 ? c.destroy() : c.write('GET /')); setTimeout(() => c.destroy(), 500); }
        s.end('opened'); }).listen(80);""".replace("%%", "%"),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Hive:
    """The process, its folder and what it holds."""

    def __init__(self, exe):
        self.place, self.port, self.version = tempfile.mkdtemp(prefix="skep-soak-"), free_port(), 0
        names = [f"steady{i}" for i in range(STEADY)] + [f"churned{i}" for i in range(CHURNED)]
        for name in names + [f"sleepy{i}" for i in range(SLEEPY)]:
            self.write(name)
            self.file(name, "skep.toml", 'idle = "1s"\n' if name.startswith("sleepy") else 'idle = "5m"\n')
        for name, text in HOSTILE.items():
            self.file(name, "index.js", text.replace("%PORT%", str(self.port)))
            self.file(name, "skep.toml", f'grants = {{ net = ["127.0.0.1:{self.port}"] }}\n')
        self.admin = os.path.join(self.place, ".admin")
        self.process = subprocess.Popen(
            [exe, "serve", self.place, "--listen", f"127.0.0.1:{self.port}", "--admin", self.admin],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        line = self.process.stdout.readline()
        while line and "listening" not in line:
            line = self.process.stdout.readline()
        assert line, "it does not serve"
        while not os.path.exists(self.admin):
            time.sleep(0.01)
        self.lines = 0
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        for _ in self.process.stdout:
            self.lines += 1

    def file(self, tenant, name, text):
        folder = os.path.join(self.place, tenant)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, ".part"), "w") as part:
            part.write(text)
        os.rename(os.path.join(folder, ".part"), os.path.join(folder, name))

    def write(self, tenant, broken=False):
        self.version += 1
        self.file(tenant, "index.js", BROKEN if broken else SERVER % (self.version, tenant))

    def holds(self):
        """What is judged."""
        proc = f"/proc/{self.process.pid}/"
        with open(proc + "smaps_rollup") as file:
            pss = int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1)) / 1024
        with open(proc + "status") as file:
            threads = int(re.search(r"^Threads:\s+(\d+)", file.read(), re.M).group(1))
        with open(proc + "maps") as file:
            maps = sum(1 for _ in file)
        return {"pss_mb": pss, "fds": len(os.listdir(proc + "fd")), "maps": maps, "threads": threads}

    async def see(self):
        return json.loads(await self.order("GET", "/tenants"))

    async def rest(self):
        """What is held when no tenant runs and nobody is connected: after that nothing of the past is left."""
        for _ in range(600):
            view = await self.see()
            if not view["hall"]["guests"] and not view["hall"]["connections"]:
                break
            for tenant in view["tenants"]:
                if tenant["instances"]:
                    await self.order("POST", f"/tenants/{tenant['name']}/stop")
            await asyncio.sleep(0.1)
        assert not view["hall"]["guests"], f"guests that do not end: {view}"
        await asyncio.sleep(0.5)
        held = self.holds()
        # What an operator has stopped stays so until he says otherwise.
        for tenant in view["tenants"]:
            await self.order("POST", f"/tenants/{tenant['name']}/start")
        return held

    async def order(self, method, path):
        reader, writer = await asyncio.open_unix_connection(self.admin)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer.partition(b"\r\n\r\n")[2]


class Churn:
    """Everything that is done to it, and what came of it."""

    def __init__(self, hive):
        self.hive, self.stop, self.failed, self.hung = hive, False, [], {}
        self.counts = {"steady": 0, "churned": 0, "cut": 0, "deploys": 0, "stops": 0, "hostile": 0, "refused": 0}

    async def ask(self, reader, writer, host, path):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}.localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.I)
        body = await reader.readexactly(int(length.group(1)) if length else 0)
        return int(head.split()[1]), body, b"connection: close" in head.lower()

    @contextlib.asynccontextmanager
    async def connect(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.hive.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def steady(self, name):
        """Nobody touches it but for other code at times: each answer is to be right."""
        while not self.stop:
            try:
                async with self.connect() as (reader, writer):
                    for number in range(random.randrange(1, 400)):
                        status, body, last = await asyncio.wait_for(self.ask(reader, writer, name, f"/{number}"), 30)
                        if status != 200 or body != f"{name} /{number}".encode():
                            self.failed.append(f"{name}: {status} {body[:80]}")
                        self.counts["steady"] += 1
                        await asyncio.sleep(0.04)
                        if last or self.stop:
                            break
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.failed.append(f"{name}: {error!r}")

    async def others(self, kind, names, pause):
        """They are stopped, replaced or hostile: an error is an answer too."""
        while not self.stop:
            try:
                async with self.connect() as (reader, writer):
                    for _ in range(random.randrange(1, 8)):
                        name, path = random.choice(names), random.choice(["/", "/large", "/slow"])
                        await asyncio.wait_for(self.ask(reader, writer, name, path), 30)
                        self.counts[kind] += 1
                        await asyncio.sleep(random.random() * pause)
            except asyncio.TimeoutError:
                self.hung[name + path] = self.hung.get(name + path, 0) + 1
            except (OSError, asyncio.IncompleteReadError):
                self.counts["refused"] += 1
            await asyncio.sleep(random.random() * pause)

    async def cut(self, names):
        """Connections that end anywhere, by a close or a reset."""
        whole = "GET /large HTTP/1.1\r\nHost: {}.localhost\r\n\r\n"
        shapes = ["", "GET / HT", "GET / HTTP/1.1\r\nHost: {}.localhost\r\nX: ", whole, whole * 5,
                  "POST / HTTP/1.1\r\nHost: {}.localhost\r\nContent-Length: 100000\r\n\r\nsome", "\0\1\2",
                  "POST / HTTP/1.1\r\nHost: {}.localhost\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\nx"]
        while not self.stop:
            try:
                async with self.connect() as (_, writer):
                    writer.write(random.choice(shapes).replace("{}", random.choice(names)).encode())
                    await asyncio.sleep(random.choice([0, 0, 0.01, 0.1]))
                    if random.random() < 0.5:
                        plain = writer.get_extra_info("socket")
                        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.counts["cut"] += 1
            except OSError:
                self.counts["refused"] += 1
            await asyncio.sleep(random.random() * 0.04)

    async def deploy(self, names):
        while not self.stop:
            broken = random.random() < 0.1
            self.hive.write(random.choice([name for name in names if not (broken and name.startswith("steady"))]), broken)
            self.counts["deploys"] += 1
            await asyncio.sleep(0.5)

    async def stopper(self, names):
        while not self.stop:
            name = random.choice(names)
            await self.hive.order("POST", f"/tenants/{name}/stop")
            self.counts["stops"] += 1
            await asyncio.sleep(0.15)
            await self.hive.order("POST", f"/tenants/{name}/start")
            await asyncio.sleep(0.05)

    def begin(self):
        steady, churned = [f"steady{i}" for i in range(STEADY)], [f"churned{i}" for i in range(CHURNED)]
        sleepy, hostile = [f"sleepy{i}" for i in range(SLEEPY)], list(HOSTILE)
        work = [self.steady(name) for name in steady]
        work += [self.others("churned", churned, 0.1) for _ in range(8)] + [self.others("churned", sleepy, 3) for _ in range(4)]
        work += [self.others("hostile", hostile, 0.5) for _ in range(4)]
        work += [self.cut(churned + hostile) for _ in range(4)] + [self.deploy(steady + churned), self.stopper(churned)]
        return [asyncio.ensure_future(one) for one in work]


# What may be more in the last third than in the first: a share, and so much besides. Under load, tenants that happen to
# be up are some of each; at rest the allocator's own. A leak of one page, descriptor or mapping for each start or
# connection is thousands.
UNDER_LOAD = {"pss_mb": (0.08, 4), "fds": (0.08, 6), "maps": (0.08, 20), "threads": (0, 0)}
AT_REST = {"pss_mb": (0.03, 1), "fds": (0, 0), "maps": (0, 4), "threads": (0, 0)}


def judge(samples, slack):
    """By medians of the thirds, without the first tenth: threads and pools start then."""
    samples = samples[(len(samples) + 9) // 10:]
    third = max(1, len(samples) // 3)
    rows, fine = {}, True
    for what, (share, more) in slack.items():
        first = statistics.median(sample[what] for sample in samples[:third])
        last = statistics.median(sample[what] for sample in samples[-third:])
        flat = last <= first * (1 + share) + more
        rows[what] = {"first": round(first, 1), "last": round(last, 1), "most": round(max(s[what] for s in samples), 1), "flat": flat}
        fine &= flat
    return rows, fine


def show(minutes, now, what):
    print(f"{minutes:7.1f}{now['pss_mb']:9.1f}{now['fds']:6}{now['maps']:7}{now['threads']:9}  {what}", flush=True)


async def run(hive, minutes, quiet):
    churn, samples, rests, begun = Churn(hive), [], [], time.time()
    if not quiet:
        print(f"{'minute':>7}{'pss MB':>9}{'fds':>6}{'maps':>7}{'threads':>9}  done so far")
    for _ in range(ROUNDS):
        churn.stop, work, until = False, churn.begin(), time.time() + 60 * minutes / ROUNDS
        while time.time() < until and hive.process.poll() is None:
            await asyncio.sleep(1)
            samples.append(hive.holds())
            if not quiet and len(samples) % 30 == 0:
                show((time.time() - begun) / 60, samples[-1], ", ".join(f"{count} {what}" for what, count in churn.counts.items()))
        churn.stop = True
        _, late = await asyncio.wait(work, timeout=5)
        for task in late:
            task.cancel()
        rests.append(await hive.rest())
        if not quiet:
            show((time.time() - begun) / 60, rests[-1], "at rest")
    return churn, samples, rests, await hive.see()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", nargs="?", type=float, default=30)
    parser.add_argument("--exe", default=os.path.join(ROOT, "target/release/skep"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    hive = Hive(options.exe)
    try:
        churn, samples, rests, view = asyncio.run(run(hive, options.minutes, options.json))
        assert hive.process.poll() is None, f"skep serve has ended by itself: {hive.process.poll()}"
    finally:
        hive.process.terminate()
        hive.process.wait()
        shutil.rmtree(hive.place, ignore_errors=True)
    (load, fine), (rest, also) = judge(samples, UNDER_LOAD), judge(rests, AT_REST)
    fine &= also and not churn.failed
    starts = sum(tenant["starts"] for tenant in view["tenants"])
    result = {"minutes": options.minutes, "starts": starts, "accepted": view["hall"]["accepted"], "lines": hive.lines,
              "counts": churn.counts, "failed": churn.failed[:20], "hung": churn.hung, "load": load, "rest": rest, "flat": fine}
    if options.json:
        print(json.dumps(result))
        sys.exit(0 if fine else 1)
    print(f"\n{starts} starts, {view['hall']['accepted']} connections accepted, {hive.lines} lines of log, "
          f"{len(churn.failed)} failed requests of tenants that are left alone {churn.failed[:3]}; "
          f"of others without an answer in 30 s {churn.hung}")
    for name, rows in (("load", load), ("rest", rest)):
        for what, row in rows.items():
            verdict = "flat" if row["flat"] else "GROWS"
            print(f"{name} {what:<8} first third {row['first']:>8}  last third {row['last']:>8}  most {row['most']:>8}  {verdict}")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
