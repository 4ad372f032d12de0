"""Certificates and keys of the real process: whom they let in, read again, and refused."""

import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess

import pytest

from certificates import Authority, openssl
from server import BINARY, TOP, Server, wait_until
from tls_peers import ask, connect, context, files, options  # noqa: F401, a fixture


def test_client_certificates(files, tmp_path):
    clients, strangers = Authority(tmp_path, "clients"), Authority(tmp_path, "strangers")
    more = ["--tls-client-ca", clients.certificate]
    with Server(*options(files), *more, scheme="https") as running:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            known = context(files, maximum_version=version)
            known.load_cert_chain(*clients.sign("worker"))
            with connect(running.port, files, known) as stream:
                assert ask(stream, "GET", "/livez")[0] == 200
            unknown = context(files, maximum_version=version)
            unknown.load_cert_chain(*strangers.sign("worker"))
            for made in (unknown, context(files, maximum_version=version)):
                with pytest.raises((ssl.SSLError, ConnectionResetError)):
                    with connect(running.port, files, made) as stream:
                        ask(stream, "GET", "/livez")


def serial(port, files):
    with connect(port, files) as stream:
        return stream.getpeercert()["serialNumber"]


def test_certificates_are_read_again(files, tmp_path):
    authority, *pair = files
    certificate, key = (shutil.copy(path, tmp_path / path.name) for path in pair)
    with Server("--tls-certificate", certificate, "--tls-key", key, scheme="https") as running:
        first = serial(running.port, files)
        with connect(running.port, files) as old:
            renewed = authority.sign("renewed")
            shutil.copy(renewed[1], key)
            shutil.copy(renewed[0], certificate)
            running.process.send_signal(signal.SIGHUP)
            wait_until(lambda: serial(running.port, files) != first)
            second = serial(running.port, files)
            # Half of a pair, or rubbish: what there is stays, and the log says why.
            for rubbish in (pair[0].read_bytes(), b"rubbish"):
                certificate.write_bytes(rubbish)
                told = running.said().count("reload failed")
                running.process.send_signal(signal.SIGHUP)
                wait_until(lambda: running.said().count("reload failed") == told + 1)
                assert serial(running.port, files) == second
            # Nobody writes to a pipe: it is refused, and the next signal is heard.
            key.unlink()
            os.mkfifo(key)
            running.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "no regular file" in running.said())
            assert ask(old, "GET", "/livez")[0] == 200


@pytest.mark.parametrize("certificate, key, word", [
    ("missing", "key", "missing"), ("certificate", "missing", "missing"),
    ("certificate", "other", "key"), ("key", "key", "certificate"), ("certificate", None, "belong"),
    ("certificate", "locked", "locked"),
])
def test_files_that_cannot_be_used(files, tmp_path, certificate, key, word):
    other = Authority(tmp_path, "other").key
    openssl("ec", "-in", files[2], "-aes128", "-passout", "pass:secret", "-out",
            tmp_path / "locked")
    paths = {"certificate": files[1], "key": files[2], "missing": tmp_path / "missing",
             "other": other, "locked": tmp_path / "locked"}
    arguments = ["--tls-certificate", paths[certificate]]
    arguments += ["--tls-key", paths[key]] if key else []
    ended = subprocess.run([BINARY, "--port", "0", "--data-dir", tmp_path / "data", *arguments],
                           capture_output=True, text=True, timeout=60, check=False, stdin=None)
    assert ended.returncode > 0 and ended.stdout == ""
    sentence = ended.stderr.splitlines()[0]
    assert word in sentence and sentence.endswith("."), sentence


def test_readme_commands_work_as_written(tmp_path):
    """In an empty directory, with only the port and the program's place replaced."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    making, asking = (block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
                      if "tls-certificate" in block or "https://" in block)
    make, run = making.split("deploy/run ")
    subprocess.run(["bash", "-euc", make], cwd=tmp_path, check=True, capture_output=True)
    words = shlex.split(run)
    assert words[:4] == ["--port", "8443", "--data-dir", "tls-data"]
    arguments = [tmp_path / word if word.endswith(".pem") else word for word in words[4:]]
    with Server(*arguments, scheme="https") as running:
        here = asking.replace("8443", str(running.port))
        answered = subprocess.run(["bash", "-euc", here], cwd=tmp_path, check=True,
                                  capture_output=True)
        assert answered.stdout == b'{"status":"ok"}'


@pytest.mark.parametrize("more, lacking", [
    ([], "no token"), (["--tokens", "tokens"], None), (["--tls-client-ca", "root.pem"], None),
])
def test_what_opens_the_network(files, tmp_path, more, lacking):
    """TLS and somebody who tells clients apart do, without a warning."""
    (tmp_path / "tokens").write_text("")
    shutil.copy(files[0].certificate, tmp_path / "root.pem")
    arguments = [*options(files), *(tmp_path / word if "-" not in word else word for word in more)]
    process = subprocess.Popen(
        [BINARY, "--host", "0.0.0.0", "--port", "0", "--data-dir", tmp_path / "data", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = process.stdout.readline()
    process.terminate()
    _, said = process.communicate(timeout=60)
    if lacking:
        assert process.returncode > 0 and f"there is {lacking}: give --insecure" in said
    else:
        assert process.returncode == 0 and "https://0.0.0.0:" in first
        assert "warning" not in said
