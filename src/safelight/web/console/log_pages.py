"""The page of the audit log."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.core.log_filter import LogFilter

from .render import PageHandler

_MAX_ROWS = 100
#: `int` refuses 4,301 digits with an error of its own.
_MAX_DIGITS = 15


class LogPages(PageHandler):
    """Handlers of the page; without the scope `audit` it has reads only."""

    async def show(self, request: Request, principal: Principal) -> Response:
        query = request.query_params
        texts = {name: query.get(name, "").strip() for name in ("person", "subject", "event")}
        sees_all = principal.has_scope(KeyScope.AUDIT)
        texts["event"] = texts["event"] or ("" if sees_all else "reads")
        before = query.get("before", "")
        is_number = before.isascii() and before.isdecimal() and len(before) <= _MAX_DIGITS
        asked = LogFilter(**texts, before=int(before) if is_number else None)
        page = await self.run(lambda: self.services.tenant_log.read(principal, asked, limit=_MAX_ROWS))
        filled = {name: value for name, value in texts.items() if value}
        return await self.render_page(
            request,
            "log.html",
            principal,
            asked=asked,
            sees_all=sees_all,
            lines=page.items,
            first=asked.before is None,
            start=f"/compliance/log?{urlencode(filled)}",
            more=f"/compliance/log?{urlencode(filled | {'before': str(page.items[-1].seq)})}"
            if page.has_more
            else None,
        )
