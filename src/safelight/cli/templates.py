"""`safelight templates`: prompt templates with slots, which a second person approves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.dates import format_day
from safelight.core.envelopes import list_object

from .commands import load_container
from .key_owner import UseKey, acting_principal
from .language import texts
from .operations import Result, command
from .output import printable
from .text_input import read_text

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.core.i18n import Messages
    from safelight.videos.templates import Template, Validation

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The template's name.")]
Version = Annotated[int, typer.Argument(help="The number of the version.", min=1)]
SomeVersion = Annotated[
    int | None, typer.Option("--version", help="The version. [default: the newest approved one]", min=1)
]


@command(app)
def list_(container: Container) -> Result:
    """List every version of every template with its state."""
    from safelight.videos.templates.serializers import template_object

    found = container.templates.list(acting_principal(container, use_key=False))
    lines = "\n".join(_format_line(each) for each in found.items)
    payload = list_object(map(template_object, found.items), has_more=found.has_more)
    return Result(payload, lines or _texts()("template.none"))


@command(app)
def show(container: Container, name: Name, version: SomeVersion = None) -> Result:
    """Show a template: its text, its slots, and the videos made from it."""
    from safelight.videos.templates.serializers import validated_object

    principal, templates = acting_principal(container, use_key=False), container.templates
    found = templates.get(principal, name, version)
    validations = templates.validations(principal, name, found.version)
    return Result(validated_object(found, validations), _format(found, validations))


@command(app)
def add(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The template, a YAML file.", exists=True, dir_okay=False)],
    use_key: UseKey = False,
) -> Result:
    """Add a draft. A name that exists gets a new version."""
    source = read_text(file, param="file")
    container = load_container(ctx)
    templates, principal = container.templates, acting_principal(container, use_key)
    return _result(templates.add(principal, source))


@command(app)
def submit(container: Container, name: Name, version: Version, use_key: UseKey = False) -> Result:
    """Submit a draft for review. Another person has to approve it."""
    templates, principal = container.templates, acting_principal(container, use_key)
    return _result(templates.submit(principal, name, version))


@command(app)
def approve(container: Container, name: Name, version: Version, use_key: UseKey = False) -> Result:
    """Approve a version in review. Its author may not do this."""
    templates, principal = container.templates, acting_principal(container, use_key)
    return _result(templates.approve(principal, name, version))


@command(app)
def retire(container: Container, name: Name, version: Version, use_key: UseKey = False) -> Result:
    """Retire a version: no new prompt is made from it."""
    templates, principal = container.templates, acting_principal(container, use_key)
    return _result(templates.retire(principal, name, version))


@command(app)
def render(
    ctx: typer.Context,
    name: Name,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="A slot and its value, as SLOT=VALUE; repeatable.")
    ] = None,
    version: SomeVersion = None,
) -> Result:
    """Print the prompt of a template. It is not checked: pass it to `safelight check`."""
    from safelight.core.errors import InvalidField
    from safelight.videos.templates import TemplateCall
    from safelight.videos.templates.serializers import rendered_object

    given: dict[str, str] = {}
    for each in values or ():
        slot, equals, value = each.partition("=")
        if not equals or slot in given:
            raise InvalidField(f"{each!r} is not SLOT=VALUE, or its slot occurs twice.", param="set")
        given[slot] = value
    container = load_container(ctx)
    call = TemplateCall(name=name, version=version, values=given)
    rendered = container.templates.render(acting_principal(container, use_key=False), call)
    return Result(rendered_object(rendered), rendered.text)


def _result(template: Template) -> Result:
    from safelight.videos.templates.serializers import template_object

    return Result(template_object(template), _format_line(template))


def _texts() -> Messages:
    return texts("prompts")


def _format_line(template: Template) -> str:
    t = _texts()
    state = t(f"template.state.{template.state.value}")
    line = t("template.line", name=template.name, version=template.version, state=state)
    if template.approver_name:
        line += "  " + t("template.approved_by", who=printable(template.approver_name))
    if template.no_eligible_approver:
        line += "\n  " + t("template.no_approver")
    return line


def _format(template: Template, validations: tuple[Validation, ...]) -> str:
    t, document = _texts(), template.document
    lines = [_format_line(template)]
    if document.about:
        lines.append(f"  {printable(document.about)}")
    lines += ["", f"  {printable(document.text)}", ""]
    for slot in document.slots:
        allowed = (
            t("template.free_text", count=slot.max_characters) if not slot.values else ", ".join(slot.values)
        )
        needed = "" if slot.required else f" ({t('template.optional')})"
        lines.append(f"  [{slot.name}]{needed}: {printable(allowed)}")
    lines += ["", t("template.validations", count=len(validations))]
    for found in validations:
        outcome = t(f"outcome.{found.outcome}") if t.has(f"outcome.{found.outcome}") else found.outcome
        day = format_day(found.created_at)
        lines.append(f"  {day}  {outcome}  {printable(found.model)}  {found.video_id}")
    return "\n".join(lines)
