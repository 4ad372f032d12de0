"""Every optimizer over the wire: PyTorch's bits, mixed groups, and what a rule has not."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from api import SAFETENSORS
from torchs import torchs_answers
from vectors import cases

README = Path(__file__).resolve().parents[2] / "README.md"
OCTETS = "application/octet-stream"
RULES = {
    "adam": ["lr", "betas", "eps", "weight_decay", "amsgrad"],
    "adamw": ["lr", "betas", "eps", "weight_decay", "amsgrad"],
    "nadam": ["lr", "betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay"],
    "radam": ["lr", "betas", "eps", "weight_decay", "decoupled_weight_decay"],
    "adamax": ["lr", "betas", "eps", "weight_decay"],
    "adagrad": ["lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value"],
    "rmsprop": ["lr", "alpha", "eps", "weight_decay", "momentum", "centered"],
    "adadelta": ["lr", "rho", "eps", "weight_decay"],
    "sgd": ["lr", "momentum", "dampening", "weight_decay", "nesterov"],
    "lion": ["lr", "betas", "weight_decay"],
    "lamb": ["lr", "betas", "eps", "weight_decay"],
    "muon": ["lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps",
             "adjust_lr_fn"],
}
SAMPLES = {
    "lr": 0.5, "betas": [0.5, 0.25], "eps": 0.5, "weight_decay": 0.5, "momentum": 0.5,
    "dampening": 0.5, "alpha": 0.5, "rho": 0.5, "lr_decay": 0.5,
    "initial_accumulator_value": 0.5, "momentum_decay": 0.5, "amsgrad": True, "nesterov": False,
    "centered": True, "decoupled_weight_decay": True, "maximize": True,
    "ns_coefficients": [2, -1.5, 0.5], "ns_steps": 3, "adjust_lr_fn": "match_rms_adamw",
    "lr_schedule": {"type": "exponential", "gamma": 0.5},
}


def step(api, name, gradient, case, number):
    """One step, in another format each time."""
    path = f"/v1/sessions/{name}/steps"
    if number % 2:
        return api.post(path, body=gradient.tobytes(), type=OCTETS)
    rows = gradient.reshape(case.shape).tolist()
    return api.post(path, json={"gradients": {"w": rows}})


@pytest.mark.parametrize("case", cases("optimizers.txt") + cases("muon.txt"),
                         ids=str)
def test_torchs_bits(api, name, case):
    api.create(name, {"w": {"dtype": case.precision.upper(), "shape": case.shape,
                            "data": [float(x) for x in case.start]}}, optimizer=case.optimizer)
    for number, gradient in enumerate(case.gradients()):
        if number == case.steps // 2:
            # Half of it in another session, which knows only the state file.
            state = api.get(f"/v1/sessions/{name}/state").body
            name = f"{name}-on"
            assert api.put(f"/v1/sessions/{name}/state", body=state, type=SAFETENSORS).status == 201
        assert step(api, name, gradient, case, number).status == 200
    state = load(api.get(f"/v1/sessions/{name}/state").body)
    assert state.pop("step/w") == case.steps
    ends = {f"{key}/w": bits for key, bits in case.ends.items()}
    ends["parameters/w"] = ends.pop("param/w")
    assert set(state) == set(ends)
    for key, bits in ends.items():
        assert state[key].tobytes() == bits.tobytes(), key


def as_in_readme(value):
    """A default as README writes it."""
    if isinstance(value, list):
        return ", ".join(as_in_readme(number) for number in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    exponent = re.fullmatch(r"1e-0?(\d+)", f"{value:g}")
    powers = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    return f"10⁻{exponent[1].translate(powers)}" if exponent and value < 1e-4 else f"{value:.12g}"


def test_readme_has_every_default(api, name):
    text = README.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (?:`lr`|the same)(.*)$", text, re.M)
    assert [rule for rule, _ in rows] == list(RULES)
    same = ""
    for rule, row in rows:
        # adamw's row tells what it has otherwise than adam's.
        options = api.create(f"{name}-{rule}", {"w": [[1]]}, optimizer={"type": rule})["optimizer"]
        row = f"`lr`{row}" if rule != "adamw" else row + same
        same = row
        for option in RULES[rule]:
            default = re.search(rf"`{option}` \(([^)]*)\)", row)[1]
            assert default == as_in_readme(options[option]), f"{option} of {rule}"


def test_service_names_them(api):
    assert api.get("/v1").json()["optimizers"] == list(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_description_has_what_the_rule_has(api, name, rule):
    answer = api.create(name, {"w": [[1, 2]]}, optimizer={"type": rule})
    options = ["type", *RULES[rule], "maximize", "lr_schedule"]
    assert list(answer["optimizer"]) == options
    assert list(answer["param_groups"][0]) == ["name", "params", *options]
    # Everything that can be said at creation is said back, and can be changed later.
    values = {key: SAMPLES[key] for key in options[1:]}
    other = api.create(f"{name}-set", {"w": [[1, 2]]}, optimizer={"type": rule} | values)
    shown = {key: other["optimizer"][key] for key in values}
    assert shown == values
    patched = api.patch(f"/v1/sessions/{name}", json={"optimizer": values})
    assert patched.json()["optimizer"] == other["optimizer"]


@pytest.mark.parametrize("rule", RULES)
def test_what_the_rule_has_not_is_refused(api, name, rule):
    known = {*RULES[rule], "maximize", "lr_schedule"}
    api.create(name, {"w": [[1, 2]]}, optimizer={"type": rule})
    before = api.get(f"/v1/sessions/{name}").json()

    def create(document):
        return api.put(f"/v1/sessions/{name}-no", json=document)

    def change(document):
        return api.patch(f"/v1/sessions/{name}", json=document)

    for option in set(SAMPLES) - known:
        value = {option: SAMPLES[option]}
        group = {"name": "g", "params": ["w"]} | value
        plain = {"parameters": {"w": [[1, 2]]}}
        for answer, pointer in [
            (create(plain | {"optimizer": {"type": rule} | value}), "/optimizer"),
            (create(plain | {"optimizer": {"type": rule}, "param_groups": [group]}),
             "/param_groups/0"),
            (create(plain | {"param_groups": [group | {"type": rule}]}), "/param_groups/0"),
            (change({"optimizer": value}), "/optimizer"),
            (change({"param_groups": [{"name": "default"} | value]}), "/param_groups/0"),
        ]:
            problem = answer.json()
            assert answer.status == 422 and problem["code"] == "unknown-member", option
            assert problem["errors"][0]["pointer"] == f"{pointer}/{option}"
            assert rule in problem["errors"][0]["detail"]
    assert api.get(f"/v1/sessions/{name}").json() == before


def test_types_stay(api, name):
    api.create(name, {"w": [1, 2]}, optimizer={"type": "sgd"})
    for change, pointer in [({"optimizer": {"type": "sgd"}}, "/optimizer/type"),
                            ({"param_groups": [{"name": "default", "type": "sgd"}]},
                             "/param_groups/0/type")]:
        problem = api.patch(f"/v1/sessions/{name}", json=change).json()
        assert problem["code"] == "invalid-hyperparameter"
        assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(("options", "place"), [
    ({"nesterov": True}, "/optimizer/momentum"),
    ({"nesterov": True, "momentum": 0.9, "dampening": 0.5}, "/optimizer/dampening"),
])
def test_nesterov_needs_momentum(api, name, options, place):
    problem = api.put(f"/v1/sessions/{name}", json={
        "optimizer": {"type": "sgd"} | options, "parameters": {"w": [1]}}).json()
    assert problem["code"] == "invalid-hyperparameter"
    assert problem["errors"][0]["pointer"] == place


def test_pointers_lead_to_what_the_request_says(api, name):
    """Nesterov's momentum may be inherited, and then be taken away from above."""
    group = {"name": "n", "params": ["w"], "nesterov": True}
    problem = api.put(f"/v1/sessions/{name}", json={
        "optimizer": {"type": "sgd"}, "param_groups": [group],
        "parameters": {"v": [1], "w": [1]}}).json()
    assert problem["errors"][0]["pointer"] == "/param_groups/0/nesterov"
    api.create(name, {"v": [1], "w": [1]}, optimizer={"type": "sgd", "momentum": 0.9},
               param_groups=[group])
    before = api.get(f"/v1/sessions/{name}").json()
    for change, pointer in [
        ({"optimizer": {"momentum": 0}}, "/optimizer/momentum"),
        ({"optimizer": {"dampening": 0.5}}, "/optimizer/dampening"),
        ({"param_groups": [{"name": "n", "momentum": 0}]}, "/param_groups/0/momentum"),
        ({"param_groups": [{"name": "n", "dampening": 1}]}, "/param_groups/0/dampening"),
        ({"optimizer": {"momentum": 0}, "param_groups": [{"name": "n", "nesterov": True}]},
         "/param_groups/0/nesterov"),
    ]:
        answer = api.patch(f"/v1/sessions/{name}", json=change)
        problem = answer.json()
        assert answer.status == 422 and problem["errors"][0]["pointer"] == pointer
        assert ('group "n"' in problem["errors"][0]["detail"]) == ("param_groups" not in change)
    assert api.get(f"/v1/sessions/{name}").json() == before


