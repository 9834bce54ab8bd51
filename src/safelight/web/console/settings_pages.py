"""The settings page: API keys, webhook endpoints, and the settings in force."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.accounts.models import APPLICATION_SCOPES
from safelight.core.errors import NotFound, SafelightError
from safelight.core.i18n import load_messages
from safelight.core.net.redaction import redact
from safelight.core.net.webhook_inputs import EventType, NewEndpoint
from safelight.detectors.text.entities import EntityKind
from safelight.providers.protocol import Generator
from safelight.videos.refusal_budget import RefusalCount
from safelight.videos.upstream_gate import UpstreamProblem
from safelight.web.translations import Translations, translate_detector, translate_note

from .render import THEMES, Form, PageHandler, input_of
from .video_view import format_price

#: Names of secret settings; their values are never shown.
_SECRET_NAME = re.compile(
    r"(?i)(secret|token|passw|credential|api_?key|access_key|private|^key$|_key$|headers?$)"
)
_MAX_VALUE_CHARS = 200

# The settings in force for the settings page, without secrets.


@dataclass(frozen=True, kw_only=True)
class RedactedSetting:
    name: str
    value: str
    #: Replaces the value of a secret setting that is set.
    hidden: bool = False
    #: `file`, `environment` or `command_line`; empty for a default.
    source: str = ""
    #: The environment variable that sets it.
    variable: str = ""


@dataclass(frozen=True, kw_only=True)
class SettingsSection:
    name: str
    rows: tuple[RedactedSetting, ...]


def redact_settings(settings: Mapping[str, Any], sources: Mapping[str, str]) -> tuple[SettingsSection, ...]:
    """The settings by section, with the source of each. Settings outside a section come first."""
    top_level = tuple(
        _with_source("", _redact_setting(name, value), sources)
        for name, value in settings.items()
        if not isinstance(value, Mapping)
    )
    sections = tuple(
        SettingsSection(
            name=name, rows=tuple(_with_source(f"{name}.", row, sources) for row in _flatten("", value))
        )
        for name, value in settings.items()
        if isinstance(value, Mapping)
    )
    return (*((SettingsSection(name="", rows=top_level),) if top_level else ()), *sections)


def _with_source(section: str, row: RedactedSetting, sources: Mapping[str, str]) -> RedactedSetting:
    full_name = f"{section}{row.name}"
    source = next((str(sources[name]) for name in _with_parents(full_name) if name in sources), "")
    return replace(row, source=source, variable=f"SAFELIGHT_{full_name.replace('.', '__').upper()}")


def _with_parents(name: str) -> Iterator[str]:
    """The name, and the names of the tables that contain it."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _flatten(prefix: str, table: Mapping[str, Any]) -> Iterator[RedactedSetting]:
    for name, value in table.items():
        full_name = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and not _SECRET_NAME.search(name):
            yield from _flatten(f"{full_name}.", value)
        else:
            yield _redact_setting(full_name, value)


def _redact_setting(name: str, value: Any) -> RedactedSetting:
    last_part = name.rpartition(".")[2]
    # A path to a key file is shown, because it is not secret.
    is_file = isinstance(value, str) and last_part in {"key", "key_file", "tls_key"} and "/" in value
    if _SECRET_NAME.search(last_part) and not is_file and value not in (None, "", {}):
        return RedactedSetting(name=name, value="", hidden=True)
    if value is None or value in ({}, []):
        return RedactedSetting(name=name, value="")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return RedactedSetting(name=name, value=redact(text, longest=_MAX_VALUE_CHARS))


# Labels of settings in words, for the settings page.


def label_section(name: str, t: Translations) -> str:
    """The section in words. Settings outside a section have the name ""."""
    labels, key = load_messages("settings", t.tag), f"section.{name or 'top'}"
    return labels(key) if labels.has(key) else name


def label_setting(section: str, name: str, t: Translations) -> str:
    """The setting in words. An option without a label, such as one of a plugin, keeps its own name."""
    labels = load_messages("settings", t.tag)
    key = f"{section}.{name}" if section else name
    if labels.has(key):
        return labels(key)
    table, _, option = name.partition(".")
    if section == "generators" and labels.has(f"generator.{option}"):
        option = labels(f"generator.{option}")
    if section == "detectors":
        table = translate_detector(table, t)
    elif labels.has(f"{section}.{table}"):
        table = labels(f"{section}.{table}")
    return t("scan.named", name=table, value=option) if option else table


# The generators for the settings page.


@dataclass(frozen=True, kw_only=True)
class GeneratorRow:
    name: str
    models: tuple[str, ...]
    price: str
    #: Sentences; empty if nothing is known to fail.
    problems: tuple[str, ...]


