#!/usr/bin/env python3
"""Skep beside the node on the PATH: requests per second of the server's own CPU, in interleaved rounds.

    python3 benches/compare.py [--rounds 3] [--seconds 3] [--skep target/release/skep] [--node node]
                               [--express DIR] [--only TEXT]

DIR is a folder where `npm install express@4` ran; without it there is no row for express. TEXT picks the rows with
that text in their name.
Prints one table. Needs nothing but Python and node; the client is one epoll loop here, so the rate on the
wall says little, and the ratio per CPU second is what counts. Linux only (/proc). It must not know how
either server works inside.
"""
import argparse
import os
import resource
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time

LISTEN = ".listen(0, '127.0.0.1', function() { this.keepAliveTimeout = 0; console.log(this.address().port); });"
HELLO = """require('http').createServer((req, res) => {
  res.writeHead(200, {'Content-Type': 'text/plain'});
  res.end('Hello World\\n');
})""" + LISTEN
STREAM = """const chunk = Buffer.alloc(65536, 120);
require('http').createServer((req, res) => {
  let left = 1600;
  (function go() {
    while (left > 0) { left--; if (!res.write(chunk)) return res.once('drain', go); }
    res.end();
  })();
})""" + LISTEN
JSON = """require('http').createServer((req, res) => {
  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('end', () => {
    const body = JSON.parse(Buffer.concat(parts).toString());
    res.writeHead(200, {'Content-Type': 'application/json'});
    res.end(JSON.stringify({ok: true, count: body.items.length, body}));
  });
})""" + LISTEN
EXPRESS = """const app = require('%s/node_modules/express')();
app.get('/', (req, res) => res.send('Hello World\\n'));
app""" + LISTEN
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
ITEM = '{"id":%d,"name":"item number %d","price":%d.5,"tags":["a","b","c"],"on":true}'
BODY = ('{"id":7,"name":"a small order","items":[%s]}' % ",".join(ITEM % (i, i, i) for i in range(12))).encode()
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
TICK = os.sysconf("SC_CLK_TCK")


class Running:
    """A process that listens on `port`, until it is stopped."""

    def cpu(self):
        with open("/proc/%d/stat" % self.process.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Server(Running):
    """A script under a runtime."""

    def __init__(self, command, source):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".js", delete=False)
        self.file.write(source)
        self.file.close()
        self.process = subprocess.Popen(command + [self.file.name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = int(self.process.stdout.readline())

    def kilobytes(self, key):
        with open("/proc/%d/status" % self.process.pid) as status:
            return next(int(line.split()[1]) for line in status if line.startswith(key))

    def __exit__(self, *raised):
        super().__exit__(*raised)
        os.unlink(self.file.name)


def answer_size(server, request):
    """Bytes of one response: every one of the same server is as long."""
    with server.connect() as s:
        s.sendall(request)
        got = s.recv(1 << 20)
        s.settimeout(0.2)
        try:
            while True:
                got += s.recv(1 << 20)
        except TimeoutError:
            return len(got)


def load(server, request, depth, seconds, connections=64):
    """Keeps every connection busy with `depth` requests at a time; answers how many were answered."""
    size = answer_size(server, request) * depth
    burst, poll, waiting, done = request * depth, select.epoll(), {}, 0
    for _ in range(connections):
        s = server.connect()
        waiting[s.fileno()] = [s, size]
        poll.register(s, select.EPOLLIN)
        s.sendall(burst)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for fd, _ in poll.poll(1):
            entry = waiting[fd]
            got = len(entry[0].recv(1 << 18))
            if got == 0:
                raise RuntimeError("the server closed a connection")
            entry[1] -= got
            if entry[1] <= 0:
                done += depth
                entry[1] += size
                entry[0].sendall(burst)
    for s, _ in waiting.values():
        s.close()
    return done


def per_cpu(command, source, request, depth, seconds):
    with Server(command, source) as server:
        load(server, request, depth, 0.5)
        before = server.cpu()
        done = load(server, request, depth, seconds)
        return done / max(server.cpu() - before, 1 / TICK)


def express(folder, powers):
    """Hello on express, for one CPU second. It reads its modules from a folder, which Skep grants to nobody unasked."""
    source = EXPRESS % os.path.abspath(folder)

    def test(command, seconds):
        with Server(command + powers.get(command[0], []), source) as server:
            load(server, GET, 1, max(2, seconds))  # a JIT needs its time
            before = server.cpu()
            return load(server, GET, 1, seconds) / max(server.cpu() - before, 1 / TICK)

    return test


def download(command, _seconds):
    """Megabytes of a streamed response for one CPU second."""
    with Server(command, STREAM) as server:
        before, total = server.cpu(), 0
        for _ in range(8):
            with server.connect() as s:
                s.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                while got := len(s.recv(1 << 20)):
                    total += got
        return total / 1e6 / (server.cpu() - before)


def start(command, _seconds):
    """CPU milliseconds of a script that does nothing."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(20):
        subprocess.run(command + ["-e", "0"], check=True)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / 20 * 1000


def idle(command, _seconds, count=2000):
    """Bytes of the server's memory for one keep-alive connection after one request."""
    with Server(command, HELLO) as server:
        load(server, GET, 1, 0.3)
        before, held = server.kilobytes("VmRSS"), []
        for _ in range(count):
            s = server.connect()
            s.sendall(GET)
            s.recv(4096)
            held.append(s)
        return (server.kilobytes("VmRSS") - before) * 1024 / count


def peak(command, seconds):
    """Peak megabytes while serving hello."""
    with Server(command, HELLO) as server:
        load(server, GET, 1, seconds)
        return server.kilobytes("VmHWM") / 1024


TESTS = {
    "hello, requests per CPU second": lambda c, t: per_cpu(c, HELLO, GET, 1, t),
    "hello pipelined 16 deep, requests per CPU second": lambda c, t: per_cpu(c, HELLO, GET, 16, t),
    "JSON echo of 1 KB, requests per CPU second": lambda c, t: per_cpu(c, JSON, POST, 1, t),
    "streamed response, MB per CPU second": download,
    "start of -e 0, CPU ms": start,
    "one idle connection, bytes": idle,
    "peak memory serving hello, MB": peak,
}


def main():
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--skep", default=os.path.join(here, "target/release/skep"))
    p.add_argument("--node", default="node")
    p.add_argument("--express", metavar="DIR")
    p.add_argument("--only", default="", metavar="TEXT")
    args = p.parse_args()
    if args.express:
        TESTS["hello on express, requests per CPU second"] = express(args.express, {args.skep: ["run", "-A"]})
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    print("| what | skep | node | ratio |\n|---|---:|---:|---:|")
    for name, test in TESTS.items():
        if args.only not in name:
            continue
        rows = [(test([args.skep], args.seconds), test([args.node], args.seconds)) for _ in range(args.rounds)]
        ours, theirs = (statistics.median(column) for column in zip(*rows))
        ratio = statistics.median(a / max(b, 1e-9) for a, b in rows)
        print("| %s | %s | %s | %.2f |" % (name, round(ours, 1), round(theirs, 1), ratio))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
