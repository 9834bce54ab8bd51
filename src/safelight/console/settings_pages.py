"""Settings to read, keys to make and end, webhook endpoints to set up and try."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import SafelightError
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.accounts.models import APPLICATION_SCOPES, KeyRecord
from safelight.trust.webhooks import EventType, RegisteredEndpoint
from safelight.web.request_body import read_body

from .formatting import length, moment
from .handler import PageHandler
from .redacted_settings import sections
from .translations import Translations


class SettingsPages(PageHandler):
    """For people with the scope `admin`."""

    async def settings(self, request: Request, principal: Principal) -> Response:
        return await self._show(request, principal)

    async def make_key(self, request: Request, principal: Principal) -> Response:
        """A key; its token is on the answer's page and nowhere else."""
        async with read_body(request, self.services) as body:
            name = str(body.fields.get("name") or "")
            asked = [scope for scope in KeyScope if body.fields.get(f"scope_{scope.name.lower()}")]
        granted = [scope for scope in asked if principal.has_scope(scope)]
        try:
            record, token = await self.run(
                self.services.accounts.create_key, principal.tenant, name, granted, by=principal.id
            )
        except SafelightError as problem:
            return await self._show(request, principal, problem=problem, about="keys")
        return await self._show(request, principal, made={"name": record.name, "token": token}, about="keys")

    async def end_key(self, request: Request, principal: Principal) -> Response:
        key = request.path_params["key_id"]
        await self.run(self.services.accounts.revoke_key, principal.tenant, key, by=principal.id)
        return self.redirect("/settings#keys")

    async def make_webhook(self, request: Request, principal: Principal) -> Response:
        """An endpoint; its secret is on the answer's page and nowhere else."""
        async with read_body(request, self.services) as body:
            fields = body.fields
            events = [event.value for event in EventType if fields.get(f"event_{event.name.lower()}")]
            url, name = str(fields.get("url") or ""), str(fields.get("name") or "")
        try:
            endpoint, secret = await self.run(
                self.services.webhooks.create, principal, url=url.strip(), events=events, name=name
            )
        except SafelightError as problem:
            return await self._show(request, principal, problem=problem, about="webhooks")
        made = {"name": endpoint.name, "token": secret}
        return await self._show(request, principal, made=made, about="webhooks")

    async def webhook(self, request: Request, principal: Principal) -> Response:
        """Try an endpoint out, give it a new secret, or delete it."""
        endpoint_id = request.path_params["endpoint_id"]
        what = (await self.form(request)).get("what", "")
        webhooks = self.services.webhooks
        try:
            if what == "test":
                tried = await self.run(webhooks.test, principal, endpoint_id)
                return await self._show(request, principal, tried=tried, about="webhooks")
            if what == "rotate":
                endpoint, secret = await self.run(webhooks.rotate, principal, endpoint_id)
                made = {"name": endpoint.name, "token": secret}
                return await self._show(request, principal, made=made, about="webhooks")
            if what == "delete":
                await self.run(webhooks.delete, principal, endpoint_id)
        except SafelightError as problem:
            return await self._show(request, principal, problem=problem, about="webhooks")
        return self.redirect("/settings#webhooks")

    async def _show(
        self,
        request: Request,
        principal: Principal,
        *,
        problem: SafelightError | None = None,
        made: dict[str, str] | None = None,
        tried: Any = None,
        about: str = "",
    ) -> Response:
        words, services = self.words(request), self.services
        keys = await self.run(services.accounts.list_keys, principal.tenant)
        endpoints = await self.run(services.webhooks.list, principal)
        read = self.console.settings
        return await self.page(
            request,
            "settings.html",
            principal,
            problem.status if problem else 200,
            keys=[_key(key, words) for key in reversed(keys)],
            scopes=[
                (scope.name.lower(), scope.value, scope in APPLICATION_SCOPES)
                for scope in KeyScope
                if principal.has_scope(scope)
            ],
            endpoints=[_endpoint(endpoint, words) for endpoint in endpoints],
            events=[(event.name.lower(), event.value) for event in EventType],
            sections=sections(read()) if read else (),
            problem=problem,
            made=made,
            tried=tried,
            took=length(tried.wall_s, words) if tried else "",
            about=about,
        )


def _key(key: KeyRecord, words: Translations) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "made": moment(key.created_at, words),
        "used": moment(key.last_used_at, words) if key.last_used_at else "",
        "ended": moment(key.revoked_at, words) if key.revoked_at else "",
    }


def _endpoint(endpoint: RegisteredEndpoint, words: Translations) -> dict[str, Any]:
    failing = endpoint.failing_since
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "url": endpoint.url,
        "events": [event.value for event in endpoint.events],
        "secrets": [secret.hint for secret in endpoint.secrets],
        "failing": moment(failing, words) if failing else "",
        "failures": endpoint.failures,
        "last": str(endpoint.last_status or endpoint.last_error or ""),
        "arrived": moment(endpoint.last_success_at, words) if endpoint.last_success_at else "",
    }
