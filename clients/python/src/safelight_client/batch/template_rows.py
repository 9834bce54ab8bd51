"""Rows that name a prompt template of a Safelight gateway: their columns, and the prompts made for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from safelight_client.errors import BatchError

if TYPE_CHECKING:
    from .rows import BatchRow

_NAME, _VERSION, _SLOT = "template", "template_version", "slot."
_NO_TEMPLATES = "The row names a template, which only a Safelight gateway has."
TEMPLATE_REQUIRED = (
    "This team demands a template: a video is refused unless its text is made from an approved one."
)


@dataclass(frozen=True, kw_only=True)
class RenderedTemplate:
    """The prompt of a row, and the version of the template that it was made from."""

    prompt: str
    version: int
    approved: bool


#: Makes the prompt for `{"name", "version", "values"}`. Raises `BatchError` if that is not possible.
TemplateRenderer: TypeAlias = Callable[[Mapping[str, Any]], RenderedTemplate]


class WrongTemplateColumns(Exception):
    """The columns of a template contradict each other."""


def read_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with `template`, `template_version` and `slot.NAME` as the field `safelight.template`.

    Raises `WrongTemplateColumns`.
    """
    slots = {name.removeprefix(_SLOT): value for name, value in fields.items() if name.startswith(_SLOT)}
    if not slots and not fields.keys() & {_NAME, _VERSION}:
        return dict(fields)
    rest = {
        name: value
        for name, value in fields.items()
        if name not in (_NAME, _VERSION) and not name.startswith(_SLOT)
    }
    name, ours = fields.get(_NAME), rest.get("safelight") or {}
    if not isinstance(name, str):
        raise WrongTemplateColumns(f"The row has values of slots, and no name in the column {_NAME}.")
    if not isinstance(ours, Mapping) or "template" in ours:
        raise WrongTemplateColumns("The row names a template twice.")
    version = {} if fields.get(_VERSION) is None else {"version": fields[_VERSION]}
    values = {slot: str(value) for slot, value in slots.items()}
    return {**rest, "safelight": {**ours, "template": {"name": name, **version, "values": values}}}


def template_of(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The template that the fields name."""
    ours = fields.get("safelight")
    found = ours.get("template") if isinstance(ours, Mapping) else None
    return found if isinstance(found, Mapping) else None


def with_rendered(fields: Mapping[str, Any], made: RenderedTemplate) -> dict[str, Any]:
    """The fields with the prompt, and with the version, so that a newer one does not change the request."""
    template = {**(template_of(fields) or {}), "version": made.version}
    return {**fields, "prompt": made.prompt, "safelight": {**fields["safelight"], "template": template}}


def without_template(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields for a server that knows no templates; their prompt is made already."""
    ours = {name: value for name, value in fields["safelight"].items() if name != "template"}
    rest = {name: value for name, value in fields.items() if name != "safelight"}
    return {**rest, **({"safelight": ours} if ours else {})}


def render_rows(
    rows: Iterable[BatchRow], render: TemplateRenderer | None, *, demanded: bool
) -> tuple[BatchRow, ...]:
    """The rows with the prompts of their templates. A row without one is wrong if the team demands them."""
    return tuple(_render(row, render, demanded=demanded) for row in rows)


def _render(row: BatchRow, render: TemplateRenderer | None, *, demanded: bool) -> BatchRow:
    template = template_of(row.fields)
    if row.problems or (template is None and not demanded):
        return row
    if template is None:
        return replace(row, problems=(TEMPLATE_REQUIRED,))
    if render is None:
        # The gateway compares the prompt with that of the template.
        return row if row.prompt else replace(row, problems=(_NO_TEMPLATES,))
    try:
        made = render(template)
    except BatchError as error:
        return replace(row, problems=(str(error),))
    if row.prompt and row.prompt != made.prompt:
        return replace(row, problems=("The row has a prompt and a template. Leave the prompt out.",))
    problems = (TEMPLATE_REQUIRED,) if demanded and not made.approved else ()
    return replace(row, fields=with_rendered(row.fields, made), problems=problems)
