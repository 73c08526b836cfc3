#!/usr/bin/env python3
"""The long form of the hostile suite: `python3 benches/hostile.py [SECONDS] [ROW...]` runs each row for so long (20) and
prints what its neighbours saw: requests, p50, p99 and p99.9 in milliseconds from the intended send time, p99 before the
attack, and the longest turn of the loop. It judges p99 by max(2 x baseline, baseline + 5 ms) and the turn by 10 ms, and
says so. The last number is the machine's own: how late at most a real-time thread of each CPU woke meanwhile, which nothing of
ours can delay (root only; 0 for others). A row that is late by less than that is told as `machine`: neither held nor broken."""
import contextlib
import multiprocessing
import os
import re
import subprocess
import sys
import time

LINE = re.compile(r"HOSTILE (\S+) requests (\d+) p50 (\d+) p99 (\d+) p999 (\d+) baseline_p99 (\d+) longest_turn (\d+)")


def stand_watch(cpu, latest):
    """Sleeps for half a millisecond at a time, before all others on this CPU; keeps by how much it was too late, in milliseconds."""
    os.sched_setaffinity(0, {cpu})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    except PermissionError:
        return
    while True:
        begun = time.monotonic()
        time.sleep(0.0005)
        latest.value = max(latest.value, (time.monotonic() - begun - 0.0005) * 1000)


@contextlib.contextmanager
def watches():
    """A function that tells the longest stall of the machine since it was asked last."""
    values = {cpu: multiprocessing.Value("d", 0.0, lock=False) for cpu in os.sched_getaffinity(0)}
    guards = [multiprocessing.Process(target=stand_watch, args=each, daemon=True) for each in values.items()]

    def longest():
        most = max(value.value for value in values.values())
        for value in values.values():
            value.value = 0.0
        return most

    for guard in guards:
        guard.start()
    try:
        yield longest
    finally:
        for guard in guards:
            guard.terminate()


def verdict(p99, before, turn, machine):
    limit = max(2 * before, before + 5)
    if p99 <= limit and turn <= 10:
        return "ok"
    return "machine" if p99 <= limit + machine and turn <= 10 + machine else "LATE"


def main():
    words = sys.argv[1:]
    seconds = words.pop(0) if words and words[0].replace(".", "").isdigit() else "20"
    command = ["cargo", "test", "--release", "--test", "hostile", "--", "--nocapture", "--test-threads=1"]
    command += [word.lower() for word in words]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "SKEP_HOSTILE_SECONDS": seconds})
    print(f"{'row':<5}{'requests':>9}{'p50':>8}{'p99':>8}{'p99.9':>9}{'before':>8}{'turn':>8}{'machine':>9}  judged")
    bad = 0
    with watches() as longest:
        for line in run.stdout:
            if "FAILED" in line or "panicked" in line:
                print(line.rstrip())
            found = LINE.search(line)
            if not found:
                continue
            row, requests, *micros = found.groups()
            p50, p99, p999, before, turn = (int(number) / 1000 for number in micros)
            machine = longest()
            judged = verdict(p99, before, turn, machine)
            bad += judged == "LATE"
            figures = f"{p50:>8.2f}{p99:>8.2f}{p999:>9.2f}{before:>8.2f}{turn:>8.2f}{machine:>9.2f}"
            print(f"{row:<5}{requests:>9}{figures}  {judged}", flush=True)
    sys.exit(run.wait() or (1 if bad else 0))


if __name__ == "__main__":
    main()
