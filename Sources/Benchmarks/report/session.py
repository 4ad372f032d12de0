"""One run: the sections in turn, what they found, and the file."""

import dataclasses
import json
import pathlib
import subprocess
import tempfile

from report import machine, places, rows, sections
from report.failure import Failure
from report.load import Load

PROGRAMS = ("optimizerd", "floor-server", "load-benchmark", "engine-benchmark")


@dataclasses.dataclass
class Bench:
    """What every section needs."""
    programs: pathlib.Path
    # A directory for logs and data, which goes when the run ends.
    home: pathlib.Path
    options: object

    @property
    def load(self):
        return Load(self.programs)

    @property
    def starts(self):
        return range(self.options.rounds)


def run(options):
    """The exit status: 1 when something could not be measured that should have been."""
    programs = options.programs or build()
    heading("Machine")
    description = machine.describe()
    machine.show(description)
    measured, failures = [], []
    with tempfile.TemporaryDirectory(prefix="optimizerd-benchmark-") as directory:
        bench = Bench(programs.resolve(), pathlib.Path(directory), options)
        for name in options.sections:
            section = sections.named(name)
            heading(section.TITLE)
            try:
                # What was measured before a failure counts.
                for row in section.measure(bench):
                    measured.append(row)
                    if row.left_out:
                        print(f"  {row.name}: {row.result}\n", flush=True)
            except (Failure, OSError, subprocess.SubprocessError) as failure:
                print(f"  FAILED: {failure}", flush=True)
                failures.append(f"{name}: {failure}")
            if options.output:
                write(options.output, description, measured, failures)
    heading("Summary")
    rows.show(measured)
    for failure in failures:
        print(f"  FAILED: {failure}")
    return 1 if failures else 0


def build():
    for program in PROGRAMS:
        subprocess.run(
            ["swift", "build", "--quiet", "-c", "release", "--product", program],
            cwd=places.ROOT, check=True)
    return places.ROOT / ".build" / "release"


def write(path, description, measured, failures):
    """After every section, so that a long run that is cut short leaves what it has."""
    document = description | {
        "rows": [row.as_json() for row in measured], "failures": failures}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def heading(text):
    print(f"\n{text}", flush=True)
