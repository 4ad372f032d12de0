"""Where the process listens: several places at once, Unix domain sockets, sockets it is given."""

import os
import re
import socket
import stat
import subprocess
import sys

import pytest

from server import BINARY, Server
from starts import Run
from wire import request_bytes

LIVEZ = request_bytes("GET", "/livez", {"Connection": "close"})


def ask(connected, request=LIVEZ):
    with connected as peer:
        peer.settimeout(60)
        peer.sendall(request)
        answer = b""
        while (piece := peer.recv(65536)):
            answer += piece
    return answer


def local(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(str(path))
    return peer


def has_v6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def refused(*arguments):
    """The sentence with which it does not start."""
    with Run(arguments) as run:
        sentence = run.refusal()
    assert sentence.endswith("."), sentence
    return sentence


def test_several_places_at_once(tmp_path):
    path = tmp_path / "o.sock"
    places = [f"unix:{path}", "127.0.0.2:0"] + (["[::1]:0"] if has_v6() else [])
    with Server("--listen", ",".join(places[:2]), *sum((["--listen", p] for p in places[2:]), []),
                "--loops", "2") as running:
        said = running.said()
        for family, pattern in [(socket.AF_INET, r"http://(127\.0\.0\.2):(\d+)"),
                                (socket.AF_INET6, r"http://\[(::1)\]:(\d+)")][:len(places) - 1]:
            host, port = re.search(pattern, said).groups()
            peer = socket.socket(family)
            peer.connect((host, int(port)))
            assert ask(peer).startswith(b"HTTP/1.1 200 OK")
        assert ask(socket.create_connection(("127.0.0.1", running.port))).startswith(b"HTTP/1.1 2")
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        for _ in range(50):
            assert ask(local(path)).startswith(b"HTTP/1.1 200 OK")
        curl = ["curl", "-sS", "--max-time", "60", "--unix-socket", path, "-X", "PUT",
                "http://localhost/v1/sessions/s", "-H", "Content-Type: application/json", "-d",
                '{"parameters": {"w": [1]}}']
        assert b'"session":"s"' in subprocess.run(curl, check=True, capture_output=True).stdout
    assert not path.exists()


@pytest.mark.skipif(not has_v6(), reason="no IPv6 here")
def test_all_addresses_of_both_kinds_side_by_side():
    """`::` is IPv6 alone, or the second of these would find the port taken."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        port = probe.getsockname()[1]
    places = ["--listen", f"[::]:{port}", "--listen", f"0.0.0.0:{port}", "--insecure"]
    with Server(*places):
        for family, host in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]:
            peer = socket.socket(family)
            peer.connect((host, port))
            assert ask(peer).startswith(b"HTTP/1.1 200 OK")


def test_only_there(tmp_path):
    """Without --host and --port nothing else is listened at."""
    path = tmp_path / "o.sock"
    process = subprocess.Popen(
        [BINARY, "--data-dir", tmp_path / "data", "--listen", f"unix:{path}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = process.stdout.readline().decode()
        assert "http://" not in line and f"unix:{path}" in line
        assert f"--unix-socket {path} http://localhost/v1" in process.stdout.readline().decode()
        assert ask(local(path)).startswith(b"HTTP/1.1 200 OK")
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0
        process.stdout.close()
        process.stderr.close()


def test_a_socket_that_was_left_is_replaced_and_nothing_else(tmp_path):
    path = tmp_path / "o.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with Server("--listen", f"unix:{path}"):
        assert ask(local(path)).startswith(b"HTTP/1.1 200 OK")
        assert "in use" in refused("--listen", f"unix:{path}")
        assert ask(local(path)).startswith(b"HTTP/1.1 200 OK")
        # Somebody has put another in its place: the end of the process leaves that one.
        path.unlink()
        other = socket.socket(socket.AF_UNIX)
        other.bind(str(path))
    assert path.exists()
    other.close()
    path.unlink()
    path.write_text("mine")
    assert "in use" in refused("--listen", f"unix:{path}")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("place, word", [
    ("nowhere", "HOST:PORT"), ("127.0.0.1:", "HOST:PORT"), ("127.0.0.1:65536", "HOST:PORT"),
    ("::1:8080", "brackets"), ("unix:", "no path"), ("unix:/nonexistent/o.sock", "o.sock"),
    (f"unix:/tmp/{'x' * 108}", "too long"), ("192.0.2.1:0", "--insecure"),
    ("0.0.0.0:0", "--insecure"), (":8080", "HOST:PORT"),
])
def test_places_that_are_none(place, word):
    assert word in refused("--listen", place)


def activated(tmp_path, sockets, environment):
    """The program as a service manager starts it, with the sockets from descriptor 3 on."""
    script = (
        "import os, sys\n"
        "count = int(sys.argv[1])\n"
        "held = [os.dup2(int(n), 40 + i) for i, n in enumerate(sys.argv[2:2 + count])]\n"
        "for i, n in enumerate(held): os.dup2(n, 3 + i)\n"
        "for n in held: os.close(n)\n"
        "if os.environ.get('LISTEN_PID') == 'own': os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "os.execv(sys.argv[2 + count], sys.argv[2 + count:])\n")
    numbers = [str(one.fileno()) for one in sockets]
    return subprocess.Popen(
        [sys.executable, "-c", script, str(len(sockets)), *numbers, BINARY, "--data-dir",
         tmp_path / "data"],
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        pass_fds=[one.fileno() for one in sockets], text=True)


def test_sockets_from_a_service_manager(tmp_path):
    """Whoever connects before the program runs is served by it, and the sockets stay."""
    path = tmp_path / "given.sock"
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        unix.bind(str(path))
        for one in (tcp, unix):
            one.listen()
        early = socket.create_connection(tcp.getsockname())
        early.sendall(LIVEZ)
        process = activated(tmp_path, [tcp, unix], {"LISTEN_PID": "own", "LISTEN_FDS": "2"})
        try:
            assert f"http://127.0.0.1:{tcp.getsockname()[1]}, unix:{path}" in (
                process.stdout.readline())
            assert ask(early, b"").startswith(b"HTTP/1.1 200 OK")
            assert ask(local(path)).startswith(b"HTTP/1.1 200 OK")
        finally:
            process.terminate()
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert path.exists()
        # The next process goes on with them.
        waiting = local(path)
        waiting.sendall(LIVEZ)
        process = activated(tmp_path, [unix], {"LISTEN_PID": "own", "LISTEN_FDS": "1"})
        assert ask(waiting, b"").startswith(b"HTTP/1.1 200 OK")
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.parametrize("environment, word", [
    ({"LISTEN_PID": "own", "LISTEN_FDS": "x"}, "LISTEN_FDS"),
    ({"LISTEN_PID": "own", "LISTEN_FDS": "-1"}, "LISTEN_FDS"),
    ({"LISTEN_PID": "own", "LISTEN_FDS": "1"}, "descriptor 3"),
])
def test_sockets_that_are_none(tmp_path, environment, word):
    with socket.socket() as unbound:
        process = activated(tmp_path, [unbound], environment)
        output, said = process.communicate(timeout=60)
    assert process.returncode > 0 and not output
    assert word in said.splitlines()[0]


def test_sockets_of_another_process_are_left_alone(tmp_path):
    with Server(environment={"LISTEN_PID": "1", "LISTEN_FDS": "1"}) as running:
        assert ask(socket.create_connection(("127.0.0.1", running.port))).startswith(b"HTTP/1.1 2")
