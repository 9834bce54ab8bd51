"""The settings page: API keys, webhook endpoints, and the settings in force."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.detectors.text.entities import EntityKind
from safelight.errors import NotFound, SafelightError
from safelight.i18n import load_messages
from safelight.net.redaction import redact
from safelight.trust.accounts import DECIDING, KeyScope, Principal, Tenant
from safelight.trust.accounts.managed_tenants import ManagedTenants
from safelight.trust.accounts.models import APPLICATION_SCOPES, KeyRecord
from safelight.trust.webhooks import EventType, RegisteredEndpoint
from safelight.web.auth import choose_tenant

from .render import THEMES, PageHandler
from .translations import Translations, format_date, format_datetime, format_duration, translate_detector

_PATH = "/compliance/tenants"
_MAX_ROWS = 100


class TenantPages(PageHandler):
    """Handlers of the page. They get the principal of the own tenant, also while it acts in another."""

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render(request, principal)

    async def enter(self, request: Request, principal: Principal) -> Response:
        """Choose the tenant to act in: a reviewer sees its cases, other staff its terms."""
        tenant = request.path_params["tenant_id"]
        acting = await self.run(self._managed.enter, principal, tenant)
        response = self.redirect(
            "/review" if acting.scopes & DECIDING else "/compliance/accounts?kind=tenant"
        )
        choose_tenant(response, request, tenant)
        return response

    async def leave(self, request: Request, principal: Principal) -> Response:
        response = self.redirect("/")
        choose_tenant(response, request, "")
        return response

    async def close(self, request: Request, principal: Principal) -> Response:
        tenant, reason = request.path_params["tenant_id"], (await self.read_form(request)).get("reason", "")
        try:
            await self.run(partial(self._managed.close, principal, tenant, reason=reason))
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem)
        return self.redirect(_PATH)

    @property
    def _managed(self) -> ManagedTenants:
        return self.services.accounts.managed

    async def _render(
        self, request: Request, principal: Principal, *, problem: SafelightError | None = None
    ) -> Response:
        t = self.translations(request)
        after = request.query_params.get("after")
        found = await self.run(partial(self._managed.list, principal, after=after))
        shown = found[:_MAX_ROWS]
        waiting: dict[str, int] = {}
        if self.services.standing is not None:
            waiting = await self.run(self.services.standing.managed_cases.count, principal)
        if after is None:
            # Those with the most cases first, so that they are not hidden behind newer tenants.
            most = sorted(waiting, key=lambda one: -waiting[one])[:_MAX_ROWS]
            first = await self.run(partial(self._managed.list, principal, ids=most))
            shown = (
                *sorted(first, key=lambda one: -waiting[one.id]),
                *(one for one in shown if one not in first),
            )
        return await self.render_page(
            request,
            "tenants.html",
            principal,
            problem.status if problem else 200,
            m=load_messages("tenants", t.tag),
            tenants=[_row(one, waiting.get(one.id, 0), t) for one in shown],
            next_page=found[_MAX_ROWS - 1].id if len(found) > _MAX_ROWS else "",
            has_reviewer=await self.run(self._managed.has_reviewer, principal.tenant),
            may_close=principal.has_scope(KeyScope.ADMIN),
            problem=problem,
        )


def _row(one: Tenant, waiting: int, t: Translations) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "created": format_date(one.created_at, t),
        "closed": "" if one.closed_at is None else format_date(one.closed_at, t),
        "waiting": waiting,
    }


# The settings in force for the settings page, without secrets.

#: Names of secret settings; their values are never shown.
_SECRET_NAME = re.compile(
    r"(?i)(secret|token|passw|credential|api_?key|access_key|private|^key$|_key$|headers?$)"
)
_MAX_VALUE_CHARS = 200


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


class SettingsPages(PageHandler):
    """Handlers of the settings page; they need the scope `admin`."""

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render_settings(request, principal)

    async def create_key(self, request: Request, principal: Principal) -> Response:
        """Create an API key. Its token is shown once, on the response page."""
        form = await self.read_form(request)
        name = form.get("name", "")
        requested = [scope for scope in KeyScope if form.get(f"scope_{scope.name.lower()}")]
        try:
            record, token = await self.run(self.services.accounts.create_own_key, principal, name, requested)
        except SafelightError as problem:
            return await self._render_settings(request, principal, problem=problem, section="keys")
        return await self._render_settings(
            request, principal, created={"name": record.name, "token": token}, section="keys"
        )

    async def revoke_key(self, request: Request, principal: Principal) -> Response:
        key = request.path_params["key_id"]
        await self.run(self.services.accounts.revoke_key, principal.tenant, key, by=principal.id)
        return self.redirect("/settings#keys")

    async def create_webhook(self, request: Request, principal: Principal) -> Response:
        """Create a webhook endpoint. Its secret is shown once, on the response page."""
        form = await self.read_form(request)
        events = [event.value for event in EventType if form.get(f"event_{event.name.lower()}")]
        url, name = form.get("url", ""), form.get("name", "")
        try:
            endpoint, secret = await self.run(
                self.services.webhooks.create, principal, url=url.strip(), events=events, name=name
            )
        except SafelightError as problem:
            return await self._render_settings(request, principal, problem=problem, section="webhooks")
        created = {"name": endpoint.name, "token": secret}
        return await self._render_settings(request, principal, created=created, section="webhooks")

    async def change_webhook(self, request: Request, principal: Principal) -> Response:
        """Test a webhook endpoint, replace its secret, or delete it."""
        endpoint_id = request.path_params["endpoint_id"]
        action = (await self.read_form(request)).get("action", "")
        webhooks = self.services.webhooks
        try:
            if action == "test":
                test_result = await self.run(webhooks.test, principal, endpoint_id)
                return await self._render_settings(
                    request, principal, test_result=test_result, section="webhooks"
                )
            if action == "rotate":
                endpoint, secret = await self.run(webhooks.rotate, principal, endpoint_id)
                created = {"name": endpoint.name, "token": secret}
                return await self._render_settings(request, principal, created=created, section="webhooks")
            if action == "delete":
                await self.run(webhooks.delete, principal, endpoint_id)
        except SafelightError as problem:
            return await self._render_settings(request, principal, problem=problem, section="webhooks")
        return self.redirect("/settings#webhooks")

    async def change_names(self, request: Request, principal: Principal) -> Response:
        """Add names to a name list, or remove one name or a whole list."""
        editor = self.console.name_lists
        if editor is None:
            raise NotFound("This server has no name lists.")
        form = await self.read_form(request)
        name, entry = form.get("list", "").strip(), form.get("entry", "").strip()
        try:
            if form.get("action") == "remove":
                await self.run(editor.remove, principal, name, entry)
            elif form.get("action") == "remove_list":
                await self.run(editor.remove, principal, name, None)
            else:
                done = await self.run(
                    editor.add, principal, name, form.get("kind", ""), form.get("names", "")
                )
                return await self._render_settings(request, principal, names_added=done, section="names")
        except SafelightError as problem:
            return await self._render_settings(request, principal, problem=problem, section="names")
        return self.redirect("/settings#names")

    async def _render_settings(
        self,
        request: Request,
        principal: Principal,
        *,
        problem: SafelightError | None = None,
        section: str = "",
        **outcome: Any,
    ) -> Response:
        """The page. `outcome` is the result of an action: `created`, `test_result` or `names_added`."""
        test_result = outcome.get("test_result")
        t, services = self.translations(request), self.services
        keys = await self.run(services.accounts.list_keys, principal.tenant)
        endpoints = await self.run(services.webhooks.list, principal)
        read, editor = self.console.settings, self.console.name_lists
        standing, is_admin = services.standing, principal.has_scope(KeyScope.ADMIN)
        return await self.render_page(
            request,
            "settings.html",
            principal,
            problem.status if problem else 200,
            keys=[_key_row(key, t) for key in reversed(keys)],
            scopes=[
                (scope.name.lower(), scope.value, scope in APPLICATION_SCOPES)
                for scope in KeyScope
                if principal.has_scope(scope)
            ],
            a=load_messages("accounts", t.tag),
            waiting=await self.run(standing.access.count_waiting, principal) if standing and is_admin else 0,
            may_manage_people=self.console.people is not None and principal.has_scope(KeyScope.PEOPLE),
            endpoints=[_endpoint_row(endpoint, t) for endpoint in endpoints],
            events=[(event.name.lower(), event.value) for event in EventType],
            sections=redact_settings(read(), self.console.setting_sources) if read else (),
            label_section=lambda name: label_section(name, t),
            label_setting=lambda section, name: label_setting(section, name, t),
            problem=problem,
            created=outcome.get("created"),
            test_result=test_result,
            names_added=outcome.get("names_added"),
            name_lists=await self.run(editor.sizes) if editor else {},
            may_change_names=editor is not None and await self.run(editor.may_change, principal),
            name_kinds=[kind.value for kind in EntityKind],
            themes=THEMES,
            test_duration=format_duration(test_result.wall_s, t) if test_result else "",
            section=section,
        )


def _key_row(key: KeyRecord, t: Translations) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "created_at": format_datetime(key.created_at, t),
        "last_used_at": format_datetime(key.last_used_at, t) if key.last_used_at else "",
        "revoked_at": format_datetime(key.revoked_at, t) if key.revoked_at else "",
    }


def _endpoint_row(endpoint: RegisteredEndpoint, t: Translations) -> dict[str, Any]:
    failing = endpoint.failing_since
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "url": endpoint.url,
        "events": [event.value for event in endpoint.events],
        "secret_hints": [secret.hint for secret in endpoint.secrets],
        "failing_since": format_datetime(failing, t) if failing else "",
        "failures": endpoint.failures,
        "last_response": str(endpoint.last_status or endpoint.last_error or ""),
        "last_delivered_at": format_datetime(endpoint.last_success_at, t) if endpoint.last_success_at else "",
    }
