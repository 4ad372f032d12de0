"""JSON that several threads write or read at once: one text, whatever lies at the seams."""

import gzip
import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from api import JSON, RAW, SAFETENSORS, assert_problem
from wire import Connection

PIECE = 8192
# Tensors that end at a seam, span several, or have no elements before, at and behind one.
LAYOUTS = {
    "one": [[3 * PIECE + 1]],
    "rows": [[5, 3 * PIECE // 2], [2, 2, PIECE]],
    "seams": [[PIECE - 1], [], [0], [PIECE], [0, 4], [2, PIECE // 2], [0]],
    "pieces": [[PIECE], [PIECE]],
    "narrow": [[PIECE + 3, 1], [1, 1, 2 * PIECE]],
    "many": [[n % 7] for n in range(2000)] + [[3, 4000]],
}


@pytest.mark.parametrize("layout, dtype", [
    *((layout, np.float32) for layout in LAYOUTS), ("seams", np.float64), ("seams", np.float16)])
def test_seams_do_not_show(api, name, layout, dtype):
    random = np.random.default_rng(5)
    # Names whose order is that of the layout.
    tensors = {f"t{index:04}": random.normal(size=shape).astype(dtype)
               for index, shape in enumerate(LAYOUTS[layout])}
    assert api.put(f"/v1/sessions/{name}", body=save(tensors), type=SAFETENSORS).status == 201
    gradients = {key: random.normal(size=value.shape).astype(dtype)
                 for key, value in tensors.items()}
    # Not by way of `api`, which holds every number of an answer to its schema.
    path = f"/v1/sessions/{name}"
    with Connection(api.port) as connection:
        stepped = connection.ask("POST", f"{path}/steps", {
            "Content-Type": SAFETENSORS, "Accept": JSON}, save(gradients))
        assert stepped.status == 200, stepped
        read = connection.ask("GET", f"{path}/parameters", {"Accept": JSON})
        coded = connection.ask("GET", f"{path}/parameters", {
            "Accept": JSON, "Accept-Encoding": "gzip"})
    assert coded.header("Content-Encoding") == "gzip"
    assert gzip.decompress(coded.body) == read.body
    expected = load(api.get(f"{path}/parameters", headers={"Accept": SAFETENSORS}).body)
    for answer in (stepped, read):
        found = json.loads(answer.body)["parameters"]
        assert list(found) == sorted(expected)
        for key, tensor in expected.items():
            value = found[key]
            if tensor.size == 0:
                assert value == {"dtype": value["dtype"], "shape": list(tensor.shape), "data": []}
            else:
                assert np.array_equal(np.array(value, dtype), tensor), key


@pytest.mark.parametrize("shape", [(130_000,), (2, 65_000), (3, 7, 6_200)], ids=str)
@pytest.mark.parametrize("separator", [",", ", ", " ,\n\t"], ids=["tight", "spaced", "lines"])
def test_long_bodies_are_read_as_raw_ones_are(api, name, shape, separator):
    """At whatever bytes it is cut, and by however many threads: they are several where there are
    more than two processors."""
    random = np.random.default_rng(6)
    gradients = random.normal(size=shape) * 10.0 ** random.integers(-30, 30, size=shape)
    single = gradients.astype(np.float32)
    text = json.dumps({"gradients": {"w": gradients.tolist()}}, separators=(separator, ":"))
    assert len(text) > 1 << 20
    answers = []
    for body, type in ((text.encode(), JSON), (single.tobytes(), RAW)):
        session = f"/v1/sessions/{name}"
        created = api.put(session, body=save({"w": np.zeros(shape, np.float32)}),
                          type=SAFETENSORS)
        assert created.status == 201
        with Connection(api.port) as connection:
            answers.append(connection.ask("POST", f"{session}/steps", {
                "Content-Type": type, "Accept": RAW}, body))
        assert api.delete(session).status == 204
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body
    assert answers[0].header("Optimizer-Grad-Norm") == answers[1].header("Optimizer-Grad-Norm")


@pytest.mark.parametrize("place", [0.3, 0.7, 0.999])
def test_a_fault_in_a_long_body_is_told_at_its_byte(api, name, place):
    numbers = ["0.12345678901234567"] * 130_000
    broken = int(len(numbers) * place)
    numbers[broken] = "0.1234567890123456x"
    text = '{"gradients": {"w": [' + ",".join(numbers) + "]}}"
    api.create(name, {"w": {"dtype": "F32", "shape": [len(numbers)], "data": [0] * len(numbers)}})
    with api.unchanged(name):
        response = api.post(f"/v1/sessions/{name}/steps", body=text, type=JSON)
        assert_problem(response, 400, "malformed-json", offset=text.index("x"))
