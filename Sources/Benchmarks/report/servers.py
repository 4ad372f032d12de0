"""Starts servers on free ports of the loopback interface, and stops what it started."""

import contextlib
import dataclasses
import os
import re
import socket
import subprocess
import tempfile
import time

from report import places
from report.failure import Failure

URL = re.compile(r"http://127\.0\.0\.1:\d+")
# torch alone takes seconds to be imported from a cold disk.
START_SECONDS = 60
STOP_SECONDS = 15

NGINX = """
worker_processes {workers};
daemon off;
pid {home}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location = /livez {{ default_type text/plain; return 200 "ok\\n"; }}
    }}
}}
"""


@dataclasses.dataclass
class Server:
    url: str
    pid: int

    def memory_bytes(self, name):
        """A line of /proc/PID/status: VmRSS is what is resident now, VmHWM its peak."""
        with open(f"/proc/{self.pid}/status") as status:
            return int(re.search(rf"{name}:\s*(\d+) kB", status.read())[1]) * 1024


@contextlib.contextmanager
def service(bench, *options):
    """The service with a data directory of its own, which goes with it."""
    with tempfile.TemporaryDirectory(dir=bench.home) as data:
        command = [bench.programs / "optimizerd", "--port", "0", "--data-dir", data, *options]
        with running(command, bench.home / "optimizerd.log") as server:
            yield server


def floor(bench):
    return running([bench.programs / "floor-server", "0"], bench.home / "floor-server.log")


def hummingbird(bench):
    return running([places.HUMMINGBIRD, "0"], bench.home / "hummingbird.log")


def fastapi(bench, *options):
    """With "--threads" and a count, or with as many threads as torch uses by default. A thread
    more spares time where a processor is free for it, and costs much where none is, since torch's
    threads wait by spinning; which is better for the peer is found by measuring both."""
    return running([places.PEERS_PYTHON, places.FASTAPI, *options], bench.home / "fastapi.log")


FASTAPI_THREADS = {"torch's default threads": (), "one torch thread": ("--threads", "1")}


@contextlib.contextmanager
def nginx(bench):
    home, port = bench.home, free_port()
    configuration = home / "nginx.conf"
    # As many workers as the service has event loops by default.
    workers = max(1, os.cpu_count() // 2)
    configuration.write_text(NGINX.format(home=home, port=port, workers=workers))
    command = [places.nginx(), "-e", home / "nginx.log", "-p", home, "-c", configuration]
    with process(command, home / "nginx.out") as started:
        wait_until(lambda: answers(port), started, home / "nginx.log")
        yield Server(f"http://127.0.0.1:{port}", started.pid)


@contextlib.contextmanager
def running(command, log):
    """A server that prints its address."""
    with process(command, log) as started:
        wait_until(lambda: URL.search(log.read_text()), started, log)
        yield Server(URL.search(log.read_text())[0], started.pid)


@contextlib.contextmanager
def process(command, log):
    with open(log, "w") as output:
        started = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def wait_until(condition, started, log, pause=0.02):
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if started.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"{started.args[0]} does not serve:\n{log.read_text()}")
        time.sleep(pause)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
