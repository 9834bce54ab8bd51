"""Reads the generation requests of a HAR file, which a browser records.

Headers, cookies and addresses are never stored.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from safelight.errors import BadInput, InvalidField
from safelight.generation.provider_errors.registry import PROVIDERS, RELAYS
from safelight.generation.provider_errors.rules import compiled

from .fields import MAX_ERROR_CHARS, read_attempt
from .models import NewAttempt

_MIN_FAILED_STATUS = 400
_IDS = ("id", "task_id", "request_id", "video_id", "generation_id", "job_id", "name")
_PROMPTS = ("prompt", "text_prompt", "promptText", "prompt_text", "text")
_STATES = ("status", "state", "task_status")
_DONE = frozenset({"completed", "succeeded", "success", "succeed", "done", "finished"})
_FAILED = frozenset({"failed", "failure", "fail", "error", "rejected", "canceled", "cancelled", "blocked"})
_MIN_ID_CHARS = 6
_MAX_DEPTH = 12
_MAX_HOSTS = 8


@dataclass
class _Draft:
    """A generation request whose end later entries may show."""

    fields: dict[str, Any]
    entry: int
    ids: set[str] = field(default_factory=set)


def read_har(text: str, *, provider: str = "") -> list[NewAttempt]:
    """The attempts in a HAR file. `provider` is used for hosts that belong to no known provider.

    Raises `BadInput` if it is not a HAR file, or if no entry is a generation request.
    """
    drafts: list[_Draft] = []
    hosts: dict[str, None] = {}
    for number, entry in enumerate(_entries(text), 1):
        request, response = _part(entry, "request"), _part(entry, "response")
        address = urlsplit(str(request.get("url", "")))
        host = (address.hostname or "").lower()
        hosts.setdefault(host)
        named = _provider_of(host) or provider
        if not named:
            continue
        body, status = _body(_part(response, "content")), response.get("status")
        sent = _json(str(_part(request, "postData").get("text", "")))
        prompt = _find(sent, _PROMPTS)
        if request.get("method") == "POST" and isinstance(prompt, str) and prompt:
            draft = _Draft(_request_fields(sent, prompt, named, entry), number)
            drafts.append(draft)
            _note_end(draft, body, status)
        elif known := next((one for one in reversed(drafts) if _mentions(address.path, one.ids)), None):
            _note_end(known, body, status)
    if not drafts:
        named_hosts = ", ".join(sorted(host for host in hosts if host)[:_MAX_HOSTS]) or "none"
        raise BadInput(
            "No entry of this HAR file is a generation request to a known video provider. "
            f"Hosts: {named_hosts}.",
            remedy="Record the requests to the provider, or name the provider with --provider.",
        )
    return [_attempt(draft) for draft in drafts]


def _entries(text: str) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"Line {error.lineno} is not JSON: {error.msg}.") from error
    except RecursionError as error:
        raise BadInput("The file is nested too deeply.") from error
    entries = _part(document, "log").get("entries")
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise BadInput("This is not a HAR file: it has no list `log.entries`.")
    return sorted(entries, key=lambda entry: str(entry.get("startedDateTime", "")))


def _attempt(draft: _Draft) -> NewAttempt:
    if "error" not in draft.fields and "file_came" not in draft.fields:
        draft.fields["error"] = "The recording ends before the provider finished the request."
    try:
        return read_attempt(draft.fields)
    except InvalidField as error:
        raise BadInput(f"Entry {draft.entry}: {error.message}", param=error.param) from error


def _request_fields(sent: Any, prompt: str, provider: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    model, size = _find(sent, ("model", "model_name", "model_id")), _find(sent, ("size", "resolution"))
    seconds = _find(sent, ("seconds", "duration", "duration_seconds"))
    return {
        "time": entry.get("startedDateTime"),
        "provider": provider,
        "prompt": prompt,
        "model": model if isinstance(model, str) else None,
        "size": size if isinstance(size, str) and "x" in size else None,
        "seconds": seconds if str(seconds).replace(".", "", 1).isdigit() else None,
    }


def _note_end(draft: _Draft, body: str, status: Any) -> None:
    """Read a response about the request: its id, an error, or that the file is ready."""
    document = _json(body)
    for name in _IDS:
        found = _find(document, (name,))
        if isinstance(found, str) and len(found) >= _MIN_ID_CHARS:
            draft.ids.add(found)
            draft.fields.setdefault("request_id", found)
    state = str(_find(document, _STATES) or "").lower()
    if (isinstance(status, int) and status >= _MIN_FAILED_STATUS) or state in _FAILED:
        draft.fields["error"] = (body or f"HTTP status {status}")[:MAX_ERROR_CHARS]
        draft.fields.pop("file_came", None)
    elif state in _DONE and "error" not in draft.fields:
        draft.fields["file_came"] = True


def _mentions(path: str, ids: set[str]) -> bool:
    return any(each in path for each in ids)


def _provider_of(host: str) -> str:
    """The known provider whose addresses contain this host; empty if none does."""
    if not host:
        return ""
    # A path follows, because some patterns end with a slash.
    signed = (p for p in (*PROVIDERS, *RELAYS) if p.signs and compiled(p.signs).search(f"https://{host}/"))
    return next((p.name for p in signed if p.name), "")


def _body(content: Mapping[str, Any]) -> str:
    text = str(content.get("text", ""))
    if content.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except ValueError:
        # A picture or a video.
        return ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _find(document: Any, names: tuple[str, ...], depth: int = 0) -> Any:
    """The first scalar with one of these names, outermost first."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(document, list):
        children = document
    elif isinstance(document, Mapping):
        for name in names:
            if isinstance(document.get(name), str | int | float):
                return document[name]
        children = list(document.values())
    else:
        return None
    found = (_find(child, names, depth + 1) for child in children)
    return next((each for each in found if each is not None), None)


def _part(document: Any, name: str) -> Mapping[str, Any]:
    part = document.get(name) if isinstance(document, Mapping) else None
    return part if isinstance(part, Mapping) else {}
