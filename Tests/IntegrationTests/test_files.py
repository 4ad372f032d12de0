"""README's "Files" and "What survives", held against what the program really writes."""

import hashlib
import os
import re
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, load_file, save

import read_log
from api import API, RAW, SAFETENSORS
from server import BINARY, TOP, Server

F32_RUN, F64_RUN, ABSENT = 0, 1, 255
README = (TOP / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def running(directory):
    with Server("--data-dir", str(directory)) as server:
        yield server


@pytest.fixture
def api(running):
    return API(running.port)


def files(directory, session, pattern):
    return sorted(Path(directory).glob(f"sessions/{session}@1/{pattern}"))


def fingerprint(path, query, media_type, dtype, body):
    """SHA-256 as README tells it: four texts behind their lengths, then the body."""
    digest = hashlib.sha256()
    for text in (path, query, media_type, dtype):
        digest.update(struct.pack("<Q", len(text)) + text.encode())
    digest.update(body)
    return digest.digest()


def test_checksum_of_the_standard():
    assert read_log.crc32c(b"123456789") == 0xE3069283
    assert read_log.crc32c(b"56789", read_log.crc32c(b"1234")) == 0xE3069283


def test_reader_finds_what_a_client_did(api, directory):
    """Every kind of record, read from the file while the service runs."""
    path = "/v1/sessions/run"
    api.create("run", {"w": [[1, 2], [3, 4]], "b": [5, 6]}, nonfinite="skip",
               param_groups=[{"name": "slow", "params": ["b"], "lr": 0.0001}])
    whole = np.arange(1, 7, dtype="<f4")
    answers = [api.post(f"{path}/steps?lr=0.5&loss=0.25", body=whole.tobytes(), type=RAW,
                        headers={"Idempotency-Key": '"k-1"'})]
    wide = np.arange(7, 13, dtype="<f8")
    answers.append(api.post(f"{path}/steps", body=wide.tobytes(), type=RAW,
                            headers={"Tensor-Dtype": "F64", "Accept-Tensor-Dtype": "F32"}))
    part = np.array([0.5, -0.5], "<f4")
    answers.append(api.post(f"{path}/steps", type=SAFETENSORS, body=save(
        {"b": part}, {"options": '{"partial": "skip", "grad_scale": 2}'})))
    lost = np.full(6, np.nan, "<f4")
    answers.append(api.post(f"{path}/steps", body=lost.tobytes(), type=RAW))
    assert [answer.status for answer in answers] == [200] * 4
    assert api.patch(path, json={"optimizer": {"lr": 0.25}}).status == 200
    assert api.put(f"{path}/parameters", json={"parameters": {"w": [[0, 1], [2, 3]]}}).status == 200
    state = api.state("run")
    assert api.put(f"{path}/state", body=state, type=SAFETENSORS).status == 200
    api.step("run", {"w": [[1, 1], [1, 1]], "b": [1, 1]})

    segment, = files(directory, "run", "log-*")
    assert segment.name == "log-00000000000000000000"
    opening, *found = read_log.records(segment.read_bytes())
    assert [(record.kind, record.position, record.generation, record.step) for record in found] == [
        ("step", 1, 1, 1), ("step", 2, 1, 2), ("step", 3, 1, 3), ("skip", 4, 1, 3),
        ("settings", 5, 2, 3), ("parameters", 6, 3, 3), ("state", 7, 4, 3), ("step", 8, 4, 4)]
    assert (opening.kind, opening.position) == ("opening", 0)
    assert opening.detail == struct.pack("<I3sqI", 3, b"run", 1, 8)

    entries = [read_log.step_entry(record.detail) for record in found[:4]]
    for entry, answer in zip(entries, answers):
        assert entry.grad_norm == float(answer.header("Optimizer-Grad-Norm")) or (
            answer.header("Optimizer-Grad-Norm") == "NaN" and np.isnan(entry.grad_norm))
        assert entry.clip_coef == float(answer.header("Optimizer-Clip-Coef"))
    assert (entries[0].loss, entries[0].key) == (0.25, "k-1")
    assert entries[0].fingerprint == fingerprint(
        f"{path}/steps", "lr=0.5&loss=0.25", RAW, "", whole.tobytes())
    assert entries[0].groups == [
        {"lr": 0.5, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0,
         "amsgrad": False, "maximize": False}] * 2
    assert (entries[1].loss, entries[1].key, entries[1].fingerprint) == (None, None, None)
    assert entries[2].grad_scale == 2
    assert [entry.runs for entry in entries] == [
        [(2, F32_RUN)], [(2, F64_RUN)], [(1, F32_RUN), (1, ABSENT)], []]
    assert [record.payload for record in found[:4]] == [
        whole.tobytes(), wide.tobytes(), part.tobytes(), b""]
    assert b'"lr":0.25' in found[4].payload
    assert read_log.tensor_runs(found[5].detail) == [(1, ABSENT), (1, F32_RUN)]
    assert np.frombuffer(found[5].payload, "<f4").tolist() == [0, 1, 2, 3]
    assert found[6].payload == state

    listed = subprocess.run([sys.executable, read_log.__file__, segment], text=True,
                            capture_output=True, check=True).stdout
    assert len(listed.splitlines()) == 10 and " key k-1" in listed and "torn" not in listed


def test_hyperparameters_of_every_type(api, directory):
    """A record says whose they are, unless they are adam's or adamw's."""
    for type, *_ in read_log.TYPES:
        for other, *_ in read_log.TYPES:
            name = f"{type}-{other}"
            made = api.create(name, {"a": [[1]], "b": [[1]]},
                              optimizer={"type": type, "lr": 0.25},
                              param_groups=[{"name": "g", "params": ["b"], "type": other}])
            api.step(name, {"a": [[1]], "b": [[1]]})
            segment, = files(directory, name, "log-*")
            _, step = read_log.records(segment.read_bytes())
            said = []
            for group in made["param_groups"]:
                values = {key: group[key] for key in group
                          if key not in ("name", "params", "type", "lr_schedule")}
                if "betas" in values:
                    values["beta1"], values["beta2"] = values.pop("betas")
                if "ns_coefficients" in values:
                    values |= zip("abc", values.pop("ns_coefficients"), strict=True)
                said.append(values)
            assert read_log.step_entry(step.detail).groups == said


def test_large_records_are_aligned(api, directory):
    """Those of sessions from 256 KiB on, so that they can be written past the page cache."""
    count = 70_000
    api.put("/v1/sessions/large", type=SAFETENSORS, body=save({"w": np.zeros(count, "<f4")}))
    gradient = np.arange(count, dtype="<f4")
    assert api.post("/v1/sessions/large/steps", body=gradient.tobytes(), type=RAW).status == 200
    segment, = files(directory, "large", "log-*")
    opening, step = read_log.records(segment.read_bytes())
    assert struct.unpack("<I", opening.detail[-4:]) == (4096,)
    assert opening.length % 4096 == step.offset % 4096 == step.length % 4096 == 0
    # Behind the head, at the next multiple.
    assert segment.read_bytes()[step.offset + 4096:][:4 * count] == gradient.tobytes()
    assert step.payload == gradient.tobytes()


def test_torn_and_damaged(api, directory):
    api.create("run", {"w": [1, 2, 3]})
    for _ in range(3):
        api.step("run", {"w": [1, 2, 3]})
    segment, = files(directory, "run", "log-*")
    data = segment.read_bytes()
    whole = list(read_log.records(data))
    last = whole[-1]
    assert len(whole) == 4 and last.offset + last.length == len(data)
    for end in range(last.offset, len(data)):
        assert list(read_log.records(data[:end])) == whole[:3]
        # The trailer lies within one sector: it is there or it is not.
        if end <= len(data) - 8:
            zeroed = data[:end].ljust(len(data), b"\0")
            assert list(read_log.records(zeroed)) == whole[:3]
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        with pytest.raises(read_log.Damaged):
            list(read_log.records(bytes(changed)))


def test_snapshot_is_a_safetensors_file(api, directory):
    api.create("run", {"w": [[1, 2], [3, 4]], "b": 5})
    api.step("run", {"w": [[1, 1], [1, 1]], "b": 1})
    answer = api.post("/v1/sessions/run/snapshots").json()
    assert answer == {"session": "run", "step": 1, "position": 1}
    path = files(directory, "run", "snapshot-*")[-1]
    assert path.name == "snapshot-00000000000000000001-1.safetensors"
    tensors = load_file(path)
    content = path.read_bytes()
    assert tensors["ledger/crc32c"].tolist() == [read_log.crc32c(content[:-4])]
    assert tensors["ledger/account"].tobytes()[:7] == struct.pack("<II", 1, 3)[:7]
    state = load(api.state("run"))
    assert state.keys() == tensors.keys() - {"ledger/account", "ledger/crc32c"}
    for name, tensor in state.items():
        assert tensor.tobytes() == tensors[name].tobytes(), name


def check(directory, *arguments):
    return subprocess.run([BINARY, "check", "--data-dir", directory, *arguments], text=True,
                          capture_output=True, timeout=60, check=False)


def test_backup_of_a_running_service(api, directory, tmp_path):
    """Copied as README says, while steps and snapshots go on; every copy starts."""
    api.create("run", {"w": [1, 2, 3]}, retain_steps=1000)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            for _ in range(20):
                api.step("run", {"w": [1, 2, 3]})
            api.post("/v1/sessions/run/snapshots")

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(5):
            copy, checked = back_up(tmp_path / f"copy-{number}", directory)
            assert re.fullmatch(r"run: \d+ snapshots, \d+ records(, \d+ bytes of an unfinished "
                                r"one)?: good\n", checked.stdout)
            with Server("--data-dir", str(copy)) as other:
                found = ready(other)
                step = found.get("/v1/sessions/run").json()["step"]
                assert found.state("run") == api.get(f"/v1/sessions/run/state?step={step}").body
    finally:
        stop.set()
        worker.join()


def back_up(place, directory):
    """Runs README's lines in an empty directory, again where a file has vanished meanwhile."""
    block, = [block for block in re.findall(r"```sh\n(.*?)```", README, re.S)
              if "cp -a" in block]
    home = place / "home"
    (home / ".local/state").mkdir(parents=True)
    (home / ".local/state/optimizerd").symlink_to(directory)
    for attempt in range(10):
        there = place / str(attempt)
        there.mkdir()
        ended = subprocess.run(
            ["bash", "-euc", block.replace("deploy/run", str(BINARY))], cwd=there, text=True,
            env=os.environ | {"HOME": str(home)}, capture_output=True, timeout=60, check=False)
        if ended.returncode == 0:
            return there / "backup", ended
        assert "No such file" in ended.stderr, ended
    raise AssertionError("no copy could be made")


def ready(server):
    found = API(server.port)
    while found.get("/readyz").status != 200:
        pass
    return found


def test_check_and_accepted_loss(api, running, directory):
    api.create("run", {"w": [1, 2, 3]})
    for _ in range(3):
        api.step("run", {"w": [1, 2, 3]})
    assert check(directory).returncode == 2, "in use"
    running.process.kill()
    running.process.wait()
    segment, = files(directory, "run", "log-*")
    data = bytearray(segment.read_bytes())
    data[-40] ^= 1
    segment.write_bytes(data)
    assert check(directory).returncode == 1
    lost = check(directory, "--accept-loss", "run")
    assert (lost.returncode, lost.stdout) == (0, "run: 1 snapshots, 2 records: good\n")
    with Server("--data-dir", str(directory)) as again:
        assert ready(again).get("/v1/sessions/run").json()["step"] == 2


def test_readme_client_steps_once(tmp_path):
    """README's retrying client goes on through kill -9, and every step is taken once."""
    block, = [block for block in re.findall(r"```python\n(.*?)```", README, re.S)
              if "Idempotency-Key" in block]
    names = {}
    exec(block, names)  # pylint: disable=exec-used
    directory = str(tmp_path / "data")
    running = Server("--data-dir", directory)
    port = running.port
    API(port).create("run", {"w": [1, 2, 3]})
    address, ended = f"http://127.0.0.1:{port}", threading.Event()

    def client():
        for number in range(1, 41):
            answer = names["step"](
                "run", f"run-{number}", {"gradients": {"w": [1, 2, 3]}}, address)
            assert answer["step"] == number
        ended.set()

    worker = threading.Thread(target=client)
    worker.start()
    try:
        while not ended.wait(0.05) and worker.is_alive():
            running.process.kill()
            running.process.wait()
            running = Server("--port", str(port), "--data-dir", directory)
        worker.join()
        assert ended.is_set()
        assert ready(running).get("/v1/sessions/run").json()["step"] == 40
    finally:
        running.process.kill()
        running.process.wait()
