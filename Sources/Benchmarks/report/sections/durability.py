"""Steps that are on the disk before they are answered, and how fast a killed service is back."""

import os
import re
import shutil
import subprocess
import tempfile

from report import client, servers
from report.rows import Row, at_least, ratio_over_starts

TITLE = "Durability"
COUNT = 1_000_000
TITLE_OF_STEP = "durable raw F32 step, n = 1 000 000"
DD_WRITES = 50


def measure(bench):
    yield from compare_steps(bench)
    yield from recovery(bench, "n = 1 000 000", COUNT, steps=20, sessions=2)
    yield from recovery(bench, "n = 1 000", 1_000, steps=2_000, sessions=4)


def compare_steps(bench):
    """Beside steps in memory, beside dd with as many bytes, and of many sessions beside one."""
    large, beside_dd, shared, steps, rates = [], [], [], [], []
    for _ in bench.starts:
        with servers.service(bench) as ours:
            step, ratio, rate, shared_ratio = bench.load.durable(ours.url, COUNT)
        steps.append(step)
        large.append(ratio)
        beside_dd.append(step / dd_milliseconds(bench.home, 4 * COUNT))
        rates.append(rate)
        shared.append(shared_ratio)
    fields = {"section": "durability", "relation": "the time", "unit": "ms"}
    yield ratio_over_starts(
        large, steps, name=TITLE_OF_STEP, peer="none",
        beside='the step with `"durability": "none"`', **fields)
    yield ratio_over_starts(
        beside_dd, steps, name=TITLE_OF_STEP, peer="dd", is_peer=True,
        beside="`dd oflag=dsync` writing the same 4 MB, without step or HTTP", **fields)
    yield ratio_over_starts(
        shared, rates, section="durability", relation="the rate", unit="steps/s",
        name="durable raw F32 steps, n = 1 000, 64 sessions", peer="1 session",
        beside="one session", goal=at_least(8))


def dd_milliseconds(home, byte_count):
    """What dd takes for one synchronous write of so many bytes on the same file system."""
    target = home / "dd"
    result = subprocess.run(
        ["dd", "if=/dev/zero", f"of={target}", f"bs={byte_count}", f"count={DD_WRITES}",
         "oflag=dsync"], check=True, text=True, stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"})
    target.unlink()
    seconds = float(re.search(r", ([0-9.]+) s,", result.stderr)[1])
    milliseconds = seconds / DD_WRITES * 1e3
    print(f"  dd oflag=dsync, {byte_count} bytes: {milliseconds:.3f} ms\n", flush=True)
    return milliseconds


def recovery(bench, title, count, steps, sessions):
    """A killed service starts again: bytes of log and steps that it replays a second."""
    data = tempfile.mkdtemp(dir=bench.home)
    log = bench.home / "recovery.log"
    command = [bench.programs / "optimizerd", "--port", "0", "--data-dir", data]
    with servers.process(command, log) as killed:
        servers.wait_until(lambda: servers.URL.search(log.read_text()), killed, log)
        server = servers.Server(servers.URL.search(log.read_text())[0], killed.pid)
        fill_logs(server, count, steps, sessions)
        killed.kill()
    with servers.process([*command, "--log-level", "debug"], log) as started:
        servers.wait_until(lambda: " ready " in log.read_text(), started, log)
        text = log.read_text()
    shutil.rmtree(data)
    seconds = int(re.search(r"recovery_us=(\d+)", text)[1]) / 1e6
    replayed = sum(int(n) for n in re.findall(r"recovered .*?steps=(\d+)", text)) / seconds
    size = sum(int(n) for n in re.findall(r"recovered bytes=(\d+)", text)) / seconds
    name = f"recovery, {sessions} sessions, {title}"
    print(f"  {name}: {seconds * 1e3:.1f} ms\n", flush=True)
    yield Row("durability", name + ", log", measured=size / 1e6, unit="MB/s")
    yield Row("durability", name + ", steps", measured=replayed, unit="steps/s")


def fill_logs(server, count, steps, sessions):
    """So many steps of each session, over one connection."""
    with client.Client(server) as connection:
        for session in range(sessions):
            connection.create(f"recovery-{session}", count)
            for _ in range(steps):
                connection.step(f"recovery-{session}", count, Prefer="return=minimal")
