#!/usr/bin/env python3
"""Tenants, measured: python3 benches/tenants.py [start|sleep|memory|registered|live|serve ...] [--exe SKEP] [--tenants N] [--live N]
[--rounds N] [--seconds S] [--loops N]. Without a name all of them. Nothing but this and skep is needed, and wrk for `serve`; run it on a
quiet machine. What each figure means is said where it is measured; docs/performance.md keeps the last ones.
"""
import argparse, os, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HELLO = """require('http').createServer((req, res) => {
  res.writeHead(200, { 'Content-Type': 'text/plain' });
  res.end('Hello World\\n');
}).listen(Number(process.env.PORT || 1337), '127.0.0.1');
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Hive:
    """A folder of so many tenants, each with a script of its own, and `skep serve` on it."""

    loops = []

    def __init__(self, exe, count, extra="", each=""):
        self.folder = tempfile.mkdtemp(prefix="skep-tenants-")
        self.port = free_port()
        with open(os.path.join(self.folder, "skep.toml"), "w") as file:
            file.write(f'listen = "127.0.0.1:{self.port}"\n{extra}')
        first = None
        for number in range(count):
            tenant = os.path.join(self.folder, name(number))
            os.mkdir(tenant)
            script = os.path.join(tenant, "index.js")
            if number % 10000 == 0:  # as many links as any file system has
                first = script
                with open(script, "w") as file:
                    file.write(HELLO)
            else:
                os.link(first, script)
            if each:
                with open(os.path.join(tenant, "skep.toml"), "w") as file:
                    file.write(each)
        begun = time.time()
        self.log = open(os.path.join(self.folder, ".log"), "w+")
        self.process = subprocess.Popen([exe, "serve", self.folder, *self.loops], stdout=self.log, stderr=self.log)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                if self.process.poll() is not None or time.time() - begun > 300:
                    self.stop()
                    raise SystemExit("it has not started")
                time.sleep(0.002)
        self.took, self.den = time.time() - begun, None

    def ask(self, number, keep=None):
        """One request; the time until its last byte, and the connection."""
        one = keep or socket.create_connection(("127.0.0.1", self.port))
        begun = time.perf_counter()
        one.sendall(f"GET / HTTP/1.1\r\nHost: {name(number)}.localhost\r\n\r\n".encode())
        answer = b""
        while b"Hello World\n" not in answer:
            piece = one.recv(65536)
            if not piece:
                raise SystemExit(f"tenant {number} answered {answer!r}")
            answer += piece
        return time.perf_counter() - begun, one

    def ask_each(self, numbers):
        """One request to each, on a connection of its own that was open before; the times, in order of length."""
        times = []
        for number in numbers:
            took, one = self.ask(number, socket.create_connection(("127.0.0.1", self.port)))
            times.append(took)
            one.close()
        return sorted(times)

    def pss(self):
        """KiB: what is its own, and its share of what others have too."""
        return field(f"/proc/{self.process.pid}/smaps_rollup", "Pss")

    def cpu(self):
        return cpu(self.process.pid)

    def busy(self):
        """Nanoseconds that the loops' threads have run."""
        return sum(ran(f"/proc/{self.process.pid}/task/{task}", task == str(self.process.pid))
                   for task in os.listdir(f"/proc/{self.process.pid}/task"))

    def asleep(self):
        """Bytes of the file of each tenant that sleeps."""
        if self.den is None:
            folder = f"/proc/{self.process.pid}/fd"
            self.den = next(path for one in os.listdir(folder) if "/dens/den-" in (path := target(os.path.join(folder, one))))
        return [entry.stat().st_size for entry in os.scandir(self.den)]

    def maps(self):
        with open(f"/proc/{self.process.pid}/maps") as file:
            return sum(1 for _ in file)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def ran(task, is_first):
    try:
        with open(f"{task}/comm") as name, open(f"{task}/schedstat") as file:
            return int(file.read().split()[0]) if is_first or name.read().startswith("skep-loop") else 0
    except FileNotFoundError:  # it has ended meanwhile
        return 0


def target(link):
    try:
        return os.readlink(link)
    except FileNotFoundError:  # closed meanwhile
        return ""


def spread(times):
    count = len(times)
    return f"median {times[count // 2] * 1e6:.0f} us, best {times[0] * 1e6:.0f}, p90 {times[count * 9 // 10] * 1e6:.0f}"


def name(number):
    return f"t{number:06}"


def field(file, key):
    with open(file) as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


def cpu(pid):
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def memory(args):
    """Pss of one more tenant that has answered and sits idle, its connection closed: the difference between two counts of
    started tenants, so that what all share is in neither."""
    few, many = args.memory // 5, args.memory
    with Hive(args.exe, many) as hive:
        hive.ask_each(range(few))
        time.sleep(args.settle)
        before, maps = hive.pss(), hive.maps()
        hive.ask_each(range(few, many))
        time.sleep(args.settle)
        each = (hive.pss() - before) / (many - few)
        maps = (hive.maps() - maps) / (many - few)
        print(f"memory of one more live idle tenant: {each:.1f} KiB of Pss, {maps:.2f} maps ({few} and {many} started)")


