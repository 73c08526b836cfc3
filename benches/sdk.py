#!/usr/bin/env python3
"""Guests made with the SDK beside servers that are no guests: work done for a second of the server's own CPU.

Both servers of a pair live side by side on one CPU, the client on another; they are asked in turn, in many short slices whose
order changes, so that what else the machine does falls on both alike. What is told is the middle of the slices' ratios and
where the middle half of them lies. CPU time is the kernel's count in nanoseconds, of all threads.

    python3 benches/sdk.py [--slices 60] [--seconds 0.25] [--skep target/release/skep] [--nginx nginx] [--bun bun] [--sdk DIR]

Hello over HTTP: a Rust guest beside a bare epoll server in Rust that sends the same bytes (benches/peers/epoll.rs) and beside
nginx's `return 200`. Echo over TCP: a Rust guest beside Bun.listen. What is not there is left out. The guests are built by
the rustc on the PATH, which needs the target wasm32-unknown-unknown. Linux only (/proc). It must not know how any of the
servers works inside.
"""
import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from compare import GET, Running, load

CPUS = sorted(os.sched_getaffinity(0))
# On a machine with one CPU nothing can be kept apart.
PINNED = ["taskset", "-c", str(CPUS[0])] if len(CPUS) > 1 else []
HERE = os.path.dirname(os.path.abspath(__file__))
NGINX = """daemon off; master_process off; error_log stderr crit; pid %s/pid;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; default_type text/plain;
  server { listen 127.0.0.1:%d; location / { return 200 "Hello World\\n"; } } }"""
BUN = """Bun.listen({ hostname: '127.0.0.1', port: %d, socket: { data(socket, data) { socket.write(data); } } });"""


class Server(Running):
    """A command."""

    def __init__(self, command, port):
        self.port = port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(400):
            try:
                return self.connect().close()
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("it does not listen: %s" % command)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu(server):
    """Seconds of CPU that a server's threads have had."""
    threads = "/proc/%d/task" % server.process.pid
    return sum(int(open("%s/%s/schedstat" % (threads, each)).read().split()[0]) for each in os.listdir(threads)) / 1e9


def slice_of(server, request, depth, seconds):
    before = cpu(server)
    done = load(server, request, depth, seconds)
    return done / (cpu(server) - before)


def side_by_side(commands, request, depth, slices, seconds):
    """For each slice what each of the servers did for a second of its CPU."""
    ports = [free_port() for _ in commands]
    with contextlib.ExitStack() as alive:
        servers = [alive.enter_context(Server(PINNED + command(port), port)) for command, port in zip(commands, ports)]
        for server in servers:
            load(server, request, depth, 1)
        rows = []
        for number in range(slices):
            turn = servers if number % 2 else servers[::-1]
            done = {server: slice_of(server, request, depth, seconds) for server in turn}
            rows.append([done[server] for server in servers])
        return rows


def build(folder, sdk):
    """The SDK and both examples, as tests/support/guests.rs builds them."""

    def rustc(source, name, kind, *words):
        out = os.path.join(folder, "lib%s.rlib" % name if kind == "rlib" else name + ".wasm")
        command = ["rustc", "--edition=2021", "-Copt-level=3", "-Cpanic=abort", "-Cstrip=debuginfo", "--target=wasm32-unknown-unknown",
                   "--crate-type=" + kind, "--crate-name=" + name, os.path.join(sdk, source), "-o", out, "-L" + folder, *words]
        subprocess.run(command, check=True)
        return out

    abi = rustc("abi/src/lib.rs", "skep_abi", "rlib")
    guest = rustc("src/lib.rs", "skep_guest", "rlib", "--extern=skep_abi=" + abi)
    words = ("--extern=skep_guest=" + guest,)
    return [rustc("examples/%s.rs" % name, name, "cdylib", *words) for name in ("hello", "echo")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.25)
    parser.add_argument("--skep", default=os.path.join(HERE, "..", "target", "release", "skep"))
    parser.add_argument("--sdk", default=os.path.join(HERE, "..", "guest-sdk"))
    parser.add_argument("--nginx", default="nginx")
    parser.add_argument("--bun", default="bun")
    args = parser.parse_args()
    if PINNED:
        os.sched_setaffinity(0, CPUS[1:])
    with tempfile.TemporaryDirectory() as folder:
        hello, echo = build(folder, args.sdk)
        epoll = os.path.join(folder, "epoll")
        subprocess.run(["rustc", "--edition=2021", "-O", os.path.join(HERE, "peers", "epoll.rs"), "-o", epoll], check=True)

        def nginx(port):
            with open(os.path.join(folder, "nginx.conf"), "w") as conf:
                conf.write(NGINX % (folder, port))
            return [args.nginx, "-c", conf.name, "-p", folder]

        def bun(port):
            with open(os.path.join(folder, "echo.js"), "w") as script:
                script.write(BUN % port)
            return [args.bun, script.name]

        peers = {
            "hello, beside the bare epoll server": (GET, 1, hello, lambda port: [epoll, str(port)]),
            "hello 16 deep, beside the bare epoll server": (GET, 16, hello, lambda port: [epoll, str(port)]),
            "hello, beside nginx": (GET, 1, hello, nginx if shutil.which(args.nginx) else None),
            "echo of 64 bytes, beside Bun.listen": (b"x" * 64, 1, echo, bun if shutil.which(args.bun) else None),
            "echo of 16 KB, beside Bun.listen": (b"x" * 16384, 1, echo, bun if shutil.which(args.bun) else None),
        }
        print("%-46s %12s %12s %8s" % ("for one CPU second", "guest", "peer", "ratio"))
        for name, (request, depth, module, peer) in peers.items():
            if peer is None:
                continue
            guest = lambda port: [args.skep, "run", module, str(port)]
            rows = side_by_side([guest, peer], request, depth, args.slices, args.seconds)
            ours, theirs = (statistics.median(column) for column in zip(*rows))
            low, ratio, high = statistics.quantiles([a / b for a, b in rows], n=4)
            print("%-46s %12.0f %12.0f %7.2fx (%.2f to %.2f)" % (name, ours, theirs, ratio, low, high), flush=True)


if __name__ == "__main__":
    main()
