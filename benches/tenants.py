#!/usr/bin/env python3
"""Tenants, measured: python3 benches/tenants.py [start|memory|registered|live|serve ...] [--exe SKEP] [--tenants N] [--live N]
[--rounds N] [--seconds S]. Without a name all of them. Nothing but this and skep is needed, and wrk for `serve`; run it on a
quiet machine. What each figure means is said where it is measured; docs/performance.md keeps the last ones. The cost of metering
and slicing is `cargo bench --bench host -- --metering`.
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

    def __init__(self, exe, count, extra=""):
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
        begun = time.time()
        self.log = open(os.path.join(self.folder, ".log"), "w+")
        self.process = subprocess.Popen([exe, "serve", self.folder], stdout=self.log, stderr=self.log)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                if self.process.poll() is not None or time.time() - begun > 300:
                    self.stop()
                    raise SystemExit("it has not started")
                time.sleep(0.002)
        self.took = time.time() - begun

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

    def pss(self):
        """KiB: what is its own, and its share of what others have too."""
        return field(f"/proc/{self.process.pid}/smaps_rollup", "Pss")

    def cpu(self):
        return cpu(self.process.pid)

    def maps(self):
        with open(f"/proc/{self.process.pid}/maps") as file:
            return sum(1 for _ in file)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


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
    hive = Hive(args.exe, many)
    try:
        for number in range(few):
            hive.ask(number)[1].close()
        time.sleep(args.settle)
        before, maps = hive.pss(), hive.maps()
        for number in range(few, many):
            hive.ask(number)[1].close()
        time.sleep(args.settle)
        each = (hive.pss() - before) / (many - few)
        maps = (hive.maps() - maps) / (many - few)
        print(f"memory of one more live idle tenant: {each:.1f} KiB of Pss, {maps:.2f} maps ({few} and {many} started)")
    finally:
        hive.stop()


ALL = {"memory": memory}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*ALL, []])
    parser.add_argument("--exe", default=os.path.join(ROOT, "target/release/skep"))
    parser.add_argument("--memory", type=int, default=500)
    parser.add_argument("--settle", type=float, default=1.0)
    args = parser.parse_args()
    for each in args.names or ALL:
        ALL[each](args)


if __name__ == "__main__":
    main()