def test_sums_start_from_finite_numbers(api, name):
    problem = api.put(f"/v1/sessions/{name}", json={
        "optimizer": {"type": "adagrad", "initial_accumulator_value": 1e39},
        "parameters": {"w": [1, 2]}}).json()
    assert problem["errors"][0]["pointer"] == "/optimizer/initial_accumulator_value"


def test_sums_start_at_creation_alone(api, name):
    api.create(name, {"w": [1, 2]}, optimizer={"type": "adagrad", "initial_accumulator_value": 2})
    change = {"optimizer": {"initial_accumulator_value": 5}}
    assert api.patch(f"/v1/sessions/{name}", json=change).status == 200
    state = load(api.get(f"/v1/sessions/{name}/state").body)
    assert state["sum/w"].tolist() == [2, 2]


def test_mixed_groups(api, name):
    """Each group is a session of its own rule."""
    groups = {"e": {"type": "sgd", "lr": 0.1, "momentum": 0.9}, "n": {"type": "nadam"},
              "r": {"type": "rmsprop", "momentum": 0.5, "centered": True},
              "u": {"type": "muon", "lr": 0.1}}
    own = {"type": "adamw", "lr": 0.01, "amsgrad": True}
    start = {key: [[1.0, -2.0], [0.5, 4.0]] for key in ["e", "n", "r", "u", "w"]}
    answer = api.put(f"/v1/sessions/{name}", json={
        "optimizer": own, "parameters": start,
        "param_groups": [{"name": key, "params": [key]} | options
                         for key, options in groups.items()]})
    assert answer.status == 201
    types = {group["name"]: group["type"] for group in answer.json()["param_groups"]}
    assert types == {"default": "adamw", "e": "sgd", "n": "nadam", "r": "rmsprop",
                     "u": "muon"}
    for key, options in (groups | {"w": own}).items():
        api.create(f"{name}-{key}", {key: start[key]}, optimizer=options)
    random = np.random.default_rng(3)

    def stepped(session, gradients):
        return api.post(f"/v1/sessions/{session}/steps", json={"gradients": gradients}).json()

    for _ in range(6):
        gradients = {key: random.normal(size=(2, 2)).tolist() for key in start}
        together = stepped(name, gradients)
        for key in start:
            alone = stepped(f"{name}-{key}", {key: gradients[key]})
            assert together["parameters"][key] == alone["parameters"][key], key
    state = load(api.get(f"/v1/sessions/{name}/state").body)
    for key in start:
        mine = load(api.get(f"/v1/sessions/{name}-{key}/state").body)
        for tensor, values in mine.items():
            assert state.pop(tensor).tobytes() == values.tobytes(), tensor
    assert not state


