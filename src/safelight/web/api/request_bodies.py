"""Request bodies of the OpenAPI document, from the schemas of `request_bodies.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.core import yaml_loader
from safelight.policy.intended_use import UseKind

_SCHEMAS: Mapping[str, Any] = yaml_loader.load_shipped(__package__, "request_bodies.yaml")


def read_schema(name: str, **values: Any) -> Any:
    """A schema of the file, with each `$NAME` replaced by the value of that name."""
    return _fill(_SCHEMAS[name], values)


def _fill(part: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(part, dict):
        return {key: _fill(one, values) for key, one in part.items()}
    if isinstance(part, list):
        return [_fill(one, values) for one in part]
    return values[part[1:]] if isinstance(part, str) and part.startswith("$") else part


def describe_body(name: str, media_type: str = "application/json", **values: Any) -> dict[str, Any]:
    """The OpenAPI description of a request body with this schema, for `openapi_extra`."""
    schema = read_schema(name, **values)
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def describe_video_body(name: str) -> dict[str, Any]:
    """The OpenAPI description of a request body that is sent as a form or as JSON."""
    body = read_schema(name, USE_KINDS=[*UseKind, None])
    required, properties = body["required"], body["properties"]

    def schema(given: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": required,
            "properties": {**given, **added},
            "additionalProperties": body.get("additionalProperties", True),
        }

    form: dict[str, Any] = {"schema": schema(properties, body["form"])}
    if "metadata" in properties:
        # The SDKs send each entry as `metadata[name]=value`.
        form["encoding"] = {"metadata": {"style": "deepObject", "explode": True}}
    content = {"multipart/form-data": form}
    if "json" in body:
        optional = {
            name: each if name in required else _make_nullable(each) for name, each in properties.items()
        }
        content["application/json"] = {"schema": schema(optional, body["json"])}
    return {"required": True, "content": content}


def _make_nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an optional field of a JSON body, in which null means the same as a missing field."""
    changed = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        changed["enum"] = [*schema["enum"], None]
    return changed


#: Body of `POST /v1/videos`.
CREATE_BODY = describe_video_body("create")
