"""The real optimizerd as a child process."""

import http.client
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
# Not OPTIMIZERD_…: the program takes such a variable for a setting.
BINARY = Path(os.environ.get("BINARY_UNDER_TEST", TOP / ".build/release/optimizerd"))


@cache
def takes_disturbances():
    """Whether this is a debug build, which reads CRASH_AT and FAIL_AT from its environment."""
    ended = subprocess.run([BINARY, "--version"], env={**os.environ, "CRASH_AT": "nonsense"},
                           capture_output=True, timeout=30, check=False)
    return ended.returncode != 0 and b"CRASH_AT" in ended.stderr


def wait_until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Server:
    """Starts on a free port, stops by SIGTERM, and must end with status 0.

    Without `--data-dir` among the arguments it keeps its sessions in a directory of its own, which
    goes when the `with` block ends. A directory that is given stays, for a second process.
    `descriptors` is its RLIMIT_NOFILE. `command` is what runs it, with a tool before it or as a
    copy elsewhere.
    """

    def __init__(self, *arguments, start_seconds=30, environment=None, ready=True,
                 descriptors=None, scheme="http", command=(BINARY,)):
        assert BINARY.exists(), f"{BINARY} is not built; run deploy/test"
        self.own_directory = None
        if not any(str(a).split("=")[0] == "--data-dir" for a in arguments):
            self.own_directory = tempfile.mkdtemp(prefix="optimizerd-test-")
            arguments = (*arguments, "--data-dir", self.own_directory)
        prefix = [] if descriptors is None else ["prlimit", f"--nofile={descriptors}"]
        self.process = subprocess.Popen(
            [*prefix, *command, "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        self.scheme = scheme
        self.output = {self.process.stdout: b"", self.process.stderr: b""}
        deadline = time.monotonic() + start_seconds
        try:
            self.port = self._read_port(deadline)
            if ready and not self.own_directory:  # A fresh one has nothing to rebuild.
                self.wait_until_ready(deadline)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Stops it, also after a failure, whose message must not be hidden by another."""
        try:
            if kind is None and self.is_alive:
                self.stop()
        finally:
            self.close()

    def close(self):
        """Ends it at once, if it has not ended, and leaves nothing behind."""
        self.kill()
        for stream in self.output:
            stream.close()
        if self.own_directory:
            shutil.rmtree(self.own_directory, ignore_errors=True)

    def wait_until_ready(self, deadline=None):
        """Until every session that the directory holds is rebuilt."""
        deadline = deadline or time.monotonic() + 30
        status = None
        while status != 200 and time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", "/readyz")
            status = connection.getresponse().status
            connection.close()
            if status != 200:
                time.sleep(0.01)
        assert status == 200, f"/readyz answers {status}: {self.said()[-4000:]}"

    def kill(self):
        """SIGKILL: what it has not handed to the system by now it never will."""
        self.process.kill()
        self.process.wait()

    def wait(self, seconds=30):
        """Its exit status, once it ends by itself."""
        deadline = time.monotonic() + seconds
        while self.is_alive and time.monotonic() < deadline:
            self.said()
            time.sleep(0.01)
        assert not self.is_alive, f"it does not end: {self.said()[-4000:]}"
        return self.process.returncode

    def _read_port(self, deadline):
        while time.monotonic() < deadline:
            self._read_output(0.2)
            address = rb"%s://127\.0\.0\.1:(\d+)" % self.scheme.encode()
            found = re.search(address, self.output[self.process.stdout])
            if found:
                return int(found[1])
            if self.process.poll() is not None:
                break
        self.process.kill()
        raise AssertionError(f"no address was printed: {self.said()}")

    def _read_output(self, seconds):
        streams = [stream for stream in self.output if not stream.closed]
        for stream in select.select(streams, [], [], seconds)[0]:
            piece = os.read(stream.fileno(), 65536)
            if piece:
                self.output[stream] += piece
            else:
                stream.close()

    def said(self):
        """What it printed so far, for messages; also keeps its pipes from filling up."""
        while any(not s.closed for s in self.output) and select.select(
            [s for s in self.output if not s.closed], [], [], 0
        )[0]:
            self._read_output(0)
        return b"".join(self.output.values()).decode("utf-8", "replace")

    @property
    def is_alive(self):
        return self.process.poll() is None

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptor_count(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self, seconds=30):
        """Asks it to drain; returns what it printed."""
        assert self.is_alive, f"ended with {self.process.returncode}: {self.said()[-4000:]}"
        self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read_output(0.1) if any(not s.closed for s in self.output) else time.sleep(0.05)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not drain in {seconds} s: {self.said()[-4000:]}")
        said = self.said()
        assert self.process.returncode == 0, f"{self.process.returncode}: {said[-4000:]}"
        return said