LIVE = '''
import json, sys, numpy, torch
torch.set_num_threads(1)
for line in sys.stdin:
    run = json.loads(line)
    start = numpy.array(run["start"])
    p = torch.nn.Parameter(torch.tensor(start, dtype=getattr(torch, run["dtype"])))
    options = run["options"]
    if "betas" in options:
        options["betas"] = tuple(options["betas"])
    optimizer = getattr(torch.optim, run["kind"])([p], **options)
    for gradient in run["gradients"]:
        p.grad = torch.tensor(gradient, dtype=p.dtype)
        optimizer.step()
    state = {key: value.tolist() for key, value in optimizer.state[p].items() if value is not None}
    print(json.dumps({"parameters": p.tolist(), "state": state}))
'''
KINDS = {"adam": "Adam", "adamw": "AdamW", "nadam": "NAdam", "radam": "RAdam", "adamax": "Adamax",
         "adagrad": "Adagrad", "rmsprop": "RMSprop", "adadelta": "Adadelta", "sgd": "SGD"}


def random_options(random, rule):
    """Options of a rule as a user may choose them, some left to their default."""
    options = {}
    for option in [*RULES[rule], "maximize"]:
        if random.random() < 0.4:
            continue
        if option == "lr":
            options[option] = float(10 ** random.uniform(-4, -1))
        elif option == "betas":
            options[option] = [float(random.uniform(0, 0.95)), float(random.uniform(0.5, 0.999))]
        elif option == "eps":
            options[option] = float(10 ** random.uniform(-8, -2))
        elif isinstance(SAMPLES[option], bool):
            options[option] = bool(random.random() < 0.5)
        else:
            options[option] = float(random.uniform(0.05, 0.95))
    if options.get("nesterov"):
        options |= {"momentum": options.get("momentum", 0.5), "dampening": 0.0}
    return options


