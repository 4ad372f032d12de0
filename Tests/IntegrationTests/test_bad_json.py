"""JSON bodies that are wrong: the answer says what and where, and nothing has changed."""

import pytest

from api import JSON, assert_is_problem, assert_problem
from attacks import MALFORMED_JSON


def step(api, session, body, **options):
    return api.post(f"/v1/sessions/{session}/steps", body=body, type=JSON, **options)


@pytest.mark.parametrize("attack", MALFORMED_JSON)
def test_malformed(api, session, attack):
    with api.unchanged(session):
        assert_problem(step(api, session, MALFORMED_JSON[attack]), 400, "malformed-json")


@pytest.mark.parametrize("attack", MALFORMED_JSON)
def test_malformed_creation(api, name, attack):
    body = MALFORMED_JSON[attack].replace(b'"gradients"', b'"parameters"')
    response = api.put(f"/v1/sessions/{name}", body=body, type=JSON)
    assert_problem(response, 400, "malformed-json")
    assert_problem(api.get(f"/v1/sessions/{name}"), 404, "unknown-session")


@pytest.mark.parametrize("depth", [33, 65, 100_000])
def test_deep_arrays(api, session, depth):
    """Refused at whichever bound comes first, the tensor's rank or the document's depth."""
    tensor = b"[" * depth + b"]" * depth
    with api.unchanged(session):
        for response in (step(api, session, b'{"gradients": {"b": %s}}' % tensor),
                         api.put(f"/v1/sessions/{session}-deep", type=JSON,
                                 body=b'{"parameters": {"b": %s}}' % tensor)):
            problem = assert_is_problem(response)
            assert problem["code"] in ("malformed-json", "shape-mismatch"), problem


W = '"w": [[0, 0], [0, 0]]'


@pytest.mark.parametrize("body, code, pointer", [
    ("[]", "invalid-value", ""),
    ("null", "invalid-value", ""),
    ('"gradients"', "invalid-value", ""),
    ("{}", "missing-gradient", "/gradients"),
    ('{"loss": 1}', "missing-gradient", "/gradients"),
    ('{"gradients": null}', "invalid-value", "/gradients"),
    ('{"gradients": []}', "invalid-value", "/gradients"),
    ('{"gradients": 1}', "invalid-value", "/gradients"),
    ('{"gradients": {"b": null, %s}}' % W, "invalid-value", "/gradients/b"),
    ('{"gradients": {"b": "0", %s}}' % W, "invalid-value", "/gradients/b"),
    ('{"gradients": {"b": true, %s}}' % W, "invalid-value", "/gradients/b"),
    ('{"gradients": {"b": [0, "0"], %s}}' % W, "invalid-value", "/gradients/b"),
    ('{"gradients": {"b": [0, "NaN"], %s}}' % W, "invalid-value", "/gradients/b"),
    ('{"gradients": {"b": [0, null], %s}}' % W, "invalid-value", "/gradients/b"),
    ('{"gradients": {"b": [0, {}], %s}}' % W, "invalid-value", "/gradients/b"),
    ('{"gradients": {"b": [0], %s}}' % W, "shape-mismatch", "/gradients/b"),
    ('{"gradients": {"b": [0, 0, 0], %s}}' % W, "shape-mismatch", "/gradients/b"),
    ('{"gradients": {"b": [[0, 0]], %s}}' % W, "shape-mismatch", "/gradients/b"),
    ('{"gradients": {"b": 0, %s}}' % W, "shape-mismatch", "/gradients/b"),
    ('{"gradients": {"b": [0, [0]], %s}}' % W, None, "/gradients/b"),
    ('{"gradients": {"b": [0, 0], "w": [[0, 0], [0]]}}', "shape-mismatch", "/gradients/w"),
    ('{"gradients": {"b": [0, 0], "w": [0, 0, 0, 0]}}', "shape-mismatch", "/gradients/w"),
    ('{"gradients": {"b": [0, 0], "w": []}}', "shape-mismatch", "/gradients/w"),
    ('{"gradients": {"b": [0, 0], %s, "x~/y": 1}}' % W, "unknown-parameter", "/gradients/x~0~1y"),
    ('{"gradients": {"B": [0, 0], %s}}' % W, None, "/gradients/B"),
    ('{"gradients": {"b": [0, 0], %s}, "lr ": 1}' % W, "unknown-member", "/lr "),
    ('{"gradients": {"b": [0, 0], %s}, "": 1}' % W, "unknown-member", "/"),
    ('{"gradients": {"b": {"dtype": "F32", "shape": [2]}, %s}}' % W, None, None),
    ('{"gradients": {"b": {"dtype": "F32", "shape": [3], "data": [0, 0, 0]}, %s}}' % W,
     "shape-mismatch", None),
    ('{"gradients": {"b": {"dtype": "F32", "shape": [2], "data": [0]}, %s}}' % W,
     "shape-mismatch", None),
    ('{"gradients": {"b": {"dtype": "F7", "shape": [2], "data": [0, 0]}, %s}}' % W, None, None),
    ('{"gradients": {"b": {"dtype": "F32", "shape": [2], "data": [0, 0], "x": 1}, %s}}' % W,
     "unknown-member", "/gradients/b/x"),
    ('{"gradients": {"b": [0, 0], %s}, "loss": "0.5"}' % W, "invalid-value", "/loss"),
    ('{"gradients": {"b": [0, 0], %s}, "loss": 1e999}' % W, None, "/loss"),
    ('{"gradients": {"b": [0, 0], %s}, "grad_scale": 1e999}' % W,
     "invalid-hyperparameter", "/grad_scale"),
    ('{"gradients": {"b": [0, 0], %s}, "lr": 1e999}' % W, "invalid-hyperparameter", "/lr"),
])
def test_wrong_members(api, session, body, code, pointer):
    with api.unchanged(session):
        response = step(api, session, body)
        assert_problem(response, 422, code or response.json().get("code"), pointer)