def start(args):
    """A tenant's first request, from the write until the last byte: it finds no guest, so one is spawned, its script is read,
    compiled and run, and answers. The connection is open before. The first tenants warm the host up and are not counted."""
    warm, count = 20, args.starts
    with Hive(args.exe, warm + count) as hive:
        hive.ask_each(range(warm))
        before = hive.cpu()
        times = hive.ask_each(range(warm, warm + count))
        each = (hive.cpu() - before) / count
        again = statistics.median(hive.ask(number % warm)[0] for number in range(200))
        print(f"new tenant until its first response: {spread(times)}; {each * 1e6:.0f} us of CPU each; a request of one that runs: {again * 1e6:.0f} us")


def sleep(args):
    """Tenants that have answered once, and sleep three seconds later: what each has on disk, how long the loop was busy with a tenant
    that fell asleep (its CPU time until all do), and the next request, from the write until the last byte, which wakes it."""
    count = args.starts
    with Hive(args.exe, count, each="hibernate = '3s'\n") as hive:
        for _ in range(3):
            hive.ask_each(range(count))
            busy = hive.busy()
            while len(sizes := hive.asleep()) < count:
                time.sleep(0.2)
            busy = (hive.busy() - busy) / count
            times = hive.ask_each(range(count))
            print(f"asleep: {statistics.mean(sizes) / 1024:.1f} KiB on disk each; {busy / 1000:.0f} us to fall asleep; "
                  f"wake to response: {spread(times)}")


def registered(args):
    """How long `skep serve` takes until it listens for so many tenants, what it holds then, and that any of them answers."""
    with Hive(args.exe, args.tenants) as hive:
        pss = hive.pss()
        hive.ask_each(step * 7919 % args.tenants for step in range(200))
        print(f"{args.tenants} tenants registered: listens after {hive.took:.1f} s, {pss / 1024:.0f} MiB of Pss "
              f"({pss / args.tenants:.2f} KiB each), {hive.descriptors()} descriptors; 200 of them asked, all answered")


def live(args):
    """So many tenants that have answered and sit idle in one process; then each is asked once more."""
    with Hive(args.exe, args.live, each='hibernate = "10m"\n') as hive:  # a slow machine starts some for longer than they stay awake
        before, begun = hive.pss(), time.time()
        hive.ask_each(range(args.live))
        took = time.time() - begun
        time.sleep(args.settle + args.live / 1000)
        pss, quiet = hive.pss(), hive.cpu()
        time.sleep(2)
        quiet = hive.cpu() - quiet
        begun = time.time()
        hive.ask_each(range(args.live))
        again = time.time() - begun
        print(f"{args.live} tenants live: started in {took:.1f} s, {(pss - before) / args.live:.1f} KiB of Pss each, {hive.maps()} maps, "
              f"{hive.descriptors()} descriptors; all idle: {quiet / 2 * 100:.1f} % of a core; each asked again: {again:.1f} s")


def serve(args):
    """Requests per CPU second of the server through `serve`, beside `run` with the same script; wrk, 64 connections."""
    hive = Hive(args.exe, 1)
    run_port = free_port()
    script = os.path.join(hive.folder, name(0), "index.js")
    run = subprocess.Popen([args.exe, "run", "--allow-env=PORT", script], env={**os.environ, "PORT": str(run_port)})
    try:
        time.sleep(0.5)

        def one(pid, port):
            line = ["wrk", "-c64", "-t1", "-H", f"Host: {name(0)}.localhost", f"http://127.0.0.1:{port}/"]
            subprocess.run([*line, "-d1s"], capture_output=True)
            before = cpu(pid)
            out = subprocess.run([*line, f"-d{args.seconds}s"], capture_output=True, text=True).stdout
            if "Non-2xx" in out:
                raise SystemExit(out)
            return int(re.search(r"(\d+) requests in", out).group(1)) / (cpu(pid) - before)

        ratios = []
        for _ in range(args.rounds):
            by_run, by_serve = one(run.pid, run_port), one(hive.process.pid, hive.port)
            ratios.append(by_serve / by_run)
            print(f"  run {by_run:.0f}, serve {by_serve:.0f} requests per CPU second: {ratios[-1]:.3f}")
        print(f"hello through serve against run: {statistics.median(ratios):.3f}")
    finally:
        run.kill()
        run.wait()
        hive.stop()


ALL = {"start": start, "sleep": sleep, "memory": memory, "registered": registered, "live": live, "serve": serve}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*ALL, []])
    parser.add_argument("--exe", default=os.path.join(ROOT, "target/release/skep"))
    parser.add_argument("--starts", type=int, default=300)
    parser.add_argument("--memory", type=int, default=500)
    parser.add_argument("--tenants", type=int, default=100_000)
    parser.add_argument("--live", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    # A tenant's pages are given back when it has been idle for five seconds (`doze_ms`), one tenant a turn.
    parser.add_argument("--settle", type=float, default=9.0)
    parser.add_argument("--loops", type=int, help="loops of the process; none: one a core")
    args = parser.parse_args()
    Hive.loops = ["--loops", str(args.loops)] if args.loops else []
    for each in args.names or ALL:
        ALL[each](args)


if __name__ == "__main__":
    main()
