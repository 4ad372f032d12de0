"""Clipping by value and by other norms, and norms of single tensors."""

import json

import numpy as np
import pytest
from safetensors.numpy import save

from api import RAW, SAFETENSORS
from torchs import torchs_answers

START = {"w": [[0.5, -1, 2], [0.25, 3, -4]], "b": [1.5, -0.5]}
GRADIENTS = {"w": [[3, -4, 0.5], [12, 0, -1]], "b": [0.25, -6]}
FLAT = np.array([*GRADIENTS["b"], *np.ravel(GRADIENTS["w"])], np.float32)
NORMS = {1: 1, 2: 2, 3: 3, "inf": np.inf}


def steps_like(api, name, gradients, **members):
    """A step with these options moves like a plain one with those gradients."""
    api.create(name, START, optimizer={"type": "sgd", "lr": 1})
    api.create(f"{name}-twin", START, optimizer={"type": "sgd", "lr": 1})
    answer = api.step(name, GRADIENTS, **members)
    api.post(f"/v1/sessions/{name}-twin/steps", body=gradients.astype(np.float32).tobytes(),
             type=RAW)
    assert api.parameters(name) == api.parameters(f"{name}-twin")
    return answer


@pytest.mark.parametrize("norm", NORMS)
def test_norms(api, name, norm):
    size = np.linalg.norm(FLAT.astype(float), NORMS[norm])
    coefficient = 2 / (size + 1e-6)
    answer = steps_like(api, name, FLAT * np.float32(coefficient), norm_type=norm, max_grad_norm=2)
    assert answer["grad_norm"] == pytest.approx(size, rel=1e-14)
    assert answer["clip_coef"] == pytest.approx(coefficient, rel=1e-14)


def test_values(api, name):
    answer = steps_like(api, name, FLAT.clip(-2.5, 2.5), clip_value=2.5)
    assert answer["clip_coef"] == 1
    assert answer["grad_norm"] == pytest.approx(np.linalg.norm(FLAT))


def test_values_come_after_the_norm(api, name):
    coefficient = np.float32(7 / (np.linalg.norm(FLAT.astype(float)) + 1e-6))
    steps_like(api, name, (FLAT * coefficient).clip(-1, 1), max_grad_norm=7, clip_value=1)


def test_session_says_so(api, name):
    """For every step, until one or a patch says otherwise."""
    settings = {"norm_type": "inf", "clip_value": 0.5, "max_grad_norm": 3}
    made = api.create(name, START, **settings)
    assert {key: made[key] for key in settings} == settings
    place = f"/v1/sessions/{name}"
    assert api.step(name, GRADIENTS)["grad_norm"] == 12
    raw = api.post(f"{place}/steps?norm_type=1&clip_value=null", body=FLAT.tobytes(), type=RAW)
    assert float(raw.header("Optimizer-Grad-Norm")) == np.abs(FLAT).sum()
    options = {"options": json.dumps({"norm_type": 3})}
    file = save({key: np.array(value, np.float32) for key, value in GRADIENTS.items()}, options)
    cubed = api.post(f"{place}/steps", body=file, type=SAFETENSORS)
    assert float(cubed.header("Optimizer-Grad-Norm")) == pytest.approx(
        (np.abs(FLAT.astype(float)) ** 3).sum() ** (1 / 3))
    state = api.state(name)
    moved = api.put(f"{place}-on/state", body=state, type=SAFETENSORS).json()
    assert {key: moved[key] for key in settings} == settings
    change = {"norm_type": 2, "clip_value": None, "max_grad_norm": None}
    patched = api.patch(place, json=change).json()
    assert {key: patched[key] for key in settings} == change
    assert api.put(place, json={"parameters": START} | settings).status == 200
    other = api.put(place, json={"parameters": START} | settings | {"norm_type": 1})
    assert other.status == 409 and "norm_type" in other.json()["detail"]


def test_it_is_replayed(lives):
    api = lives.api
    api.create("run", START, clip_value=0.5)
    api.create("twin", START, clip_value=0.5, durability="none")
    for session in ("run", "twin"):
        api.step(session, GRADIENTS)
        api.step(session, GRADIENTS, clip_value=0.125, norm_type="inf", max_grad_norm=4)
        api.patch(f"/v1/sessions/{session}", json={"norm_type": 3})
        api.step(session, GRADIENTS, clip_value=None, max_grad_norm=1)
    before = api.state("twin")
    assert api.state("run") == before
    api = lives.kill_and_start()
    assert api.state("run") == before


