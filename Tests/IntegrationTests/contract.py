"""Holds answers of the running service to openapi.yaml."""

import json
import re
from functools import cache
from pathlib import Path

import jsonschema
import yaml

PATH = Path(__file__).resolve().parents[2] / "openapi.yaml"

# What may stand in the place of a path's parameter; elsewhere the route is none.
SEGMENTS = {"{name}": "[^/]+", "{n}": "(?:0|[1-9][0-9]*)"}


@cache
def document():
    return yaml.safe_load(PATH.read_text(encoding="utf-8"))


def resolve(node):
    """The node, or what its $ref within the document names."""
    while isinstance(node, dict) and isinstance(node.get("$ref"), str) and len(node) == 1:
        node = lookup(node["$ref"])
    return node


def lookup(reference):
    node = document()
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


@cache
def path_patterns():
    patterns = []
    for path in document()["paths"]:
        pattern = "/".join(SEGMENTS.get(part) or re.escape(part) for part in path.split("/"))
        patterns.append((re.compile(pattern), path))
    return patterns


def path_of(target):
    """The documented path that a request target belongs to, or None."""
    plain = target.split("?")[0]
    return next((path for pattern, path in path_patterns() if pattern.fullmatch(plain)), None)


def validator(schema):
    """A JSON Schema 2020-12 validator whose references lead into the document."""
    resource = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": document()["components"],
        "allOf": [schema],
    }
    return jsonschema.Draft202012Validator(
        resource, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def faults(schema, instance):
    return [f"{error.json_path}: {error.message[:300]}"
            for error in validator(schema).iter_errors(instance)]


def response_object(method, path, status):
    operation = document()["paths"][path].get(method.lower())
    if operation is None and method == "HEAD":
        operation = document()["paths"][path].get("get")
    if operation is None:
        name = {401: "Unauthenticated", 403: "Forbidden", 405: "MethodNotAllowed"}.get(
            status, "AnyRequest")
        return resolve(lookup(f"#/components/responses/{name}"))
    responses = operation["responses"]
    return resolve(responses.get(str(status)) or responses.get("default"))


def check(method, target, response):
    """Asserts that the document describes this answer: status, type, schema, fields."""
    path = path_of(target)
    label = f"{method} {target} → {response!r}"
    if path is None and response.status == 401:  # Nobody without a token learns what there is.
        described = resolve(lookup("#/components/responses/Unauthenticated"))
    elif path is None:
        described = resolve(lookup("#/components/responses/UnknownRoute"))
        assert response.status >= 400, label
    else:
        described = response_object(method, path, response.status)
        assert described is not None, f"undocumented status: {label}"
    for name, header in described.get("headers", {}).items():
        check_header(name, resolve(header), response, label)
    if method == "HEAD" or response.status in (204, 304):
        assert response.body == b"", label
        return
    content = described.get("content", {})
    assert response.media_type in content, f"undocumented media type: {label}"
    schema = content[response.media_type].get("schema")
    if schema is not None and response.media_type.endswith("json"):
        found = faults(schema, json.loads(response.body))
        assert not found, f"{label}\n" + "\n".join(found)


def check_header(name, header, response, label):
    value = response.header(name)
    if value is None:
        assert not header.get("required"), f"without {name}: {label}"
        return
    schema = resolve(header.get("schema", {}))
    types = schema_types(schema)
    instance = value
    if types & {"integer", "number", "boolean"} and re.fullmatch(
        r"-?[0-9.]+(e[+-]?[0-9]+)?|true|false", value
    ):
        instance = json.loads(value)
    found = faults(schema, instance)
    assert not found, f"{name}: {label}\n" + "\n".join(found)


def schema_types(schema):
    schema = resolve(schema)
    types = schema.get("type", [])
    types = {types} if isinstance(types, str) else set(types)
    for part in [*schema.get("oneOf", []), *schema.get("anyOf", [])]:
        types |= schema_types(part)
    return types