def test_live_torch_agrees(api, name):
    """Random options against the torch that is installed here, if any, at DESIGN's tolerances."""
    random = np.random.default_rng(24)
    runs = []
    for rule, kind in KINDS.items():
        for turn in range(24):
            dtype = ["float32", "float64"][turn % 2]
            real = np.dtype(dtype)
            runs.append({
                "rule": rule, "kind": kind, "dtype": dtype, "options": random_options(random, rule),
                "start": random.normal(size=7).astype(real).tolist(),
                "gradients": random.normal(size=(40, 7)).astype(real).tolist()})
    for number, (run, theirs) in enumerate(zip(runs, torchs_answers(LIVE, runs), strict=True)):
        session = f"{name}-{number}"
        dtype = {"float32": "F32", "float64": "F64"}[run["dtype"]]
        api.create(session, {"w": {"dtype": dtype, "shape": [7], "data": run["start"]}},
                   optimizer={"type": run["rule"]} | run["options"])
        for gradient in run["gradients"]:
            answer = api.post(f"/v1/sessions/{session}/steps", json={"gradients": {"w": gradient}})
            assert answer.status == 200
        state = load(api.get(f"/v1/sessions/{session}/state").body)
        # PyTorch keeps NAdam's product in F32.
        exact = 1e-12 if run["rule"] != "nadam" else 1e-6
        bound = 2e-5 if dtype == "F32" else exact
        for key, values in [("parameters", theirs["parameters"]), *theirs["state"].items()]:
            np.testing.assert_allclose(
                state[f"{key}/w"], values, rtol=bound, atol=bound, err_msg=f"{key} of {run}")