@pytest.mark.parametrize(("options", "pointer", "code"), [
    ({"norm_type": 4}, "/norm_type", "invalid-hyperparameter"),
    ({"norm_type": 0}, "/norm_type", "invalid-hyperparameter"),
    ({"norm_type": "2"}, "/norm_type", "invalid-hyperparameter"),
    ({"norm_type": None}, "/norm_type", "invalid-hyperparameter"),
    ({"clip_value": -1}, "/clip_value", "invalid-hyperparameter"),
    ({"clip_value": "1"}, "/clip_value", "invalid-value"),
])
def test_refusals(api, name, options, pointer, code):
    place = f"/v1/sessions/{name}"
    refused = api.put(place, json={"parameters": START} | options).json()
    assert refused["code"] == code and refused["errors"][0]["pointer"] == pointer
    api.create(name, START)
    with api.unchanged(name):
        for answer in (api.patch(place, json=options),
                       api.post(f"{place}/steps", json={"gradients": GRADIENTS} | options)):
            problem = answer.json()
            assert problem["code"] == code and problem["errors"][0]["pointer"] == pointer


def test_norms_of_tensors(api, name):
    api.create(name, START)
    place = f"/v1/sessions/{name}/steps?norms=tensor"
    told = api.post(place, json={"gradients": GRADIENTS, "grad_scale": 2}).json()
    assert list(told["grad_norms"]) == ["b", "w"]
    for key, norm in told["grad_norms"].items():
        assert norm == pytest.approx(np.linalg.norm(np.ravel(GRADIENTS[key])) / 2, rel=1e-14)
    part = api.post(place, json={"gradients": {"b": [3, -4]}, "partial": "skip",
                                 "norm_type": 1}).json()
    assert part["grad_norms"] == {"b": 7} and part["grad_norm"] == 7
    raw = api.post(f"{place}&norm_type=inf", body=FLAT.tobytes(), type=RAW,
                   headers={"Accept": "application/json", "Idempotency-Key": "k"})
    assert raw.json()["grad_norms"] == {"b": 6, "w": 12}
    again = api.post(f"{place}&norm_type=inf", body=FLAT.tobytes(), type=RAW,
                     headers={"Accept": "application/json", "Idempotency-Key": "k"})
    assert again.json()["grad_norms"] is None
    skipped = api.post(place, json={"gradients": GRADIENTS | {"b": [1e39, 1]},
                                    "nonfinite": "skip"}).json()
    assert skipped["grad_norms"]["b"] == "Infinity" and not skipped["applied"]
    # Binary answers have no place for them.
    for headers in ({}, {"Accept": "application/json", "Prefer": "return=minimal"}):
        refused = api.post(place, body=FLAT.tobytes(), type=RAW, headers=headers)
        assert refused.status == 422 and refused.json()["errors"][0]["pointer"] == "/norms"
    wrong = api.post(f"/v1/sessions/{name}/steps?norms=all", json={"gradients": GRADIENTS})
    assert wrong.status == 422 and wrong.json()["errors"][0]["pointer"] == "/norms"


TORCH = """
import json, sys, torch
for line in sys.stdin:
    run = json.loads(line)
    p = torch.nn.Parameter(torch.tensor(run["start"]))
    q = torch.nn.Parameter(torch.tensor(run["more"]))
    optimizer = torch.optim.Adam([p, q], lr=0.1)
    norms = []
    for gradient, other in run["gradients"]:
        p.grad, q.grad = torch.tensor(gradient), torch.tensor(other)
        if run["norm"]:
            norms.append(torch.nn.utils.clip_grad_norm_(
                [p, q], run["bound"], norm_type=float(run["norm"])).item())
        else:
            torch.nn.utils.clip_grad_value_([p, q], run["bound"])
        optimizer.step()
    print(json.dumps([p.tolist(), q.tolist(), norms]))
"""


def test_live_torch_agrees(api, name):
    random = np.random.default_rng(26)
    runs = [{"norm": norm, "bound": 0.7, "start": random.normal(size=7).tolist(),
             "more": random.normal(size=5).tolist(),
             "gradients": [(random.normal(size=7).tolist(), random.normal(size=5).tolist())
                           for _ in range(20)]}
            for norm in [*NORMS, None]]
    for number, (run, theirs) in enumerate(zip(runs, torchs_answers(TORCH, runs), strict=True)):
        session = f"{name}-{number}"
        options = ({"norm_type": run["norm"], "max_grad_norm": 0.7} if run["norm"]
                   else {"clip_value": 0.7})
        api.create(session, {"p": run["start"], "q": run["more"]}, optimizer={"lr": 0.1},
                   **options)
        norms = [api.step(session, {"p": gradient, "q": other})["grad_norm"]
                 for gradient, other in run["gradients"]]
        ours = api.parameters(session)
        np.testing.assert_allclose(ours["p"], theirs[0], atol=2e-5)
        np.testing.assert_allclose(ours["q"], theirs[1], atol=2e-5)
        if run["norm"]:
            np.testing.assert_allclose(norms, theirs[2], rtol=1e-5)
