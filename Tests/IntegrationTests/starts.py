"""The program started by a test that expects it to refuse, or that stops it early."""

import os
import re
import signal
import subprocess
import time

from server import BINARY


class Run:
    """The program with these settings, which may refuse to start."""

    def __init__(self, arguments=(), environment=()):
        self.process = subprocess.Popen(
            [BINARY, *arguments], env={**os.environ, "OPTIMIZERD_PORT": "0", **dict(environment)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def refusal(self):
        """The sentence on stderr; the program must have ended with a status, not by a signal."""
        said, complaint = self.process.communicate(timeout=30)
        assert self.process.returncode > 0, (self.process.returncode, complaint)
        assert said == b""
        return complaint.decode("utf-8").splitlines()[0]

    def port(self):
        line = self.process.stdout.readline()
        assert line, self.refusal()
        return int(re.search(rb"http://127\.0\.0\.1:(\d+)", line)[1])

    def stop(self):
        assert self.process.poll() is None, self.process.returncode
        # A second one, once the first is taken, ends the delay before the drain.
        deadline = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < deadline:
            self.process.send_signal(signal.SIGTERM)
            time.sleep(0.01)
        assert self.process.poll() == 0


def start(directory, *prefix):
    """Runs the program where it should not come to serve; returns its end."""
    return subprocess.run([*prefix, BINARY, "--port", "0", "--data-dir", directory],
                          capture_output=True, text=True, timeout=60, check=False)


def check(directory, *arguments):
    return subprocess.run([BINARY, "check", "--data-dir", directory, *arguments],
                          capture_output=True, text=True, timeout=60, check=False)


def assert_refused(ended, directory, *words):
    """A status, not a signal, and one sentence that names the directory and the reason."""
    assert ended.returncode > 0 and ended.stdout == "", ended
    sentence = ended.stderr.splitlines()[0]
    for word in (str(directory), *words):
        assert word in sentence, sentence
    assert sentence.endswith(".") and "Optional(" not in sentence, sentence
