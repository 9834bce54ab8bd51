"""The audit log of the caller's tenant, for its auditors and leads: a view and an operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import Field

from safelight.accounts import KeyScope, Principal
from safelight.accounts.tenant_log import LogLine, TenantLog
from safelight.core.log_filter import LogFilter
from safelight.core.records import About, Shown
from safelight.store.pages import Page
from safelight.web.operations import Operations

operations = Operations("/v1/safelight/audit_log", tag="statements", scopes=(KeyScope.AUDIT, KeyScope.POLICY))


class LogServices(Protocol):
    @property
    def tenant_log(self) -> TenantLog: ...


@dataclass(frozen=True, kw_only=True)
class AuditLogPage(Shown):
    object: Literal["list"] = "list"
    data: Annotated[
        tuple[LogLine, ...],
        About("Newest first, without the content, which can name what only the vault officer may know."),
    ]
    has_more: Annotated[bool, About("True if there are older ones: send the last `seq` as `before`.")]


@dataclass(frozen=True, kw_only=True)
class LogQuery(LogFilter):
    limit: Annotated[int, Field(ge=1, le=100)] = 50


def show_log(found: Page[LogLine]) -> AuditLogPage:
    return AuditLogPage(data=tuple(found.items), has_more=found.has_more)


def list_entries(services: LogServices, principal: Principal, asked: LogQuery) -> Page[LogLine]:
    return services.tenant_log.read(principal, asked, limit=asked.limit)


operations.add("GET ", "List the entries of the audit log", list_entries, shows=show_log)
