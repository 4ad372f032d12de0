"""curl as the peer: what people type works as typed."""

import json
import re
import struct
import subprocess

import pytest

from server import TOP


def curl(*arguments, data=None):
    """curl's output and its -w line: (body, status code)."""
    ended = subprocess.run(
        ["curl", "-sS", "--max-time", "30", "-w", "\n%{http_code}", *arguments],
        input=data, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    body, _, status = ended.stdout.rpartition(b"\n")
    return body, int(status)


@pytest.fixture
def base(server):
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture
def steps(base, session):
    return f"{base}/v1/sessions/{session}/steps"


def test_json_step(steps):
    body, status = curl(steps, "-H", "Content-Type: application/json", "-d",
                        '{"gradients": {"w": [[1, 2], [3, 4]], "b": [0.1, -0.1]}, "loss": 0.69}')
    assert status == 200
    assert json.loads(body)["step"] == 2


def test_json_flag(steps):
    _, status = curl("--json", '{"gradients": {"w": [[1, 2], [3, 4]], "b": [0, 0]}}', steps)
    assert status == 200


def test_forms_default_is_refused_with_the_header_to_add(steps):
    body, status = curl(steps, "-d", '{"gradients": {}}')
    assert status == 415
    assert "Content-Type: application/json" in json.loads(body)["detail"]


def test_raw_body_from_a_file(steps, tmp_path):
    path = tmp_path / "gradients.bin"
    path.write_bytes(struct.pack("<6f", *range(6)))
    body, status = curl(steps, "-H", "Content-Type: application/octet-stream",
                        "--data-binary", f"@{path}")
    assert (status, len(body)) == (200, 24)


def test_upload_of_unknown_length_is_chunked(steps):
    """-T - sends a pipe in chunks."""
    body, status = curl("-T", "-", "-X", "POST", steps, "-H",
                        "Content-Type: application/octet-stream", data=bytes(24))
    assert (status, len(body)) == (200, 24)


def test_state_round_trip_with_upload(base, session, tmp_path):
    path = tmp_path / "state.safetensors"
    _, status = curl("-o", str(path), f"{base}/v1/sessions/{session}/state")
    assert status == 200
    body, status = curl("-T", str(path), "-H", "Content-Type: application/safetensors",
                        f"{base}/v1/sessions/{session}/state")
    assert status == 200
    assert json.loads(body)["generation"] == 2


def test_head_and_failing(base, session):
    head, status = curl("-I", f"{base}/v1/sessions/{session}")
    assert status == 200 and b'etag: "1-1"' in head.lower()
    ended = subprocess.run(["curl", "-sS", "--fail", f"{base}/v1/sessions/nobody"],
                           capture_output=True, check=False)
    assert ended.returncode == 22


def test_two_requests_on_one_connection(base):
    ended = subprocess.run(["curl", "-sS", "-v", f"{base}/livez", f"{base}/readyz"],
                           capture_output=True, text=True, check=True)
    assert "Re-using existing connection" in ended.stderr


def readme_blocks():
    """README's shell blocks that use curl, in their order; those with TLS and with tokens are run
    by test_tls_files and test_token_command."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL)
    return [block for block in blocks if re.search(r"^curl ", block, re.MULTILINE)
            and "https://" not in block and "Bearer" not in block]


def test_readme_commands_work_as_written(base, tmp_path, api):
    """In README's order, in an empty directory, with only the port replaced."""
    blocks = readme_blocks()
    assert len(blocks) >= 3
    before = {entry["name"] for entry in api.get("/v1/sessions").json()["sessions"]}
    failing = 'curl() { command curl --fail-with-body "$@"; echo; }\n'
    try:
        for block in blocks:
            here = re.sub(r"(?:localhost|127\.0\.0\.1):8080", base.removeprefix("http://"), block)
            ended = subprocess.run(["bash", "-euo", "pipefail", "-c", failing + here],
                                   cwd=tmp_path, capture_output=True, text=True, timeout=60,
                                   check=False)
            assert ended.returncode == 0, f"{here}\n{ended.stdout}\n{ended.stderr}"
    finally:
        after = {entry["name"] for entry in api.get("/v1/sessions").json()["sessions"]}
        for name in after - before:
            api.delete(f"/v1/sessions/{name}")
