"""Templates as JSON, for the API and the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from safelight.core.envelopes import whole_seconds

from .models import RenderedPrompt, Template, TemplateSlot, Validation


def template_object(template: Template) -> dict[str, Any]:
    document = template.document
    return {
        "object": "template",
        "id": template.id,
        "name": template.name,
        "version": template.version,
        "state": template.state.value,
        "about": document.about,
        "language": document.language,
        "text": document.text,
        "slots": [slot_object(slot) for slot in document.slots],
        "source": template.source,
        "author": template.author_name,
        "approver": template.approver_name,
        "created_at": int(template.created_at),
        "submitted_at": whole_seconds(template.submitted_at),
        "approved_at": whole_seconds(template.approved_at),
        "retired_at": whole_seconds(template.retired_at),
        "no_eligible_approver": template.no_eligible_approver,
    }


def validated_object(template: Template, validations: Iterable[Validation]) -> dict[str, Any]:
    return {**template_object(template), "validations": [validation_object(one) for one in validations]}


def slot_object(slot: TemplateSlot) -> dict[str, Any]:
    return {
        "name": slot.name,
        "type": slot.type.value,
        "values": list(slot.values),
        "required": slot.required,
        "default": slot.default,
        "max_characters": slot.max_characters or None,
    }


def validation_object(found: Validation) -> dict[str, Any]:
    return {
        "video_id": found.video_id,
        "prompt": found.prompt,
        "model": found.model,
        "created_at": int(found.created_at),
        "outcome": found.outcome,
        "error_code": found.error_code,
        "charge": dict(found.charge) if found.charge else None,
    }


def rendered_object(rendered: RenderedPrompt) -> dict[str, Any]:
    use = rendered.use
    return {
        "object": "template.prompt",
        "prompt": rendered.text,
        "template": {"name": use.name, "version": use.version, "values": dict(use.values)},
        "approved": use.approved,
    }
