#!/usr/bin/env python3
"""The long form of the hostile suite: `python3 benches/hostile.py [SECONDS] [ROW...]` runs each row for so long (20) and
prints what its neighbours saw: requests, p50, p99 and p99.9 in milliseconds from the intended send time, p99 before the
attack, and the longest turn of the loop. It judges p99 by max(2 x baseline, baseline + 5 ms) and the turn by 10 ms, and
says so; on a machine that does other things too the numbers say little."""
import os
import re
import subprocess
import sys

LINE = re.compile(r"HOSTILE (\S+) requests (\d+) p50 (\d+) p99 (\d+) p999 (\d+) baseline_p99 (\d+) longest_turn (\d+)")


def main():
    words = sys.argv[1:]
    seconds = words.pop(0) if words and words[0].replace(".", "").isdigit() else "20"
    command = ["cargo", "test", "--release", "--test", "hostile", "--", "--nocapture", "--test-threads=1"]
    command += [word.lower() for word in words]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "SKEP_HOSTILE_SECONDS": seconds})
    print(f"{'row':<5}{'requests':>9}{'p50':>8}{'p99':>8}{'p99.9':>9}{'before':>8}{'turn':>8}  judged")
    bad = 0
    for line in run.stdout:
        if "FAILED" in line or "panicked" in line:
            print(line.rstrip())
        found = LINE.search(line)
        if not found:
            continue
        row, requests, *micros = found.groups()
        p50, p99, p999, before, turn = (int(number) / 1000 for number in micros)
        fine = p99 <= max(2 * before, before + 5) and turn <= 10
        bad += not fine
        print(f"{row:<5}{requests:>9}{p50:>8.2f}{p99:>8.2f}{p999:>9.2f}{before:>8.2f}{turn:>8.2f}  {'ok' if fine else 'LATE'}", flush=True)
    sys.exit(run.wait() or (1 if bad else 0))


if __name__ == "__main__":
    main()
