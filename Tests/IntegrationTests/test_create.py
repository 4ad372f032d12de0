"""PUT /v1/sessions/{name}: creation, its defaults, its repetition."""

import numpy as np
import pytest
from safetensors.numpy import save

from api import SAFETENSORS, assert_problem
from server import Server
from wire import Connection, request_bytes

W = [[0.1, 0.2], [0.3, 0.4]]


def test_defaults_are_those_of_the_contract(api, name):
    description = api.create(name, {"w": W, "b": [0, 0]})
    optimizer = description["optimizer"]
    assert optimizer == {"type": "adam", "lr": 0.001, "betas": [0.9, 0.999], "eps": 1e-8,
                         "weight_decay": 0, "amsgrad": False, "maximize": False,
                         "lr_schedule": None}
    assert description["next_lr"] == {"default": 0.001}
    assert description["session"] == name
    assert (description["generation"], description["step"], description["skipped"]) == (1, 0, 0)
    assert description["max_grad_norm"] is None
    assert description["nonfinite"] == "reject"
    assert (description["durability"], description["retain_steps"]) == ("log", None)
    assert description["dtype"] == "F32"
    assert (description["parameters"], description["bytes"]) == (6, 24)
    assert description["layout"] == [
        {"name": "b", "dtype": "F32", "shape": [2], "offset": 0},
        {"name": "w", "dtype": "F32", "shape": [2, 2], "offset": 8}]
    groups = description["param_groups"]
    assert [group["name"] for group in groups] == ["default"]
    assert sorted(groups[0]["params"]) == ["b", "w"]


def test_created_answer_names_its_place_and_version(api, name):
    response = api.put(f"/v1/sessions/{name}", json={"parameters": {"w": W}})
    assert response.status == 201
    assert response.header("Location") == f"/v1/sessions/{name}"
    assert response.header("ETag") == '"1-0"'


def test_adamw_decays_by_default(api, name):
    description = api.create(name, {"w": W}, optimizer={"type": "adamw"})
    assert description["optimizer"]["weight_decay"] == 0.01


def test_groups_inherit_what_they_do_not_override(api, name):
    description = api.create(
        name, {"w": W, "b": [0, 0], "c": 1},
        optimizer={"lr": 0.5, "eps": 1e-6, "amsgrad": True},
        param_groups=[{"name": "slow", "params": ["b"], "lr": 0.25, "betas": [0.5, 0.75]},
                      {"name": "decayed", "params": ["c"], "weight_decay": 0.125}])
    groups = {group["name"]: group for group in description["param_groups"]}
    assert set(groups) == {"slow", "decayed", "default"}
    assert groups["slow"]["params"] == ["b"]
    assert (groups["slow"]["lr"], groups["slow"]["betas"]) == (0.25, [0.5, 0.75])
    assert (groups["slow"]["eps"], groups["slow"]["amsgrad"]) == (1e-6, True)
    assert (groups["decayed"]["lr"], groups["decayed"]["weight_decay"]) == (0.5, 0.125)
    assert groups["default"]["params"] == ["w"]


def test_default_group_may_be_written_out(api, name):
    description = api.create(
        name, {"w": W, "b": [0, 0]},
        param_groups=[{"name": "default", "params": ["w"], "lr": 0.5}])
    groups = {group["name"]: group for group in description["param_groups"]}
    assert set(groups["default"]["params"]) == {"w", "b"}
    assert groups["default"]["lr"] == 0.5


@pytest.mark.parametrize("tensor, shape", [
    (1.5, []), ([], [0]), ([1, 2, 3], [3]), ([[[1], [2]]], [1, 2, 1]),
    ({"dtype": "F32", "shape": [2, 2], "data": [1, 2, 3, 4]}, [2, 2]),
    ({"data": [1, 2, 3, 4], "shape": [4], "dtype": "F32"}, [4]),
    ({"dtype": "F32", "shape": [3, 0, 2], "data": []}, [3, 0, 2]),
    ({"dtype": "F32", "shape": [1] * 20, "data": [7]}, [1] * 20),
])
def test_tensor_forms_and_shapes(api, name, tensor, shape):
    description = api.create(name, {"t": tensor, "other": [1]})
    layout = {entry["name"]: entry for entry in description["layout"]}
    assert layout["t"]["shape"] == shape


@pytest.mark.parametrize("dtype, size", [("F32", 4), ("F64", 8), ("F16", 2), ("BF16", 2)])
def test_dtypes(api, name, dtype, size):
    tensor = {"dtype": dtype, "shape": [3], "data": [1, -0.5, 2]}
    description = api.create(name, {"t": tensor})
    assert (description["dtype"], description["bytes"]) == (dtype, 3 * size)
    assert api.parameters(name)["t"] == [1, -0.5, 2]


def test_layout_is_in_byte_order_of_the_names(api, name):
    names = ["b", "a", "B", "é", "e\u0301", "a/b", "~", "z.0", "z.10", "z.2", "𝄞"]
    description = api.create(name, {key: [1] for key in names})
    layout = [entry["name"] for entry in description["layout"]]
    assert layout == sorted(names, key=lambda key: key.encode("utf-8"))
    assert [entry["offset"] for entry in description["layout"]] == [4 * i for i in range(11)]


