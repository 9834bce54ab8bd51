"""Reads `safelight.template` of a create request and puts the rendered prompt in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.errors import InvalidField
from safelight.moderation.request import TemplateUse
from safelight.trust.accounts import Principal
from safelight.trust.templates import TemplateCall, Templates

from .create_request import require_writable
from .state import AppState

_FIELD = "safelight.template"
_KNOWN = frozenset({"name", "version", "values"})
_MAX_VERSION_DIGITS = 9


async def fill_prompt(state: AppState, principal: Principal, fields: dict[str, Any]) -> TemplateUse | None:
    """Replace the template that the fields name by its prompt. None if they name no template.

    Raises `InvalidField`, also if the fields have another prompt, `NotFound` and `Conflict`.
    """
    ours = fields.get("safelight")
    if not isinstance(ours, Mapping) or ours.get("template") is None:
        return None
    return await state.threads.run(fill_rendered_prompt, state.services.templates, principal, fields)


def fill_rendered_prompt(
    templates: Templates, principal: Principal, fields: dict[str, Any]
) -> TemplateUse | None:
    """The same, where a thread may wait for the database."""
    ours = fields.get("safelight")
    if not isinstance(ours, Mapping) or ours.get("template") is None:
        return None
    rendered = templates.render(principal, read_template_call(ours["template"]))
    # A client that made the prompt itself sends it too, to recognize its video in a list.
    if fields.get("prompt") and fields["prompt"] != rendered.text:
        raise InvalidField(
            "The prompt is not that of `safelight.template`.",
            param="prompt",
            remedy="Leave the prompt out: it is made from the template.",
        )
    fields["prompt"] = rendered.text
    fields["safelight"] = {name: value for name, value in ours.items() if name != "template"}
    if not fields["safelight"]:
        del fields["safelight"]
    return rendered.use


def read_template_call(given: Any) -> TemplateCall:
    """The parsed object `{"name", "version", "values"}`. Raises `InvalidField`."""
    if not isinstance(given, Mapping) or not given.keys() <= _KNOWN:
        raise InvalidField(
            f"`{_FIELD}` must be an object with these fields: name, values, version.", param=_FIELD
        )
    name, values = given.get("name"), given.get("values", {})
    if not isinstance(name, str) or not name:
        raise InvalidField(f"`{_FIELD}.name` must be the name of a template.", param=f"{_FIELD}.name")
    if not isinstance(values, Mapping) or not all(isinstance(each, str) for each in values.values()):
        raise InvalidField(
            f"`{_FIELD}.values` must be an object with a text for each slot.", param=f"{_FIELD}.values"
        )
    for text in (name, *values, *values.values()):
        require_writable(text, _FIELD)
    return TemplateCall(name=name, version=read_version(given.get("version")), values=dict(values))


def read_version(given: Any) -> int | None:
    """The number of a version; None if none is given. Raises `InvalidField`."""
    if given is None or given == "":
        return None
    # A form sends the number as text.
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= _MAX_VERSION_DIGITS:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given < 10**_MAX_VERSION_DIGITS:
        raise InvalidField(f"`{_FIELD}.version` must be the number of a version.", param=f"{_FIELD}.version")
    return given
