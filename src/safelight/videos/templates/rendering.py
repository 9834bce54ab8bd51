"""Fills the slots of a template. Pure: the same template and values give the same prompt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from safelight.core.errors import Conflict, InvalidField
from safelight.videos.requests.request import TemplateUse

from .models import (
    RenderedPrompt,
    SlotType,
    Template,
    TemplateCall,
    TemplateDocument,
    TemplateSlot,
    TemplateState,
)

#: A slot in the text of a template. Values are never searched for slots.
MARKER = re.compile(r"\[([^\[\]]*)\]")
#: Prefix of the field that an error names.
VALUES_FIELD = "safelight.template.values"
#: How many allowed values an error lists.
_MAX_LISTED = 12
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def render(document: TemplateDocument, values: Mapping[str, str]) -> str:
    """The prompt: each slot replaced by its value, literally and in one pass.

    Raises `InvalidField`, which names every missing, unknown or invalid value.
    """
    slots = {slot.name: slot for slot in document.slots}
    problems = {
        **{name[:40]: f"There is no slot [{name[:40]}]." for name in values if name not in slots},
        **{name: problem for name, slot in slots.items() if (problem := _find_problem(slot, values, slots))},
    }
    if problems:
        known = ", ".join(f"[{name}]" for name in slots) or "none"
        raise InvalidField(
            f"The values do not fit the template {document.name}: {' '.join(problems.values())}",
            param=f"{VALUES_FIELD}.{next(iter(problems))}",
            remedy=f"Its slots: {known}.",
        )
    filled = {name: values.get(name, slot.default) for name, slot in slots.items()}
    return MARKER.sub(lambda found: filled[found[1]], document.text)


def render_call(template: Template, call: TemplateCall) -> RenderedPrompt:
    """The prompt of a request for a version, or for no version and the newest one found.

    Raises `InvalidField` for values that do not fit, and `Conflict` for a version that may not be used.
    """
    if template.state is TemplateState.RETIRED:
        raise Conflict(
            f"Version {template.version} of the template {template.name} is retired.",
            param="safelight.template",
            remedy="Use another version.",
        )
    if call.version is None and template.state is not TemplateState.APPROVED:
        raise Conflict(
            f"No version of the template {template.name} is approved.",
            param="safelight.template",
            remedy=f"To try a draft, name its version: {template.version}.",
        )
    use = TemplateUse(
        id=template.id,
        name=template.name,
        version=template.version,
        approved=template.state is TemplateState.APPROVED,
        values=dict(call.values),
    )
    return RenderedPrompt(text=render(template.document, call.values), use=use)


def find_value_problem(slot: TemplateSlot, value: str) -> str:
    """Why a value does not fit its slot; empty if it fits."""
    if slot.type is SlotType.TEXT:
        if not value.strip():
            return f"The value of [{slot.name}] is empty."
        if len(value) > slot.max_characters:
            return (
                f"The value of [{slot.name}] has {len(value)} characters; "
                f"at most {slot.max_characters} are allowed."
            )
        if any(unicodedata.category(character) in _UNPRINTABLE for character in value):
            return f"The value of [{slot.name}] must be one line without control characters."
        return ""
    if value in slot.values:
        return ""
    listed = ", ".join(slot.values[:_MAX_LISTED]) + (", ..." if len(slot.values) > _MAX_LISTED else "")
    return f"{value[:80]!r} is not allowed for [{slot.name}]. Allowed: {listed}."


def _find_problem(slot: TemplateSlot, values: Mapping[str, str], slots: Mapping[str, TemplateSlot]) -> str:
    value = values.get(slot.name)
    if value is None:
        return f"[{slot.name}] needs a value." if slot.required else ""
    injected = next((name for name in MARKER.findall(value) if name in slots), None)
    if injected is not None:
        return f"The value of [{slot.name}] contains the slot [{injected}], which is not filled."
    return find_value_problem(slot, value)
