"""What the program refuses to serve, and `optimizerd check`, which looks without serving."""

import os
import shutil
import subprocess

import pytest

from api import assert_problem
from log_records import flip, records
from server import BINARY
from starts import assert_refused, check, start

NOBODY = 65534


def fill(api):
    """Three sessions with some steps each."""
    for name in ("one", "two", "three"):
        api.create(name, {"w": [1, 2]})
        for _ in range(3):
            api.step(name, {"w": [1, 1]})
    return {name: api.state(name) for name in ("one", "two", "three")}


def damage_record(lives, name, index):
    """A bit of the payload becomes another, so that the record is there and wrong."""
    path = lives.files(name, "log")[-1]
    record = records(path)[index]
    flip(path, record.end - 9, 0)
    return path, record


def test_a_second_process(lives):
    lives.api.create("one", {"w": 1})
    assert_refused(start(lives.directory), lives.directory, "in use")
    assert_refused(check(lives.directory), lives.directory, "in use")
    lives.api.step("one", {"w": 1})
    lives.kill_and_start()
    assert lives.api.get("/v1/sessions/one").json()["step"] == 1


@pytest.mark.parametrize("content, words", [
    (b"optimizerd data 2\n", ["format 2", "newer"]), (b"optimizerd data 10\n", ["format 10"]),
    (b"", ["format"]), (b"something else\n", ["format"]), (b"optimizerd data x\n", ["format"]),
])
def test_another_format(lives, content, words):
    states = fill(lives.api)
    lives.kill()
    format, mine = lives.directory / "format", (lives.directory / "format").read_bytes()
    assert mine == b"optimizerd data 1\n"
    format.write_bytes(content)
    assert_refused(start(lives.directory), lives.directory, *words)
    assert check(lives.directory).returncode == 2
    assert format.read_bytes() == content
    format.write_bytes(mine)
    lives.start()
    assert {name: lives.api.state(name) for name in states} == states


def test_a_newer_record_is_not_taken_for_damage(lives):
    """The sentence tells of the newer program; nothing is cut off or thrown away."""
    fill(lives.api)
    lives.kill()
    path = lives.files("two", "log")[-1]
    content = path.read_bytes()
    last = records(path)[-1]
    path.write_bytes(content[:last.start] + b"OPTLOG02" + content[last.start + 8:])
    lives.start()
    problem = assert_problem(lives.api.get("/v1/sessions/two"), 500, "session-quarantined")
    assert "newer" in problem["detail"], problem
    assert len(path.read_bytes()) == len(content)


def test_a_file_in_its_place(tmp_path):
    (tmp_path / "file").write_text("")
    assert_refused(start(tmp_path / "file"), tmp_path / "file")
    assert_refused(start(tmp_path / "file" / "below"), tmp_path / "file" / "below")


def test_no_place_at_all(monkeypatch):
    for name in ("HOME", "XDG_STATE_HOME", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    ended = subprocess.run([BINARY, "--port", "0"], capture_output=True, text=True, timeout=60,
                           check=False)
    assert ended.returncode > 0 and "--data-dir" in ended.stderr


def test_default_places(monkeypatch, tmp_path):
    """systemd's first, then the user's state directory, then the one below HOME."""
    for name, place in (("HOME", ".local/state/optimizerd"), ("XDG_STATE_HOME", "optimizerd"),
                        ("STATE_DIRECTORY", "")):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.delenv("XDG_STATE_HOME" if name == "HOME" else "x", raising=False)
        monkeypatch.setenv(name, str(folder))
        with subprocess.Popen([BINARY, "--port", "0"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:
            assert b"listens" in process.stdout.readline()
            process.terminate()
        assert (folder / place / "format").is_file(), name


needs_root = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"),
                                reason="only root can become somebody without rights")


@needs_root
@pytest.mark.parametrize("place", ["directory", "parent"])
def test_without_permission(lives, tmp_path, place):
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    lives.kill()
    directory = lives.directory
    os.chmod(directory, 0o700)
    if subprocess.run([*as_nobody, "test", "-x", BINARY], check=False).returncode:
        pytest.skip("nobody may not run the program where it lies")
    if place == "parent":
        directory = directory / "below"
    assert_refused(start(directory, *as_nobody), directory, "ermission")
    lives.start()


@needs_root
def test_a_read_only_file_system(tmp_path):
    mount = tmp_path / "mount"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", mount],
                      capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        assert_refused(start(mount), mount, "ead-only")
        assert_refused(start(mount / "below"), mount / "below", "ead-only")
    finally:
        subprocess.run(["umount", mount], check=True)


def test_check_of_a_good_directory(lives):
    states = fill(lives.api)
    lives.kill()
    before = {path: path.read_bytes() for path in lives.directory.rglob("*") if path.is_file()}
    ended = check(lives.directory)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(line.split(":")[0] for line in ended.stdout.splitlines()) == sorted(states)
    assert all(line.endswith(": good") for line in ended.stdout.splitlines())
    assert before == {path: path.read_bytes() for path in before}
    lives.start()


def test_check_of_no_directory(tmp_path):
    ended = check(tmp_path / "nothing")
    assert ended.returncode == 2 and ended.stderr.strip()
    assert not (tmp_path / "nothing").exists(), "a check makes nothing"


def test_accepted_loss_of_the_last_record(lives):
    """The step that it held is lost, no other; and only when somebody says so."""
    states = fill(lives.api)
    lives.api.step("two", {"w": [5, 5]})
    lives.kill()
    path, record = damage_record(lives, "two", -1)
    ended = check(lives.directory)
    assert ended.returncode == 1
    faults = [line for line in ended.stdout.splitlines() if "damaged" in line]
    assert len(faults) == 1 and faults[0].startswith("two: "), ended
    assert str(path) in faults[0] and str(record.start) in faults[0]
    lives.start()
    problem = assert_problem(lives.api.get("/v1/sessions/two"), 500, "session-quarantined")
    assert str(path) in problem["detail"] and str(record.start) in problem["detail"]
    lives.kill()
    ended = check(lives.directory, "--accept-loss", "two")
    assert ended.returncode == 0, ended
    lives.start()
    assert {name: lives.api.state(name) for name in states} == states


def test_loss_that_is_not_accepted(lives):
    states = fill(lives.api)
    lives.kill()
    assert check(lives.directory, "--accept-loss", "nobody").returncode == 2
    assert check(lives.directory, "--accept-loss", "one").returncode == 2, "it is not damaged"
    path, _ = damage_record(lives, "two", -2)
    flip(lives.files("three", "snapshot")[-1], 100, 3)
    content = path.read_bytes()
    for name in ("two", "three"):
        ended = check(lives.directory, "--accept-loss", name)
        assert ended.returncode == 2 and name in ended.stderr, ended
    assert path.read_bytes() == content
    lives.start()
    assert lives.api.state("one") == states["one"]
