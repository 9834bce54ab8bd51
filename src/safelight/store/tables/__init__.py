"""The tables, by slice. Every row of a tenant carries `tenant_id`; times are unix seconds, UTC."""

from __future__ import annotations

from .accounts import keys, login_links, sessions, tenants
from .audit_log import log, log_contents, log_head
from .likeness import consents, protected, templates
from .outbox import installation, outbox, usage
from .requests import characters, creates, parents
from .seals import seals
from .trust import cases, decisions, probes, reports, rewordings, webhook_endpoints
from .types import metadata
from .verdicts import findings, policies, verdicts, waivers
from .videos import assets, attempts, videos

__all__ = [
    "assets",
    "attempts",
    "cases",
    "characters",
    "consents",
    "creates",
    "decisions",
    "findings",
    "installation",
    "keys",
    "log",
    "log_contents",
    "log_head",
    "login_links",
    "metadata",
    "outbox",
    "parents",
    "policies",
    "probes",
    "protected",
    "reports",
    "rewordings",
    "seals",
    "sessions",
    "templates",
    "tenants",
    "usage",
    "verdicts",
    "videos",
    "waivers",
    "webhook_endpoints",
]
