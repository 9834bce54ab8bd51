"""The prompts of batch rows that name a template: of the gateway, or of the local data directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from safelight.errors import SafelightError
from safelight_client import BatchError, Client

from .key_owner import acting_principal
from .prompt_checker import has_data

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.trust.templates import Template
    from safelight_client.batch import TemplateRenderer
    from safelight_client.steps import Answer, Call

#: Finds a version by its name and number; without a number the newest approved one.
_TemplateFinder = Callable[[str, "int | None"], "Template"]
_STEP = "Correct the row, then plan the batch again."


def gateway_renderer(url: str, key: str) -> TemplateRenderer:
    """Renders with the templates of a gateway. Each version is fetched once."""

    def find(name: str, version: int | None) -> Template:
        with Client(url, key) as client:
            return _read_template(client.run(_fetch(name, version)))

    return _renderer(find)


def local_renderer(container: Container) -> TemplateRenderer | None:
    """Renders with the templates of the data directory; None without one."""
    if not has_data(container):
        return None
    principal = acting_principal(container, use_key=False)
    return _renderer(lambda name, version: container.prompts.templates.get(principal, name, version))


def _renderer(find: _TemplateFinder) -> TemplateRenderer:
    from safelight.trust.templates.rendering import render_call
    from safelight.web.template_call import read_template_call
    from safelight_client.batch import RenderedTemplate

    known: dict[tuple[str, int | None], Template] = {}

    def render(given: Mapping[str, Any]) -> RenderedTemplate:
        try:
            call = read_template_call(given)
            key = (call.name, call.version)
            if key not in known:
                known[key] = find(*key)
            made = render_call(known[key], call)
        except SafelightError as error:
            raise BatchError(error.message, error.remedy or _STEP) from None
        return RenderedTemplate(prompt=made.text, version=made.use.version, approved=made.use.approved)

    return render


def _fetch(name: str, version: int | None) -> Call[Mapping[str, Any]]:
    """The version as the gateway states it, as a call of the client. Raises `BatchError`."""
    from safelight_client.responses import api_error
    from safelight_client.steps import Send

    query = {} if version is None else {"version": str(version)}
    path = f"/safelight/templates/{quote(name, safe='')}"
    answer: Answer = yield Send(method="GET", path=path, query=query)
    if answer.status == 404:
        which = "" if version is None else f" with a version {version}"
        raise BatchError(f"The gateway has no template {name[:80]!r}{which}.", _STEP)
    if not answer.is_ok:
        raise api_error(answer)
    body = answer.json()
    return body if isinstance(body, Mapping) else {}


def _read_template(given: Mapping[str, Any]) -> Template:
    from safelight.trust.templates import Template, TemplateState
    from safelight.trust.templates.documents import read_document

    try:
        return Template(
            id=str(given["id"]),
            version=int(given["version"]),
            state=TemplateState(given["state"]),
            source=str(given["source"]),
            document=read_document(str(given["source"])),
            author="",
            author_name=str(given["author"]),
            created_at=float(given["created_at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BatchError(f"The gateway describes a template in another form: {error}.", _STEP) from None
