"""Schemas of request bodies, and of fields that only one route has."""

from __future__ import annotations

from typing import Any

from safelight.policy.intended_use import UseKind

#: What `POST /v1/safelight/checks` takes in addition to the fields of a generation request.
ADVICE_FIELDS: dict[str, Any] = {
    "provider": {"type": "string", "examples": ["veo-3.1"]},
    "negative_prompt": {"type": "string"},
    "template": {"type": "string", "description": "Text that the client adds to every prompt."},
    "rewritten_prompt": {"type": "string", "description": "What a language model made of the prompt."},
    "purpose": {"type": "string", "maxLength": 300, "description": "What the video is for, if true."},
    "age": {
        "type": "integer",
        "minimum": 18,
        "maximum": 120,
        "description": "The age of the only person in the prompt, if true.",
    },
    "rewrite_failed": {
        "type": "boolean",
        "description": "Whether the provider refused an honest rewrite too: no suggestions.",
    },
    "rewriter": {
        "type": "boolean",
        "description": "Also ask the operator's language model for rewrites. The prompt is sent there.",
    },
    "blocked": {"type": "string", "enum": ["request", "output"]},
    "reference_shows": {
        "type": "array",
        "items": {
            "type": "string",
            "enum": ["sharp_objects", "heights", "medical", "deep_water", "pained_faces"],
        },
    },
    "apply": {"type": "integer", "minimum": 1},
    "language": {"type": "string", "enum": ["en", "zh-Hant", "zh-Hans"]},
}
_USE: dict[str, Any] = {
    "type": "object",
    "description": "What the video is made for. A consent can be limited to it; the terms state the rest.",
    "properties": {
        "kind": {"type": ["string", "null"], "enum": [*(kind.value for kind in UseKind), None]},
        "commercial": {"type": ["boolean", "null"], "description": "Whether it may advertise or be sold."},
        "territory": {
            "type": ["string", "null"],
            "description": "Territory of publication: `world`, or country codes, EU and EEA with commas.",
        },
    },
    "additionalProperties": False,
}
#: `safelight` of other requests.
USE_FIELD: dict[str, Any] = {
    "type": "object",
    "properties": {"use": _USE},
    "additionalProperties": False,
}
#: `safelight` of `POST /v1/videos`.
OWN_FIELD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "use": _USE,
        "template": {
            "type": "object",
            "description": "The template from which the prompt is made; the field `prompt` is left out.",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "version": {
                    "type": ["integer", "null"],
                    "minimum": 1,
                    "description": "By default the newest approved version.",
                },
                "values": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "additionalProperties": False,
        },
        "retry": {
            "description": "What follows a block of the output by the provider.",
            "oneOf": [
                {"type": "boolean"},
                {
                    "type": "object",
                    "properties": {"same": {"type": "boolean"}, "variation": {"type": "string"}},
                    "additionalProperties": False,
                },
            ],
        },
    },
    "additionalProperties": False,
}


def describe_body(
    required: list[str], properties: dict[str, Any], media_type: str = "application/json", **more: Any
) -> dict[str, Any]:
    """The OpenAPI description of a request body with these fields, for `openapi_extra`.

    `more`: further keys of its schema.
    """
    schema = {"type": "object", "required": required, "properties": properties, **more}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}
