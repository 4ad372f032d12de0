"""`optimizerd token new`, and starts with and without what the exposed service needs."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import API, assert_problem
from server import BINARY, TOP, Server
from starts import Run
from tokens import Holder, TokenFile, digest, reload

FORM = r"opt_[A-Za-z0-9_-]{43}"


def token_new(*arguments, environment=None, **options):
    return subprocess.run([BINARY, "token", "new", *arguments], capture_output=True, text=True,
                          timeout=30, env={**os.environ, **(environment or {})}, check=False,
                          **options)


def made(*arguments, **options):
    ended = token_new(*arguments, **options)
    assert ended.returncode == 0 and ended.stderr == "", ended
    return ended.stdout.splitlines()


def refusal(*arguments, **options):
    ended = token_new(*arguments, **options)
    assert ended.returncode == 2 and ended.stdout == "", ended
    assert ended.stderr.startswith("optimizerd: ") and ended.stderr.count("\n") == 1
    return ended.stderr


def test_a_token_and_its_line():
    token, line = made("--id", "alice", "--scope", "read,step", "--prefix", "a-,b.")
    assert re.fullmatch(FORM, token)
    assert line == f"alice {digest(token)} read,step a-,b."


def test_defaults_let_in_least():
    lines = [made() for _ in range(3)]
    for token, line in lines:
        id, hash, scopes, prefixes = line.split(" ")
        assert re.fullmatch(r"token-[0-9a-f]{1,8}", id) and hash == digest(token)
        assert (scopes, prefixes) == ("read", "*")
    assert len({token for token, _ in lines}) == len({line.split()[0] for _, line in lines}) == 3


def test_round_trip(tmp_path):
    """From no file at all to a service that takes the token, and on to a second token."""
    path = tmp_path / "tokens"
    token, = made("--id", "alice", "--scope", "admin", "--prefix", "alice-", "--append", path)
    assert path.stat().st_mode & 0o777 == 0o600
    with Server("--tokens", path) as running:
        alice = Holder(running.port, token)
        alice.create("alice-1", {"w": [0]}, durability="none")
        worker, = made("--scope", "step", "--prefix", "alice-1", "--append", path)
        assert_problem(Holder(running.port, worker).get("/v1"), 401, "unauthenticated")
        reload(running)
        assert Holder(running.port, worker).step("alice-1", {"w": [1]})["step"] == 1
        assert alice.get("/v1/sessions/alice-1").json()["step"] == 1
    assert os.listdir(tmp_path) == ["tokens"]
    assert token not in path.read_text() and worker not in path.read_text()


def test_adding_keeps_the_file(tmp_path):
    path = tmp_path / "tokens"
    path.write_text("# of ours\n\n", encoding="utf-8")
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path)
    token, = made("--id", "a", "--append", tmp_path / "link")
    assert path.read_text() == f"# of ours\n\na {digest(token)} read *\n"
    assert path.stat().st_mode & 0o777 == 0o640 and (tmp_path / "link").is_symlink()


def test_the_name_of_a_file_is_enough(tmp_path):
    token, = made("--append", "tokens", cwd=tmp_path)
    assert digest(token) in (tmp_path / "tokens").read_text()


def test_many_at_once_lose_none(tmp_path):
    path = tmp_path / "tokens"
    with ThreadPoolExecutor(8) as pool:
        tokens = [token for token, in pool.map(
            lambda number: made("--id", f"t{number}", "--append", path), range(24))]
    assert {line.split()[1] for line in path.read_text().splitlines()} == set(map(digest, tokens))


def test_what_it_refuses_leaves_the_file(tmp_path):
    path = tmp_path / "tokens"
    made("--id", "a", "--append", path)
    text = path.read_text()
    assert "the id stands on line 1 already" in refusal("--id", "a", "--append", path)
    for option, value, rule in [
        ("--id", "-", "the id"), ("--id", "opt_a", "the id"), ("--id", "a b", "the id"),
        ("--scope", "write", "the scopes"), ("--scope", ",", "the scopes"),
        ("--prefix", "a b", "the prefixes"), ("--prefix", ",", "the prefixes"),
        ("--prefix", "*,a", "the prefixes"), ("--prefix", "a\nb", "the prefixes"),
    ]:
        assert rule in refusal(f"{option}={value}", "--append", path)
    assert path.read_text() == text
    path.write_text(text[:-1], encoding="utf-8")
    assert "line 1: no line feed" in refusal("--append", path)
    assert path.read_text() == text[:-1]
    assert "is no regular file" in refusal("--append", tmp_path)
    assert "cannot be written: " in refusal("--append", tmp_path / "none" / "tokens")
    assert os.listdir(tmp_path) == ["tokens"]


def test_a_token_that_nobody_can_read_is_said_to_be_lost(tmp_path):
    with open("/dev/full", "w", encoding="ascii") as full:
        ended = subprocess.run([BINARY, "token", "new", "--append", tmp_path / "tokens"],
                               stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
    assert ended.returncode == 2 and b"could not be printed" in ended.stderr


def test_settings_of_the_service_do_not_disturb(tmp_path):
    environment = {"OPTIMIZERD_TOKENS": str(tmp_path / "none"), "OPTIMIZERD_PORT": "1"}
    assert len(made(environment=environment)) == 2


@pytest.fixture
def file(tmp_path):
    file = TokenFile(tmp_path)
    file.add("a", "admin", "*")
    return file


def refused_start(*arguments, environment=None):
    with Run(arguments, environment or {}) as run:
        return run.refusal()


def test_starts_without_a_usable_file(file, tmp_path):
    def sentence():
        return refused_start("--tokens", file.path)

    text = file.text()
    for broken, mode, rule in [
        (text + "b\n", 0o600, "cannot be used: line 2: a token is four words"),
        (text.replace("admin", "Admin"), 0o600, "line 1: the scopes must be some of"),
        (text + text, 0o600, "line 2: the id stands on line 1 already"),
        (text, 0o602, f"chmod go-w {file.path}"), (text, 0o660, f"chmod go-w {file.path}"),
        (text + "#" * (1 << 20) + "\n", 0o600, "has more than 1048576 bytes"),
    ]:
        file.write(broken, mode)
        assert f"The file of tokens, {file.path}, " in sentence() and rule in sentence()
        assert file.secrets["a"] not in sentence() and digest(file.secrets["a"]) not in sentence()
    file.path.unlink()
    assert "cannot be read: No such file or directory (ENOENT)" in sentence()
    os.mkfifo(file.path)
    assert "is no regular file" in sentence()
    assert "is no regular file" in refused_start("--tokens", tmp_path)
    assert "is no regular file" in refused_start(environment={"OPTIMIZERD_TOKENS": str(tmp_path)})


def test_everybody_may_read_the_file(file):
    file.write(file.text(), mode=0o444)
    with Server("--tokens", file.path) as running:
        assert Holder(running.port, file.secrets["a"]).get("/v1").status == 200


def test_the_setting_may_come_from_its_variable(file):
    with Server(environment={"OPTIMIZERD_TOKENS": str(file.path)}) as running:
        assert_problem(API(running.port).get("/v1"), 401, "unauthenticated")
        assert "Authorization: Bearer $TOKEN" in running.said()


def test_tokens_alone_do_not_open_the_network(file):
    nothing = refused_start("--host", "0.0.0.0")
    assert "no TLS and no token: give --insecure" in nothing
    sentence = refused_start("--host", "0.0.0.0", "--tokens", file.path)
    assert "there is no TLS: give --insecure" in sentence
    for arguments, lacking in [([], "no TLS and no token"), (["--tokens", file.path], "no TLS")]:
        with Run(["--host", "0.0.0.0", "--insecure", *arguments]) as run:
            assert run.process.stdout.readline()
            run.stop()
            said = run.process.stderr.read().decode()
            assert f"warning listening beyond loopback with {lacking} at=0.0.0.0:" in said


def test_readme_commands_work_as_written(tmp_path):
    """The section's two blocks: the first ends in the service that the second asks."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## Tokens\n")[1].split("\n## ")[0]
    making, asking = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    *making, serving = making.splitlines()
    assert serving == "deploy/run --tokens tokens"
    script = "\n".join(making).replace("deploy/run", str(BINARY))
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, timeout=60, check=True)
    with Server("--tokens", tmp_path / "tokens") as running:
        failing = 'curl() { command curl --fail-with-body "$@"; echo; }\n'
        ended = subprocess.run(
            ["bash", "-euc", failing + asking.replace("localhost:8080",
                                                      f"127.0.0.1:{running.port}")],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended
        assert '"step":1' in ended.stdout