def test_safetensors_creation(api, name):
    tensors = {"w": np.array(W, np.float32), "b": np.zeros(2, np.float32)}
    body = save(tensors, {"session": '{"optimizer": {"type": "adamw", "lr": 0.5}}'})
    response = api.put(f"/v1/sessions/{name}", body=body, type=SAFETENSORS)
    assert response.status == 201
    assert response.json()["optimizer"]["lr"] == 0.5
    again = api.put(f"/v1/sessions/{name}", json={
        "parameters": {"b": [0, 0], "w": W}, "optimizer": {"type": "adamw", "lr": 0.5}})
    assert again.status == 200, "the same creation in another format"


def test_repetition_is_judged_by_meaning(api, name):
    document = {"parameters": {"w": W}, "optimizer": {"lr": 0.001}}
    assert api.put(f"/v1/sessions/{name}", json=document).status == 201
    same = '{ "optimizer":{"weight_decay":0.0,"lr":1e-3}, "parameters":{"w":' \
           '{"dtype":"F32","shape":[2,2],"data":[0.1,0.2,0.30,4e-1]}}, "nonfinite":"reject"}'
    assert api.put(f"/v1/sessions/{name}", json=same).status == 200
    api.step(name, {"w": W})
    api.patch(f"/v1/sessions/{name}", json={"optimizer": {"lr": 1}})
    with api.unchanged(name):
        repeated = api.put(f"/v1/sessions/{name}", json=document)
        assert repeated.status == 200, "judged against the original creation"
        assert repeated.json()["step"] == 1
        assert repeated.json()["optimizer"]["lr"] == 1


@pytest.mark.parametrize("change", [
    {"optimizer": {"lr": 0.002}}, {"optimizer": {"type": "adamw"}}, {"nonfinite": "skip"},
    {"max_grad_norm": 1}, {"parameters": {"w": [[0.1, 0.2], [0.3, 0.5]]}},
    {"parameters": {"w": [0.1, 0.2, 0.3, 0.4]}}, {"parameters": {"v": W}},
    {"parameters": {"w": {"dtype": "F64", "shape": [2, 2], "data": [0.1, 0.2, 0.3, 0.4]}}},
    {"param_groups": [{"name": "g", "params": ["w"]}]},
])
def test_another_creation_is_a_conflict(api, name, change):
    document = {"parameters": {"w": W}}
    assert api.put(f"/v1/sessions/{name}", json=document).status == 201
    with api.unchanged(name):
        response = api.put(f"/v1/sessions/{name}", json=document | change)
        assert_problem(response, 409, "session-exists")


def test_negative_zero_is_another_bit_pattern(api, name):
    assert api.put(f"/v1/sessions/{name}", json={"parameters": {"w": [0]}}).status == 201
    response = api.put(f"/v1/sessions/{name}", json='{"parameters": {"w": [-0.0]}}')
    assert_problem(response, 409, "session-exists")


@pytest.mark.parametrize("wrong", ["-a", ".a", "_a", "a" * 129, "a b", "a%2Fb", "%C3%A9", "a%00",
                                   "a:b"])
def test_names_of_sessions(api, wrong):
    target = "/v1/sessions/" + wrong.replace(" ", "%20")
    assert_problem(api.put(target, json={"parameters": {"w": W}}), 400, "invalid-name")


@pytest.mark.parametrize("right", ["a" * 128, "0", "A.b_c-d", "9-"])
def test_names_that_are_allowed(api, right):
    assert api.put(f"/v1/sessions/{right}", json={"parameters": {"w": W}}).status == 201
    assert api.delete(f"/v1/sessions/{right}").status == 204


def test_percent_encoded_name_is_the_same_session(api, name):
    api.create(name, {"w": W})
    encoded = "".join(f"%{byte:02X}" for byte in name.encode())
    assert api.get(f"/v1/sessions/{encoded}").json()["session"] == name


@pytest.mark.parametrize("durability", ["log", "none"])
def test_durability_is_said_in_every_answer(api, name, durability):
    assert api.create(name, {"w": W}, durability=durability)["durability"] == durability
    response = api.post(f"/v1/sessions/{name}/steps", json={"gradients": {"w": W}})
    assert response.json()["durability"] == durability
    assert response.header("Optimizer-Durability") == durability
    assert api.get(f"/v1/sessions/{name}").json()["durability"] == durability


def test_a_parameter_must_be_finite_in_the_sessions_dtype(api, name):
    for number, status in ((65504, 201), (65520, 422)):
        tensor = {"dtype": "F16", "shape": [1], "data": [number]}
        response = api.put(f"/v1/sessions/{name}", json={"parameters": {"w": tensor}})
        assert response.status == status
        if status == 422:
            assert_problem(response, 422, "nonfinite-parameter", "/parameters/w")
        api.delete(f"/v1/sessions/{name}")


def test_the_source_of_a_fork_is_a_name(api, name):
    response = api.put(f"/v1/sessions/{name}?from=a%20b")
    assert_problem(response, 400, "invalid-name", "/from")


def test_what_can_never_fit_is_not_retryable():
    with Server("--max-in-flight-body-bytes", "1000000") as small:
        with Connection(small.port) as connection:
            connection.send(request_bytes("PUT", "/v1/sessions/t", {
                "Content-Type": SAFETENSORS, "Content-Length": "2000000"}))
            response = connection.read_response()
        assert_problem(response, 503, "over-budget", limit=1_000_000, retryable=False)