@pytest.mark.parametrize("body, code, pointer", [
    ("{}", "missing-member", "/parameters"),
    ('{"parameters": {}}', None, None),
    ('{"parameters": {"w": "1"}}', "invalid-value", "/parameters/w"),
    ('{"parameters": {"w": [1, [2]]}}', None, "/parameters/w"),
    ('{"parameters": {"w": [[1, 2], [3]]}}', "shape-mismatch", "/parameters/w"),
    ('{"parameters": {"w": [1e39]}}', "nonfinite-parameter", "/parameters/w"),
    ('{"parameters": {"w": [-1e999]}}', "nonfinite-parameter", "/parameters/w"),
    ('{"parameters": {"w": {"dtype": "I32", "shape": [1], "data": [1]}}}', None, None),
    ('{"parameters": {"w": 1, "v": {"dtype": "F64", "shape": [1], "data": [1]}}}',
     "dtype-mismatch", "/parameters/v"),
    ('{"parameters": {"w": {"dtype": "F32", "shape": [2], "data": [1]}}}', "shape-mismatch", None),
    ('{"parameters": {"w": {"dtype": "F32", "shape": [-1], "data": []}}}', None, None),
    ('{"parameters": {"w": {"dtype": "F32", "shape": [1.5], "data": [1]}}}', None, None),
    ('{"parameters": {"w": {"dtype": "F32", "shape": [4294967296, 4294967296], "data": []}}}',
     None, None),
    ('{"parameters": {"w": {"dtype": "F32", "shape": [1000000000000], "data": []}}}', None, None),
    ('{"parameters": {"w": {"dtype": "F32", "shape": [%s], "data": [1]}}}' % ", ".join(["1"] * 33),
     None, None),
    ('{"parameters": {"": 1}}', None, None),
    ('{"parameters": {"__metadata__": 1}}', None, None),
    ('{"parameters": {"a\\u0000": 1}}', None, None),
    ('{"parameters": {"a\\u0085": 1}}', None, None),
    ('{"parameters": {"%s": 1}}' % ("a" * 513), None, None),
    ('{"parameters": {"w": 1}, "optimiser": {}}', "unknown-member", "/optimiser"),
    ('{"parameters": {"w": 1}, "optimizer": []}', "invalid-value", "/optimizer"),
    ('{"parameters": {"w": 1}, "optimizer": null}', "invalid-value", "/optimizer"),
    ('{"parameters": {"w": 1}, "optimizer": {"type": "sdg"}}', "invalid-value",
     "/optimizer/type"),
    ('{"parameters": {"w": 1}, "optimizer": {"beta1": 0}}', "unknown-member", "/optimizer/beta1"),
    ('{"parameters": {"w": 1}, "param_groups": {}}', "invalid-value", "/param_groups"),
    ('{"parameters": {"w": 1}, "param_groups": [1]}', "invalid-value", "/param_groups/0"),
    ('{"parameters": {"w": 1}, "param_groups": [{"params": ["w"]}]}',
     "missing-member", "/param_groups/0/name"),
    ('{"parameters": {"w": 1}, "param_groups": [{"name": "g", "params": "w"}]}',
     "invalid-value", "/param_groups/0/params"),
    ('{"parameters": {"w": 1}, "param_groups": [{"name": "g", "params": [1]}]}',
     "invalid-value", "/param_groups/0/params/0"),
    ('{"parameters": {"w": 1}, "param_groups": [{"name": "g", "params": ["w"], "type": "adamx"}]}',
     "invalid-value", "/param_groups/0/type"),
    ('{"parameters": {"w": 1}, "param_groups": [{"name": "g", "params": ["x"]}]}',
     "unknown-parameter", "/param_groups/0/params/0"),
    ('{"parameters": {"w": 1}, "param_groups": [{"name": "g", "params": ["w"]},'
     ' {"name": "h", "params": ["w"]}]}', "invalid-hyperparameter", "/param_groups/1/params/0"),
    ('{"parameters": {"w": 1}, "param_groups": [{"name": "g", "params": ["w", "w"]}]}',
     "invalid-hyperparameter", "/param_groups/0/params/1"),
    ('{"parameters": {"w": 1}, "nonfinite": "ignore"}', "invalid-value", "/nonfinite"),
    ('{"parameters": {"w": 1}, "durability": "maybe"}', "invalid-value", "/durability"),
    ('{"parameters": {"w": 1}, "nonfinite": true}', "invalid-value", "/nonfinite"),
    ('{"parameters": {"w": 1}, "max_grad_norm": -0.1}', "invalid-hyperparameter", "/max_grad_norm"),
    ('{"parameters": {"w": 1}, "max_grad_norm": 1e999}', "invalid-hyperparameter",
     "/max_grad_norm"),
    ('{"parameters": {"w": 1}, "max_grad_norm": "1"}', "invalid-value", "/max_grad_norm"),
])
def test_wrong_creations(api, name, body, code, pointer):
    response = api.put(f"/v1/sessions/{name}", body=body, type=JSON)
    if '"": 1' in body or "__metadata__" in body or "\\u00" in body or "a" * 513 in body:
        assert_problem(response, 400, "invalid-name")
    else:
        assert_problem(response, 422, code or response.json().get("code"), pointer)
    assert_problem(api.get(f"/v1/sessions/{name}"), 404, "unknown-session")


@pytest.mark.parametrize("groups", [
    [{"name": "g", "params": ["w"]}, {"name": "g", "params": ["b"]}],
    [{"name": "a b", "params": ["w"]}], [{"name": "", "params": ["w"]}],
    [{"name": "g" * 129, "params": ["w"]}], [{"name": "é", "params": ["w"]}],
])
def test_names_of_groups(api, name, groups):
    response = api.put(f"/v1/sessions/{name}",
                       json={"parameters": {"w": 1, "b": 2}, "param_groups": groups})
    assert response.status in (400, 422)
    assert_problem(api.get(f"/v1/sessions/{name}"), 404, "unknown-session")
