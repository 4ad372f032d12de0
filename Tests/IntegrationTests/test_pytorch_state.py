"""README's lines that turn a state file into PyTorch's optimizer and back, run as written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from api import SAFETENSORS

README = Path(__file__).resolve().parents[2] / "README.md"
SHAPES = {"b": (2,), "w": (2, 3)}
SCRIPT = '''
import sys, torch
import numpy as np
into_torch, back = sys.stdin.read().split("-----")
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        for name, shape in {shapes}.items():
            self.register_parameter(name, torch.nn.Parameter(torch.zeros(shape)))
model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=0.05, amsgrad={amsgrad}, fused=True)
exec(into_torch)
for gradients in np.load("gradients.npz").values():
    flat = torch.from_numpy(gradients)
    for name, p in model.named_parameters():
        p.grad, flat = flat[:p.numel()].reshape(p.shape).clone(), flat[p.numel():]
    optimizer.step()
exec(back)
'''


def raw_steps(api, name, rows):
    for row in rows:
        answer = api.post(f"/v1/sessions/{name}/steps", body=row.tobytes(),
                          type="application/octet-stream")
        assert answer.status == 200


@pytest.mark.parametrize("amsgrad", [False, True])
def test_readme_lines(api, name, tmp_path, amsgrad):
    python = os.environ.get("TORCH_PYTHON") or sys.executable
    needs = [python, "-c", "import numpy, torch, safetensors"]
    if subprocess.run(needs, capture_output=True, check=False).returncode:
        pytest.skip("no torch here; TORCH_PYTHON may name an interpreter that has it")
    blocks = [block for block in re.findall(
        r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
        if "optimizer.state" in block]
    assert len(blocks) == 2
    rows = np.random.default_rng(7).standard_normal((9, 8)).astype(np.float32)
    api.create(name, {key: np.zeros(shape).tolist() for key, shape in SHAPES.items()},
               optimizer={"lr": 0.05, "amsgrad": amsgrad})
    raw_steps(api, name, rows[:5])

    (tmp_path / "run.safetensors").write_bytes(api.get(f"/v1/sessions/{name}/state").body)
    np.savez(tmp_path / "gradients.npz", *rows[5:])
    subprocess.run([python, "-c", SCRIPT.format(shapes=SHAPES, amsgrad=amsgrad)],
                   input="-----".join(blocks), text=True, cwd=tmp_path, check=True, timeout=300,
                   env=os.environ | {"ATEN_CPU_CAPABILITY": "default"})
    theirs = (tmp_path / "run.safetensors").read_bytes()

    raw_steps(api, name, rows[5:])
    ours = load(api.get(f"/v1/sessions/{name}/state").body)
    for key, tensor in load(theirs).items():
        assert tensor.tobytes() == ours[key].tobytes(), key
    imported = api.put(f"/v1/sessions/{name}/state", body=theirs, type=SAFETENSORS)
    assert imported.status == 200 and imported.json()["step"] == 9
