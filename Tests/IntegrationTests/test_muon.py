"""Muon over the wire: what it is for, its options, and PyTorch's own."""

import numpy as np
import pytest

from torchs import torchs_answers

MUON = '''
import json, sys, numpy, torch
from torch.optim import _muon
torch.set_num_threads(1)
exact = _muon._zeropower_via_newtonschulz
def single(grad, ns_coefficients, ns_steps, eps):
    a, b, c = ns_coefficients
    x = grad.float()
    x = x.T if grad.shape[0] > grad.shape[1] else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(ns_steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if grad.shape[0] > grad.shape[1] else x
for line in sys.stdin:
    run = json.loads(line)
    # PyTorch's own is in BF16.
    _muon._zeropower_via_newtonschulz = exact if run["bf16"] else single
    p = torch.nn.Parameter(torch.tensor(run["start"], dtype=getattr(torch, run["dtype"])))
    optimizer = torch.optim.Muon([p], **run["options"])
    for gradient in run["gradients"]:
        p.grad = torch.tensor(gradient, dtype=p.dtype)
        optimizer.step()
    print(json.dumps(p.tolist()))
'''


@pytest.mark.parametrize(("document", "pointer"), [
    ({"optimizer": {"type": "muon"}}, "/optimizer/type"),
    ({"optimizer": {"type": "muon"},
      "param_groups": [{"name": "g", "params": ["w", "b"], "lr": 1}]}, "/param_groups/0/type"),
    ({"param_groups": [{"name": "h", "params": ["w"]},
                       {"name": "g", "params": ["b"], "type": "muon"}]}, "/param_groups/1/type"),
    ({"param_groups": [{"name": "default", "params": [], "type": "muon"}]},
     "/param_groups/0/type"),
])
def test_muon_is_for_matrices(api, name, document, pointer):
    parameters = {"w": [[1, 2]], "b": [1, 2]}
    answer = api.put(f"/v1/sessions/{name}", json=document | {"parameters": parameters})
    problem = answer.json()
    assert answer.status == 422 and problem["code"] == "invalid-hyperparameter"
    assert problem["errors"][0]["pointer"] == pointer
    assert '"b"' in problem["errors"][0]["detail"]
    rest = [{"name": "default", "params": [], "type": "adamw"},
            {"name": "m", "params": ["w"], "type": "muon"}]
    made = api.create(name, parameters, optimizer={"type": "muon"}, param_groups=rest)
    assert [group["type"] for group in made["param_groups"]] == ["adamw", "muon"]


@pytest.mark.parametrize(("options", "pointer", "code"), [
    ({"ns_steps": 100}, "ns_steps", "invalid-hyperparameter"),
    ({"ns_steps": 1.5}, "ns_steps", "invalid-hyperparameter"),
    ({"ns_steps": -1}, "ns_steps", "invalid-hyperparameter"),
    ({"ns_coefficients": [1, 1e39, 1]}, "ns_coefficients/1", "invalid-hyperparameter"),
    ({"ns_coefficients": [1, 1]}, "ns_coefficients", "invalid-value"),
    ({"adjust_lr_fn": "none"}, "adjust_lr_fn", "invalid-value"),
    ({"adjust_lr_fn": 1}, "adjust_lr_fn", "invalid-value"),
])
def test_muons_options_are_judged(api, name, options, pointer, code):
    answer = api.put(f"/v1/sessions/{name}", json={
        "optimizer": {"type": "muon"} | options, "parameters": {"w": [[1]]}})
    problem = answer.json()
    assert answer.status == 422 and problem["code"] == code
    assert problem["errors"][0]["pointer"] == f"/optimizer/{pointer}"


def test_null_is_torchs_none(api, name):
    options = {"type": "muon", "adjust_lr_fn": None}
    assert api.create(name, {"w": [[1]]}, optimizer=options)["optimizer"]["adjust_lr_fn"] == \
        "original"
    change = {"optimizer": {"adjust_lr_fn": "spectral_unclamped"}}
    assert api.patch(f"/v1/sessions/{name}", json=change).status == 200
    again = api.patch(f"/v1/sessions/{name}", json={"optimizer": {"adjust_lr_fn": None}}).json()
    assert again["optimizer"]["adjust_lr_fn"] == "original"


def test_live_torch_agrees_on_matrices(api, name):
    """Muon with PyTorch's function in F32, and to the digits of BF16 with the one it has."""
    random = np.random.default_rng(25)
    runs = []
    for number, (rows, columns) in enumerate([(4, 9), (30, 20), (1, 5), (17, 17), (300, 8)] * 4):
        options = {"lr": 0.02, "weight_decay": float(random.uniform(0, 0.2)),
                   "momentum": float(random.uniform(0.3, 0.95)), "nesterov": number % 3 > 0,
                   "adjust_lr_fn": [None, "match_rms_adamw"][number % 2]}
        shape = (rows, columns)
        runs.append({
            "bf16": number >= 10, "dtype": ["float32", "float64"][number // 5 % 2],
            "options": options, "start": random.normal(size=shape).tolist(),
            "gradients": random.normal(size=(6, *shape)).tolist()})
    for number, (run, theirs) in enumerate(zip(runs, torchs_answers(MUON, runs), strict=True)):
        session = f"{name}-{number}"
        start = np.array(run["start"])
        dtype = {"float32": "F32", "float64": "F64"}[run["dtype"]]
        tensor = {"dtype": dtype, "shape": start.shape, "data": start.flatten().tolist()}
        api.create(session, {"w": tensor}, optimizer={"type": "muon"} | run["options"])
        for gradient in run["gradients"]:
            api.post(f"/v1/sessions/{session}/steps", json={"gradients": {"w": gradient}})
        ours = np.array(api.get(f"/v1/sessions/{session}/parameters").json()["parameters"]["w"])
        # Six updates; each entry of one is at most 1 times the adjusted rate.
        rate = 0.02 * (0.2 * max(start.shape) ** 0.5 if run["options"]["adjust_lr_fn"]
                       else max(1, start.shape[0] / start.shape[1]) ** 0.5)
        bound = 6 * rate * (0.03 if run["bf16"] else 1e-4)
        assert abs(ours - np.array(theirs)).max() < bound, run["options"]
