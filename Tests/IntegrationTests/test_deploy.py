"""The scripts of deploy/: they install only what is missing, and say what they cannot do."""

import os
import subprocess

import pytest

from server import TOP

STUBS = {
    # Everything but "missing-…" is installed.
    "dpkg-query": 'case "${@: -1}" in missing-*) exit 1;; *) printf installed;; esac',
    "apt-get": 'printf "apt-get %s\\n" "$*" >> "$STUB_LOG"; exit "${STUB_STATUS:-0}"',
    "sudo": 'printf "sudo " >> "$STUB_LOG"; exec "$@"',
}


@pytest.fixture
def require(tmp_path):
    """Runs require_packages among stand-ins for Debian's tools: (status, stdout, stderr, log)."""
    for name, body in STUBS.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\n{body}\n", encoding="ascii")
        path.chmod(0o755)
    log = tmp_path / "log"

    def run(*packages, status=0):
        log.write_text("", encoding="ascii")
        environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}",
                                    "STUB_LOG": str(log), "STUB_STATUS": str(status)}
        script = f"set -euo pipefail; source {TOP}/deploy/prerequisites.sh; require_packages \"$@\""
        ended = subprocess.run(["bash", "-c", script, "bash", *packages], env=environment,
                               capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout, ended.stderr, log.read_text(encoding="ascii")

    return run


def test_nothing_is_said_or_done_when_nothing_is_missing(require):
    assert require("curl", "zlib1g-dev") == (0, "", "", "")


def test_only_what_is_missing_is_installed(require):
    status, said, _, log = require("curl", "missing-a", "zlib1g-dev", "missing-b")
    assert status == 0
    assert said.splitlines() == ["deploy: installing missing-a missing-b"]
    update, install = log.replace("sudo ", "").splitlines()
    assert "update" in update
    assert install.split()[-2:] == ["missing-a", "missing-b"]
    assert ("sudo" in log) == (os.geteuid() != 0)


def test_failure_names_what_is_missing(require):
    status, _, complaint, _ = require("missing-a", status=100)
    assert status == 1
    assert "missing-a" in complaint


@pytest.mark.parametrize("script", [
    "deploy/run", "deploy/test", ".ci/run", "Tests/check-openapi", "Tests/check-tls", "Tests/fuzz",
    "Tests/sanitize",
])
def test_scripts_are_executable_and_parse(script):
    path = TOP / script
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", path], check=True)
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")


def test_unit_is_hardened():
    """systemd's own judgement where it is installed; below 2 of 10 is what it calls OK."""
    unit = TOP / "deploy/optimizerd.service"
    for line in ("DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes",
                 "MemoryDenyWriteExecute=yes", "CapabilityBoundingSet="):
        assert line in unit.read_text(encoding="utf-8").splitlines()
    try:
        judged = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit],
            capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no systemd-analyze here; the lines above were still compared")
    assert judged.returncode == 0, judged.stdout[-400:]
