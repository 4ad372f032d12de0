"""Every hyperparameter at every wrong value, wherever one can be written."""

import pytest

from api import JSON, assert_problem

NUMBERS = ["lr", "eps", "weight_decay"]
FLAGS = ["amsgrad", "maximize"]


def wrong_values():
    """(member, JSON text, status, code, where within the hyperparameters)."""
    for member in NUMBERS:
        yield member, "-1", 422, "invalid-hyperparameter", f"/{member}"
        yield member, "-1e-300", 422, "invalid-hyperparameter", f"/{member}"
        yield member, "1e999", 422, "invalid-hyperparameter", f"/{member}"
        yield member, "-1e999", 422, "invalid-hyperparameter", f"/{member}"
        for text in ('"0.1"', "null", "true", "[0.1]", "{}", '"NaN"', '"Infinity"'):
            yield member, text, 422, "invalid-value", f"/{member}"
        yield member, "NaN", 400, "malformed-json", None
        yield member, "Infinity", 400, "malformed-json", None
    for index in (0, 1):
        def betas(text, index=index):
            return f"[{text}, 0.5]" if index == 0 else f"[0.5, {text}]"

        for text in ("1.0", "1", "-0.1", "1e999", "-1", "2"):
            yield "betas", betas(text), 422, "invalid-hyperparameter", f"/betas/{index}"
        for text in ('"0.1"', "null", "false", "[]"):
            yield "betas", betas(text), 422, "invalid-value", f"/betas/{index}"
        yield "betas", betas("NaN"), 400, "malformed-json", None
    for text in ("0.9", "null", '"0.9"', "[]", "[0.9]", "[0.9, 0.9, 0.9]", "{}"):
        yield "betas", text, 422, "invalid-value", "/betas"
    for member in FLAGS:
        for text in ("0", "1", "null", '"true"', "[]"):
            yield member, text, 422, "invalid-value", f"/{member}"
    yield "colour", "1", 422, "unknown-member", "/colour"
    yield "LR", "1", 422, "unknown-member", "/LR"
    yield "foreach", "true", 422, "unknown-member", "/foreach"


CASES = [pytest.param(*case, id=f"{case[0]}={case[1]}") for case in wrong_values()]
WHERE = {
    "defaults": ('{"optimizer": {"%s": %s}', "/optimizer"),
    "group": ('{"param_groups": [{"name": "slow", PARAMS"%s": %s}]', "/param_groups/0"),
}


@pytest.mark.parametrize("place", WHERE)
@pytest.mark.parametrize("member, text, status, code, pointer", CASES)
def test_creation(api, name, place, member, text, status, code, pointer):
    template, prefix = WHERE[place]
    body = template.replace("PARAMS", '"params": ["b"], ') % (member, text)
    body += ', "parameters": {"w": 1, "b": 2}}'
    response = api.put(f"/v1/sessions/{name}", body=body, type=JSON)
    assert_problem(response, status, code, pointer and prefix + pointer)
    assert_problem(api.get(f"/v1/sessions/{name}"), 404, "unknown-session")


@pytest.mark.parametrize("place", WHERE)
@pytest.mark.parametrize("member, text, status, code, pointer", CASES)
def test_patch(api, standing, place, member, text, status, code, pointer):
    template, prefix = WHERE[place]
    body = template.replace("PARAMS", "") % (member, text) + "}"
    with api.unchanged(standing):
        response = api.patch(f"/v1/sessions/{standing}", body=body, type=JSON)
        assert_problem(response, status, code, pointer and prefix + pointer)


@pytest.mark.parametrize("text, status, code", [
    ("-1", 422, "invalid-hyperparameter"), ("1e999", 422, "invalid-hyperparameter"),
    ('"0.1"', 422, "invalid-value"), ("null", 422, "invalid-value"), ("true", 422, "invalid-value"),
    ("[]", 422, "invalid-value"), ("NaN", 400, "malformed-json"),
])
def test_rate_of_a_step(api, standing, text, status, code):
    for lr, pointer in ((text, "/lr"), ('{"slow": %s}' % text, "/lr/slow")):
        body = '{"gradients": {"w": 1, "b": 1}, "lr": %s}' % lr
        with api.unchanged(standing):
            response = api.post(f"/v1/sessions/{standing}/steps", body=body, type=JSON)
            assert_problem(response, status, code, pointer if status == 422 else None)


@pytest.mark.parametrize("member, text", [
    ("lr", "0"), ("eps", "0"), ("weight_decay", "0"), ("betas", "[0, 0]"), ("lr", "1e300"),
    ("betas", "[0.9999999999999999, 0.9999999999999999]"), ("lr", "1e-320"), ("lr", "-0.0"),
])
def test_the_edge_that_is_allowed(api, name, member, text):
    body = '{"optimizer": {"%s": %s}, "parameters": {"w": 1}}' % (member, text)
    assert api.put(f"/v1/sessions/{name}", body=body, type=JSON).status == 201
    api.step(name, {"w": 0.5})


@pytest.fixture(scope="module")
def standing(server):
    """One session for all refusals: none of them may change it."""
    from api import API

    api = API(server.port)
    api.create("standing", {"w": 1, "b": 2},
               param_groups=[{"name": "slow", "params": ["b"], "lr": 0.5}])
    api.step("standing", {"w": 1, "b": 1})
    yield "standing"
    api.delete("/v1/sessions/standing")