def generator_rows(
    generators: Mapping[str, Generator],
    failing: Mapping[str, UpstreamProblem],
    budgets: Mapping[str, RefusalCount],
    t: Translations,
) -> tuple[GeneratorRow, ...]:
    """Each generator with what keeps requests from it. Of refusals, which are those of all tenants, no count
    is shown.
    """
    rows = []
    for name, generator in generators.items():
        info, failed = generator.info(), failing.get(name, UpstreamProblem())
        budget = budgets.get(name)
        problems = (
            t("settings.generator_paused", count=failed.failed_calls) if failed.failed_calls else "",
            t.translate_error(failed.no_answer),
            t("settings.generator_refused") if budget is not None and budget.is_used else "",
        )
        rows.append(
            GeneratorRow(
                name=name,
                models=(*info.models, *info.aliases),
                price=format_price(info.usd_per_second, 1, t),
                problems=tuple(filter(None, problems)),
            )
        )
    return tuple(rows)


class SettingsPages(PageHandler):
    """Handlers of the settings page; they need the scope `admin`."""

    refusals = (SafelightError,)

    async def create_key(self, request: Request, principal: Principal) -> Response:
        """Create an API key. Its token is shown once, on the response page."""
        form = await self.read_form(request)
        requested = [scope for scope in KeyScope if form.get(f"scope_{scope.name.lower()}")]
        created = await self.run(
            self.services.accounts.create_own_key, principal, form.get("name", ""), requested
        )
        return await self.show(request, principal, created=created)

    async def revoke_key(self, request: Request, principal: Principal) -> Response:
        key = request.path_params["key_id"]
        await self.run(self.services.accounts.revoke_key, principal.tenant, key, by=principal.id)
        return self.redirect("/settings#keys")

    async def create_webhook(self, request: Request, principal: Principal) -> Response:
        """Create a webhook endpoint. Its secret is shown once, on the response page."""
        created = await self.submit(request, principal, _new_endpoint, self.services.webhooks.create)
        return await self.show(request, principal, created=created)

    async def change_webhook(self, request: Request, principal: Principal) -> Response:
        """Test a webhook endpoint, replace its secret, or delete it."""
        endpoint_id, webhooks = request.path_params["endpoint_id"], self.services.webhooks
        action = (await self.read_form(request)).get("action", "")
        if action == "test":
            result = await self.run(webhooks.test, principal, endpoint_id)
            return await self.show(request, principal, test_result=result)
        if action == "rotate":
            created = await self.run(webhooks.rotate, principal, endpoint_id)
            return await self.show(request, principal, created=created)
        if action == "delete":
            await self.run(webhooks.delete, principal, endpoint_id)
        return self.redirect("/settings#webhooks")

    async def change_names(self, request: Request, principal: Principal) -> Response:
        """Add names to a name list, or remove one name or a whole list."""
        editor = self.console.name_lists
        if editor is None:
            raise NotFound("This server has no name lists.")
        form = await self.read_form(request)
        name, entry = form.get("list", "").strip(), form.get("entry", "").strip()
        if form.get("action") in ("remove", "remove_list"):
            one = entry if form["action"] == "remove" else None
            await self.run(editor.remove, principal, name, one)
            return self.redirect("/settings#names")
        done = await self.run(editor.add, principal, name, form.get("kind", ""), form.get("names", ""))
        return await self.show(request, principal, names_added=done)

    async def show_again(
        self, request: Request, principal: Principal, problem: SafelightError, form: Form
    ) -> Response:
        return await self.show(request, principal)

    async def show(self, request: Request, principal: Principal, **outcome: Any) -> Response:
        """The page. `outcome`: what an action made: `created`, `test_result` or `names_added`."""
        t, services = self.translations(request), self.services
        read, editor = self.console.settings, self.console.name_lists
        standing, is_admin = services.standing, principal.has_scope(KeyScope.ADMIN)
        values = {
            "keys": (await self.run(services.accounts.list_keys, principal.tenant))[::-1],
            "scopes": [scope for scope in KeyScope if principal.has_scope(scope)],
            "preselected": APPLICATION_SCOPES,
            "waiting": await self.run(standing.access.count_waiting, principal)
            if standing and is_admin
            else 0,
            "may_manage_people": self.console.people is not None and principal.has_scope(KeyScope.PEOPLE),
            "endpoints": await self.run(services.webhooks.list, principal),
            "events": EventType,
            "generators": generator_rows(
                services.generators,
                await self.run(services.upstream_problems),
                await self.run(services.refusal_budgets),
                t,
            ),
            "sections": redact_settings(read(), self.console.setting_sources) if read else (),
            "label_section": lambda name: label_section(name, t),
            "label_setting": lambda section, name: label_setting(section, name, t),
            "created": None,
            "test_result": None,
            "names_added": None,
            "name_lists": await self.run(editor.sizes) if editor else {},
            "may_change_names": editor is not None and await self.run(editor.may_change, principal),
            "translate_note": lambda note: translate_note(note, t),
            "lists": await self.run(editor.records) if editor else (),
            "name_kinds": EntityKind,
            "themes": THEMES,
            # The part of the page that the form is in: the second one of its address.
            "section": request.url.path.split("/")[2] if request.method == "POST" else "",
            **outcome,
        }
        return await self.render_page(request, "settings.html", principal, **values)


def _new_endpoint(form: Form) -> NewEndpoint:
    events = [event.value for event in EventType if form.get(f"event_{event.name.lower()}")]
    return input_of(NewEndpoint, form, url=form.get("url", "").strip(), event_types=events)
