"""Writes the part of the OpenAPI document from which the types of the client for Node are made.

Run it to give the types new fields of the API: python tests/client/api_document.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from safelight.web.api import videos
from safelight.web.api.openapi import SafelightAPI

DOCUMENT = Path(__file__).resolve().parents[2] / "clients" / "node" / "openapi.json"
#: Words for readers of the API change more often than its types.
_WORDS = frozenset({"description", "summary", "examples", "title"})


def document() -> dict[str, Any]:
    """Create, with the schemas of the video that it returns."""
    app = SafelightAPI(title="Safelight", version="1")
    app.include_router(videos.router)
    whole = app.openapi()
    create = whole["paths"]["/v1/videos"]["post"]
    answer = {"description": "The video", "content": create["responses"]["200"]["content"]}
    schemas: dict[str, Any] = {}
    _collect(["Video"], whole["components"]["schemas"], schemas)
    return {
        "openapi": whole["openapi"],
        "info": {"title": "Safelight", "version": "1"},
        "paths": {
            "/v1/videos": {
                "post": {
                    "operationId": create["operationId"],
                    "requestBody": _without_words(create["requestBody"]),
                    "responses": {"200": answer},
                }
            }
        },
        "components": {"schemas": {name: schemas[name] for name in sorted(schemas)}},
    }


def _collect(names: list[str], all_schemas: dict[str, Any], found: dict[str, Any]) -> None:
    for name in names:
        if name not in found:
            found[name] = _without_words(all_schemas[name])
            _collect(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(found[name])), all_schemas, found)


def _without_words(schema: Any, *, is_names: bool = False) -> Any:
    """The schema without its words. `is_names`: the keys are names of fields, not keywords."""
    if isinstance(schema, list):
        return [_without_words(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_words(value, is_names=key == "properties" and not is_names)
        for key, value in schema.items()
        if is_names or key not in _WORDS
    }


def rendered() -> str:
    """The file's content."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(), encoding="utf-8")
