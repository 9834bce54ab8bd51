"""The tables. Every row that belongs to a tenant has a `tenant_id`. Times are unix seconds, UTC."""

from .accounts import (
    api_keys,
    invitations,
    login_links,
    people,
    sessions,
    sign_in_failures,
    tenants,
)
from .audit_log import CASE_EVENTS, audit_log, audit_log_contents, audit_log_head
from .consents import consent_media, consent_requests, consent_uses
from .drift import drift_alarms
from .fingerprints import provenance_check_counts, provenance_feedback, seal_fingerprints
from .gates import gates
from .incidents import incidents
from .likeness import biometric_templates, consents, protected_people
from .notices import notices, stay_down_hashes, video_hidings
from .openid import openid_attempts, openid_identities, openid_sessions
from .outbox import installation, outbox, quota_usage
from .prompts import library_entries, library_terms, library_uses, prompt_templates, template_videos
from .quality import golden_cases, quality_answers, quality_cases, quality_draws
from .requests import characters, copied_sources, idempotency_keys, video_lineage
from .reviews import case_conflicts, case_skips, exposures, reviewer_preferences, saved_replies
from .seals import seals
from .standing import (
    access_requests,
    account_terms,
    bans,
    strikes,
)
from .statements import appeals, statements
from .trust import (
    blocked_prompt_sketches,
    cases,
    check_usage,
    decisions,
    pending_decisions,
    reports,
    vault_entries,
    webhook_endpoints,
)
from .types import metadata
from .verdicts import findings, halts, policies, verdicts, waivers
from .videos import assets, attempts, reported_attempts, transcripts, videos

__all__ = [
    "CASE_EVENTS",
    "access_requests",
    "account_terms",
    "api_keys",
    "appeals",
    "assets",
    "attempts",
    "audit_log",
    "audit_log_contents",
    "audit_log_head",
    "bans",
    "biometric_templates",
    "blocked_prompt_sketches",
    "case_conflicts",
    "case_skips",
    "cases",
    "characters",
    "check_usage",
    "consent_media",
    "consent_requests",
    "consent_uses",
    "consents",
    "copied_sources",
    "decisions",
    "drift_alarms",
    "exposures",
    "findings",
    "gates",
    "golden_cases",
    "halts",
    "idempotency_keys",
    "incidents",
    "installation",
    "invitations",
    "library_entries",
    "library_terms",
    "library_uses",
    "login_links",
    "metadata",
    "notices",
    "openid_attempts",
    "openid_identities",
    "openid_sessions",
    "outbox",
    "pending_decisions",
    "people",
    "policies",
    "prompt_templates",
    "protected_people",
    "provenance_check_counts",
    "provenance_feedback",
    "quality_answers",
    "quality_cases",
    "quality_draws",
    "quota_usage",
    "reported_attempts",
    "reports",
    "reviewer_preferences",
    "saved_replies",
    "seal_fingerprints",
    "seals",
    "sessions",
    "sign_in_failures",
    "statements",
    "stay_down_hashes",
    "strikes",
    "template_videos",
    "tenants",
    "transcripts",
    "vault_entries",
    "verdicts",
    "video_hidings",
    "video_lineage",
    "videos",
    "waivers",
    "webhook_endpoints",
]
