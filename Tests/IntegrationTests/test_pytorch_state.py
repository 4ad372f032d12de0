"""README's lines that turn a state file into PyTorch's optimizer and back, run as written."""

import json
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
MATRICES = {"b": (1, 2), "w": (2, 3)}
SCRIPT = '''
import json, sys, torch
import numpy as np
# PyTorch's vector library rounds square roots as it likes; with these, equal bits can be asked for.
torch.Tensor.sqrt = lambda tensor: torch.from_numpy(np.sqrt(tensor.detach().numpy()))
torch.Tensor.sqrt_ = lambda tensor: tensor.copy_(tensor.sqrt())
into_torch, back = sys.stdin.read().split("-----")
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        for name, shape in {shapes}.items():
            self.register_parameter(name, torch.nn.Parameter(torch.zeros(shape)))
model = Model()
optimizer = torch.optim.{kind}(model.parameters(), **json.loads('{options}'))
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


OPTIMIZERS = [
    ("Adam", {"fused": True}), ("Adam", {"amsgrad": True, "fused": True}),
    ("AdamW", {"fused": True}), ("NAdam", {}), ("RAdam", {}), ("Adamax", {}),
    ("Adagrad", {"initial_accumulator_value": 0.5}), ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5, "centered": True}), ("Adadelta", {}),
    ("SGD", {}), ("SGD", {"momentum": 0.5, "nesterov": True}), ("Muon", {"ns_steps": 3}),
]


@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS)
def test_readme_lines(api, name, tmp_path, kind, options):
    python = os.environ.get("TORCH_PYTHON") or sys.executable
    needs = [python, "-c", "import numpy, torch, safetensors"]
    if subprocess.run(needs, capture_output=True, check=False).returncode:
        pytest.skip("no torch here; TORCH_PYTHON may name an interpreter that has it")
    blocks = [block for block in re.findall(
        r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
        if "optimizer.state" in block]
    assert len(blocks) == 2
    shapes = MATRICES if kind == "Muon" else SHAPES
    rows = np.random.default_rng(7).standard_normal((9, 8)).astype(np.float32)
    ours = {key: value for key, value in options.items() if key != "fused"}
    api.create(name, {key: np.zeros(shape).tolist() for key, shape in shapes.items()},
               optimizer={"type": kind.lower(), "lr": 0.05} | ours)
    raw_steps(api, name, rows[:5])

    (tmp_path / "run.safetensors").write_bytes(api.get(f"/v1/sessions/{name}/state").body)
    np.savez(tmp_path / "gradients.npz", *rows[5:])
    # One tensor at a time, which is the form whose bits are committed.
    single = {} if "fused" in options or kind == "Muon" else {"foreach": False}
    chosen = json.dumps({"lr": 0.05} | single | options)
    script = SCRIPT.format(shapes=shapes, kind=kind, options=chosen)
    subprocess.run([python, "-c", script],
                   input="-----".join(blocks), text=True, cwd=tmp_path, check=True, timeout=300,
                   env=os.environ | {"ATEN_CPU_CAPABILITY": "default"})
    theirs = (tmp_path / "run.safetensors").read_bytes()

    raw_steps(api, name, rows[5:])
    ours = load(api.get(f"/v1/sessions/{name}/state").body)
    counted = kind not in ("SGD", "Muon")
    for key, tensor in load(theirs).items():
        if kind == "Muon" and key.startswith("parameters/"):
            # PyTorch orthogonalizes in BF16.
            np.testing.assert_allclose(tensor, ours[key], atol=0.05 * 4 * 0.03, err_msg=key)
        elif counted or not key.startswith("step/"):
            assert tensor.tobytes() == ours[key].tobytes(), key
    assert set(load(theirs)) == set(ours)
    imported = api.put(f"/v1/sessions/{name}/state", body=theirs, type=SAFETENSORS)
    assert imported.status == 200 and imported.json()["step"] == (9 if counted else 5)
