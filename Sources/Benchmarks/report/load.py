"""Runs load-benchmark, shows what it prints, and reads it: the one place that knows its lines."""

import re
import subprocess

from report.failure import Failure

NUMBER = r"([0-9.]+)"
SAME_BITS = "the same bits"


class Load:
    def __init__(self, programs):
        self.program = programs / "load-benchmark"

    def step(self, service, floor, count, repetitions):
        """Milliseconds of the service's step, ours over the floor's, and what it says of the
        answers' bits."""
        printed = self.run("step", "--service", service, "--floor", floor, "-n", count,
                           "--repetitions", repetitions)
        return (printed.number(rf"service +{NUMBER} ms"), printed.number(rf"ratio +{NUMBER}"),
                printed.text_of(r"answers +(.*)"))

    def livez(self, service, peer, connections):
        """Requests a second of the service, and ours over the peer's."""
        printed = self.run("livez", "--service", service + "/livez", "--peer", peer + "/livez",
                           "--connections", connections)
        return printed.number(rf"service +{NUMBER} requests/s"), printed.number(rf"ratio +{NUMBER}")

    def formats(self, service, peer, count, repetitions):
        """What was printed, for `format_time`, `format_ratio` and `beside_raw`."""
        peers = ["--peer", peer] if peer else []
        return self.run("formats", "--service", service, *peers, "-n", count,
                        "--repetitions", repetitions)

    def small(self, service, floor):
        """Steps a second and over /livez, and the same of the floor's steps."""
        printed = self.run("small", "--service", service, "--floor", floor)
        return (printed.number(rf"steps +{NUMBER} steps/s"), printed.number(rf"ratio +{NUMBER}"),
                printed.number(rf"floor +{NUMBER} steps/s"), printed.number(rf"at most +{NUMBER}"))

    def beside(self, service):
        """The latency in milliseconds that 99 per cent of small steps keep to."""
        return self.run("beside", "--service", service).number(rf"p99 +{NUMBER} ms")

    def durable(self, service, count):
        """Milliseconds of the large step, that over the same without a log, steps a second of
        many sessions, and that over one session's."""
        printed = self.run("durable", "--service", service, "-n", count)
        return (printed.number(rf"log +{NUMBER} ms"), printed.number(rf"large +{NUMBER}"),
                printed.number(rf"64 sessions +{NUMBER} steps/s"),
                printed.number(rf"ratio +{NUMBER}"))

    def run(self, command, *options):
        arguments = [self.program, command, *map(str, options)]
        result = subprocess.run(arguments, text=True, stdout=subprocess.PIPE)
        if result.returncode != 0:
            raise Failure(f"load-benchmark {command} ended with status {result.returncode}")
        print(result.stdout, flush=True)
        return Printed(command, result.stdout)


class Printed:
    """Lines that a command has printed; a line that is missing is a failure."""

    def __init__(self, command, text):
        self.command, self.text = command, text

    def text_of(self, pattern):
        """The group of the first line that begins so."""
        found = re.search(r"^ *" + pattern, self.text, re.MULTILINE)
        if found is None:
            raise Failure(f"load-benchmark {self.command} prints no line like {pattern}")
        return found[1]

    def number(self, pattern):
        return float(self.text_of(pattern))

    def format_time(self, name):
        """Milliseconds of the service's step in this format."""
        return self.number(rf"{name} +(?:service +)?{NUMBER} ms")

    def format_ratio(self, name):
        """The peer's time over ours in this format."""
        return self.number(rf"ratio +{name} peer/service +{NUMBER}")

    def beside_raw(self, name):
        """The service's time in this format over its time in raw."""
        return self.number(rf"ratio +{name}/raw +{NUMBER}")
