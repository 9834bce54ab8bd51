"""The tables, by slice. Every row of a tenant carries `tenant_id`; times are unix seconds, UTC."""

from __future__ import annotations

from .accounts import keys, login_links, sessions, tenants
from .judgements import findings, policies, verdicts, waivers
from .likeness import consents, protected, templates
from .log import log, log_contents, log_head
from .operations import installation, outbox, usage
from .seals import seals
from .trust import cases, decisions, probes, reports, rewordings, webhook_endpoints
from .types import metadata
from .videos import assets, attempts, videos
from .wire import characters, creates, parents

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
