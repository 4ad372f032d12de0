"""openapi.yaml is valid, complete, and its examples are what its schemas describe."""

import json

import pytest
import yaml
from openapi_spec_validator import validate

import contract

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def test_document_is_valid_openapi_3_1():
    document = contract.document()
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_keys_are_not_repeated():
    """YAML readers let the last of two equal keys win in silence."""

    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader, node):
        keys = [key.value for key, _ in node.value if key.value != "<<"]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: {sorted(keys)}"
        return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    yaml.load(contract.PATH.read_text(encoding="utf-8"), Strict)


def nodes(node, path=""):
    """Every object of the document with its place."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from nodes(value, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, f"{path}/{index}")


def test_every_reference_leads_somewhere_and_every_component_is_used():
    references = {node["$ref"] for _, node in nodes(contract.document())
                  if isinstance(node.get("$ref"), str)}
    for reference in references:
        assert contract.lookup(reference) is not None
    # Schemes are named by operations, not referred to.
    references |= {f"#/components/securitySchemes/{name}" for _, _, operation in operations()
                   for choice in operation.get("security", []) for name in choice}
    defined = {f"#/components/{kind}/{name}"
               for kind, members in contract.document()["components"].items()
               for name in members}
    # Routing answers these two; no operation could refer to them.
    assert defined - references == {"#/components/responses/UnknownRoute",
                                    "#/components/responses/MethodNotAllowed"}


def media_examples():
    """(place, schema, value) of every example beside a schema in a media type."""
    for path, node in nodes(contract.document()):
        if "schema" not in node or "/example" in path:
            continue
        for name, example in node.get("examples", {}).items():
            yield f"{path}/{name}", node["schema"], contract.resolve(example)["value"]
        if "example" in node:
            yield path, node["schema"], node["example"]


EXAMPLES = list(media_examples())


def test_there_are_examples():
    assert len(EXAMPLES) > 10


@pytest.mark.parametrize("place, schema, value", EXAMPLES, ids=[case[0] for case in EXAMPLES])
def test_examples_fit_their_schemas(place, schema, value):
    if "problem+json" in place or "application~1json" in place:
        value = json.loads(json.dumps(value, default=str))
    assert contract.faults(schema, value) == []


def test_a_wrong_example_would_be_found():
    """The canary of the test above."""
    assert contract.faults({"$ref": "#/components/schemas/Problem"}, {"status": "400"}) != []


def operations():
    for path, item in contract.document()["paths"].items():
        for method in METHODS & set(item):
            yield method, path, item[method]


@pytest.mark.parametrize("method, path, operation", list(operations()),
                         ids=[f"{method} {path}" for method, path, _ in operations()])
def test_operations_are_told_whole(method, path, operation):
    assert operation["operationId"] and operation["summary"] and operation["tags"]
    parameters = [*contract.document()["paths"][path].get("parameters", []),
                  *operation.get("parameters", [])]
    names = {contract.resolve(parameter)["name"] for parameter in parameters
             if contract.resolve(parameter)["in"] == "path"}
    assert all(f"{{{name}}}" in path for name in names)
    assert path.count("{") == len(names)
    assert any(status.startswith("2") for status in operation["responses"])


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))


def test_every_problem_code_has_a_response():
    """A code of the enumeration that no response can carry would be a promise too many."""
    codes = set(contract.document()["components"]["schemas"]["ProblemCode"]["enum"])
    told = set()
    for path, node in nodes(contract.document()["components"]["responses"]):
        code = node.get("code")
        if isinstance(code, dict) and ("const" in code or "enum" in code):
            told |= set(code.get("enum", [code.get("const")]))
    # What is refused before there is a request to speak of has no operation to stand under.
    assert codes - told <= {"head-too-slow", "version-not-supported", "method-not-allowed"}
