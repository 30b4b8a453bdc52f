"""JSON Schema of the types that stand in requests and answers."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast, get_args

import msgspec
from msgspec import Meta, Struct, UnsetType

from minibank.core.wire import REF, STORED

Schema = dict[str, Any]


def schema_of_parameters(takes: type[Struct]) -> Schema:
    """The parameters of a request, each with a schema of its own."""
    _, components = msgspec.json.schema_components([takes])
    assert set(components) == {takes.__name__}, "parameters are plain"
    found: Schema = components[takes.__name__]
    return found


def schema_of_body(body: type[Struct]) -> Schema:
    """The one JSON value that a body is, whole: what it is made of stands where it is used."""
    (schema,), components = msgspec.json.schema_components([body], ref_template="{name}")
    return _mended(schema, lambda part: components[part["$ref"]] if "$ref" in part else part)


def schema_of_answer(answers: type | None) -> Schema:
    """A reference to one of `answer_schemas`; empty when there is nothing to say."""
    if answers is None:
        return {}
    (schema,), _ = msgspec.json.schema_components([answers], ref_template=REF)
    return schema


def answer_schemas(types: Sequence[type]) -> Schema:
    """The named schemas of all answers, and of what they are made of."""
    structs = {found for answer in types for found in _structs_in(answer)}
    _, components = msgspec.json.schema_components([*types, *structs], ref_template=REF)
    for one in structs:
        # A default is for who makes an answer: whoever reads it finds the field.
        components[one.__name__]["required"] = [
            known.encode_name
            for known in msgspec.structs.fields(one)
            if not _may_be_absent(known.type)
        ]
    for schema in components.values():
        for known in schema["properties"].values():
            known.pop("default", None)
            if {} in known.get("anyOf", ()):
                # What is stored as JSON may be anything to the type; its `Meta` says more.
                del known["anyOf"]
    return dict(sorted((name, _mended(one)) for name, one in components.items()))


def _mended(schema: Schema, replace: Callable[[Schema], Schema] = lambda part: part) -> Schema:
    """The schema with each part replaced, and with decimals as the numbers that the API writes."""

    def mend(part: object) -> object:
        if isinstance(part, list):
            return [mend(one) for one in part]
        if not isinstance(part, dict):
            return part
        found = {name: mend(one) for name, one in replace(part).items()}
        if found.get("format") == "decimal":
            del found["format"]
            found["type"] = "number"
        return found

    return cast(Schema, mend(schema))


def _structs_in(annotation: object) -> Iterator[type[Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        yield annotation
        for known in msgspec.structs.fields(annotation):
            yield from _structs_in(known.type)
    forms = (annotation.extra or {}).get(STORED, ()) if isinstance(annotation, Meta) else ()
    for part in (*forms, *get_args(annotation)):
        yield from _structs_in(part)


def _may_be_absent(annotation: object) -> bool:
    return annotation is UnsetType or any(_may_be_absent(one) for one in get_args(annotation))
