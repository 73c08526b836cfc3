#!/usr/bin/env python3
"""Guests made with the SDK beside servers that are no guests: work done for a second of the server's own CPU, in interleaved
rounds.

    python3 benches/sdk.py [--rounds 5] [--seconds 3] [--skep target/release/skep] [--nginx nginx] [--bun bun] [--sdk DIR]

Hello over HTTP: a Rust guest beside a bare epoll server in Rust that sends the same bytes (benches/peers/epoll.rs) and beside
nginx's `return 200`. Echo over TCP: a Rust guest beside Bun.listen. What is not there is left out. The guests are built by
the rustc on the PATH, which needs the target wasm32-unknown-unknown. Linux only (/proc). It must not know how any of the
servers works inside.
"""
import argparse
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from compare import GET, TICK, Running, load

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


def measure(command, request, depth, seconds):
    port = free_port()
    with Server(command(port), port) as server:
        load(server, request, depth, 0.5)
        before = server.cpu()
        done = load(server, request, depth, seconds)
        return done / max(server.cpu() - before, 1 / TICK)


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
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--skep", default=os.path.join(HERE, "..", "target", "release", "skep"))
    parser.add_argument("--sdk", default=os.path.join(HERE, "..", "guest-sdk"))
    parser.add_argument("--nginx", default="nginx")
    parser.add_argument("--bun", default="bun")
    args = parser.parse_args()
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
            rounds = []
            for _ in range(args.rounds):
                rounds.append([measure(command, request, depth, args.seconds) for command in (guest, peer)])
            ours, theirs = (statistics.median(column) for column in zip(*rounds))
            ratio = statistics.median(a / b for a, b in rounds)
            print("%-46s %12.0f %12.0f %7.2fx" % (name, ours, theirs, ratio))


if __name__ == "__main__":
    main()
