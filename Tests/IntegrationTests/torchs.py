"""Answers of the torch that is installed here, if any."""

import json
import os
import subprocess
import sys

import pytest


def torchs_answers(script, runs):
    """What a script prints for each run, a line of JSON in and a line of JSON out."""
    python = os.environ.get("TORCH_PYTHON") or sys.executable
    needs = [python, "-c", "import numpy, torch"]
    if subprocess.run(needs, capture_output=True, check=False).returncode:
        pytest.skip("no torch here; TORCH_PYTHON may name an interpreter that has it")
    text = "".join(json.dumps(run) + "\n" for run in runs)
    done = subprocess.run([python, "-c", script], input=text, text=True, capture_output=True,
                          check=True, timeout=300)
    return [json.loads(line) for line in done.stdout.splitlines()]
