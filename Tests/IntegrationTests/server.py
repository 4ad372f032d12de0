"""The real optimizerd as a child process."""

import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
# Not OPTIMIZERD_…: the program takes such a variable for a setting.
BINARY = Path(os.environ.get("BINARY_UNDER_TEST", TOP / ".build/release/optimizerd"))


class Server:
    """Starts on a free port, stops by SIGTERM, and must end with status 0."""

    def __init__(self, *arguments, start_seconds=30):
        assert BINARY.exists(), f"{BINARY} is not built; run deploy/test"
        self.process = subprocess.Popen(
            [BINARY, "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.output = {self.process.stdout: b"", self.process.stderr: b""}
        self.port = self._read_port(time.monotonic() + start_seconds)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Stops it, also after a failure, whose message must not be hidden by another."""
        if kind is None and self.is_alive:
            self.stop()
        elif self.is_alive:
            self.process.kill()
            self.process.wait()

    def _read_port(self, deadline):
        while time.monotonic() < deadline:
            self._read_output(0.2)
            found = re.search(rb"http://127\.0\.0\.1:(\d+)", self.output[self.process.stdout])
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
