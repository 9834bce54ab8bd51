"""One object of each kind that a path can name, for requests about own and foreign objects."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from safelight.accounts import KeyScope, Role
from safelight.accounts.incidents import Incident, IncidentKind, Severity
from safelight.accounts.keys import add_key
from safelight.accounts.models import account_subject, hash_token
from safelight.accounts.reporter import ReporterKind
from safelight.accounts.sessions import open_session
from safelight.accounts.statements import (
    DecisionGround,
    GroundBasis,
    NewStatement,
    StatementKind,
    StatementSource,
    record_statement,
)
from safelight.accounts.store import principal_of_person
from safelight.accounts.webhooks.models import RegisteredEndpoint, Secret
from safelight.consents.requests.service import media_record
from safelight.core.ids import new_id
from safelight.policy.findings import Stage
from safelight.policy.halts import Halt, HaltKind
from safelight.provenance.seal import Seal
from safelight.store import tables
from safelight.store.database import Database, Transaction
from safelight.store.key_ring import KeyRing
from safelight.store.rows import stored_columns
from safelight.videos.case_rows import CaseKind, CaseState, Decision, NewCase, open_case
from safelight.videos.case_rows.models import DecisionAction
from safelight.videos.case_rows.store import add_pending
from safelight.videos.library.rows import insert_entry
from safelight.videos.registry.seals import Registry
from safelight.videos.vault_entries import VaultKind, open_entry

from .people import add_person
from .videos import add_video

#: The same parameter stands for different objects, which the segment before it tells apart.
_AMBIGUOUS = frozenset({"entry_id", "name"})


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who an object belongs to: a person, or a key of another tenant."""

    database: Database
    tx: Transaction
    id: str
    keys: KeyRing


def kind_of(path: str, parameter: str) -> str:
    """The kind of object that a parameter of a path names; also for one of which no objects are made."""
    if parameter == "video_id" and path.endswith(("/events", "/stream")):
        # The stream of an ended video ends.
        return "ended"
    if parameter not in _AMBIGUOUS:
        return parameter
    before = re.search(rf"(\w+)/{{{parameter}", path)
    return f"{before[1] if before else ''}/{parameter}"


def _attempt(of: Owner) -> str:
    video, identity = _video(of), new_id("attempt")
    of.tx.insert(
        tables.attempts,
        id=identity,
        video_id=video,
        number=1,
        generator="none",
        billing="paid",
        idempotency_key=video,
        created_at=of.tx.now(),
    )
    return identity


def _ban(of: Owner) -> str:
    identity = new_id("ban")
    of.tx.insert(
        tables.bans,
        id=identity,
        subject=account_subject(new_id("key")),
        reason="x",
        # Without it, a ban needs strikes.
        threat_to_life=True,
        proposed_by=of.id,
        proposed_at=of.tx.now(),
    )
    return identity


def _bulk(of: Owner) -> str:
    case_id, bulk = _case(of), new_id("bulk")
    case = of.tx.one(tables.cases, tables.cases.c.id == case_id)
    assert case is not None
    made = Decision(
        id=new_id("decision"),
        case_id=case_id,
        video_id=case.video_id,
        action=DecisionAction.APPROVE,
        reason="x",
        clause=None,
        decided_by=of.id,
        at=of.tx.now(),
        verdict_ids=(),
        bulk_id=bulk,
    )
    of.tx.update(tables.cases, tables.cases.c.id == case_id, state=CaseState.PENDING.value)
    add_pending(of.tx, made, due_at=of.tx.now() + 900)
    return bulk


def _case(of: Owner) -> str:
    due = of.tx.now() + 900
    hold = NewCase(
        video_id=_video(of), kind=CaseKind.HOLD, stage=Stage.PROMPT, due_at=due, category="violence"
    )
    return open_case(of.tx, hold, actor="policy").id


def _character(of: Owner) -> str:
    identity = new_id("character")
    of.tx.insert(
        tables.characters,
        id=identity,
        name="x",
        state="ready",
        principal_id=of.id,
        sha256="0" * 64,
        media_type="video/mp4",
        bytes=1,
        created_at=of.tx.now(),
    )
    return identity


def _consent(of: Owner) -> str:
    """An answer before the camera that waits for a reviewer."""
    identity, now = new_id("consent"), of.tx.now()
    of.tx.insert(
        tables.consent_requests,
        id=identity,
        **dict.fromkeys(("asker", "subject", "phrase", "asker_device"), "x"),
        asked_by=of.id,
        email="ann@example.org",
        language="en",
        terms={
            "scope": ["likeness"],
            "uses": "x",
            "kinds": [],
            "commercial": False,
            "territory": "world",
            "expires_at": now + 86_400,
        },
        level=2,
        state="waiting",
        link_expires_at=now + 86_400,
        mailed=True,
        flags=[],
        accepted=["likeness"],
        created_at=now,
        answered_at=now,
    )
    picture = of.keys.encrypt(b"RIFF", media_record(identity))
    of.tx.insert(
        tables.consent_media, request_id=identity, media_type="image/webp", ciphertext=picture, created_at=now
    )
    return identity


def _ended(of: Owner) -> str:
    return add_video(of.tx, principal_id=of.id, state="rejected", prompt=new_id("sketch"))


def _endpoint(of: Owner) -> str:
    now = of.tx.now()
    endpoint = RegisteredEndpoint(
        id=new_id("webhook"),
        tenant=of.tx.tenant,
        name="x",
        # No server listens there.
        url="https://127.0.0.1:9/in",
        events=(),
        secrets=(Secret(value="whsec_eA=="),),
        created_at=now,
        updated_at=now,
    )
    of.tx.insert(tables.webhook_endpoints, **stored_columns(endpoint, tables.webhook_endpoints))
    return endpoint.id


def _golden(of: Owner) -> str:
    golden = {"id": new_id("golden"), "video_id": _video(of), "answer": "in_policy", "note": "x"}
    of.tx.insert(tables.golden_cases, **golden, author=of.id, created_at=of.tx.now())
    return golden["id"]


def _halt(of: Owner) -> str:
    halt = Halt(
        id=new_id("halt"),
        kind=HaltKind.MODEL,
        target="none",
        tenant=of.tx.tenant,
        reason="x",
        created_by=of.id,
        created_at=of.tx.now(),
    )
    of.tx.insert(tables.halts, **stored_columns(halt, tables.halts), active_key=halt.id)
    return halt.id


def _incident(of: Owner) -> str:
    incident = Incident(
        id=new_id("incident"),
        opened_at=of.tx.now(),
        opened_by=of.id,
        began_at=None,
        kind=IncidentKind.OTHER,
        severity=Severity.MINOR,
    )
    of.tx.insert(tables.incidents, **stored_columns(incident, tables.incidents))
    return incident.id


def _key(of: Owner) -> str:
    return add_key(of.tx, "x", [KeyScope.CHECKS], by=of.id)[0].id


def _library_entry(of: Owner) -> str:
    prompt = new_id("sketch")
    made = insert_entry(of.tx, prompt=prompt, category="x", notes="x", video_id=None, created_by=of.id)
    assert made is not None
    return made


def _manifest(of: Owner) -> str:
    video, sha256 = _video(of), secrets.token_hex(32)
    seal = Seal(
        video_id=video,
        sha256=sha256,
        source_sha256=sha256,
        sealed_at=dt.datetime.fromtimestamp(of.tx.now(), dt.UTC),
        manifest=b"x",
        manifest_id=f"urn:{video}",
    )
    assert Registry(of.database).record(of.tx, seal)
    return seal.manifest_id


def _page_report(of: Owner) -> str:
    """A report that names a page without a video."""
    return _report(of, ReporterKind.PERSON, f"person:{of.id}")


def _report(of: Owner, kind: ReporterKind, reporter: str, **columns: Any) -> str:
    identity, now = new_id("report"), of.tx.now()
    of.tx.insert(
        tables.reports,
        id=identity,
        **dict.fromkeys(("video_id", "case_id", "reason", "note"), ""),
        reporter_kind=kind.value,
        reporter=reporter,
        created_at=now,
    )
    of.tx.insert(
        tables.notices,
        id=identity,
        lane="ordinary",
        reporter=reporter,
        location="https://example.org/page",
        created_at=now,
        due_at=now + 900,
        **columns,
    )
    return identity


def _person(of: Owner) -> str:
    identity = new_id("user")
    add_person(of.tx, identity, role=Role.CREATOR)
    return identity


def _receipt(of: Owner) -> str:
    token = secrets.token_urlsafe(24)
    # A network of its own, because each has a limit.
    _report(of, ReporterKind.VISITOR, f"visitor:{token}", token_sha256=hash_token(token))
    return token


def _reply(of: Owner) -> str:
    name = f"reply-{secrets.token_hex(4)}"
    of.tx.insert(tables.saved_replies, name=name, en="x", zh_hans="", zh_hant="", updated_at=of.tx.now())
    return name


def _request(of: Owner) -> str:
    identity = new_id("access")
    of.tx.insert(
        tables.access_requests,
        id=identity,
        **dict.fromkeys(("name", "contact", "purpose"), "x"),
        digest=identity,
        state="waiting",
        created_at=of.tx.now(),
    )
    return identity


def _session(of: Owner) -> str:
    identity = of.id if of.tx.one(tables.people, tables.people.c.id == of.id) else _person(of)
    row = of.tx.one(tables.people, tables.people.c.id == identity)
    assert row is not None
    principal = principal_of_person(row)
    assert principal is not None
    return open_session(of.tx, principal)[0].id


def _statement(of: Owner) -> str:
    statement = NewStatement(
        kind=StatementKind.BLOCKED,
        source=StatementSource.POLICY,
        ground=DecisionGround(basis=GroundBasis.GAP),
        automated_detection=True,
        automated_decision=True,
        account=of.id,
        video_id=_ended(of),
    )
    return record_statement(of.tx, statement).id


def _template(of: Owner) -> str:
    """The name of a template whose first version waits for another person."""
    name, now = f"lake-{secrets.token_hex(4)}", of.tx.now()
    of.tx.insert(
        tables.prompt_templates,
        id=new_id("template"),
        name=name,
        version=1,
        state="review",
        source=f"template: {name}\ntext: 'a lake at [TIME]'\nslots: {{TIME: {{values: [dawn, noon]}}}}\n",
        author=of.id,
        author_name="x",
        created_at=now,
        submitted_at=now,
    )
    return name


def _vault_entry(of: Owner) -> str:
    video = _video(of)
    open_entry(of.tx, video, VaultKind.VAULTED)
    row = of.tx.one(tables.vault_entries, tables.vault_entries.c.video_id == video)
    assert row is not None
    return str(row.id)


def _video(of: Owner) -> str:
    return add_video(of.tx, principal_id=of.id, prompt=new_id("sketch"))


#: What makes an object of a kind, and returns what a path names it by.
MAKERS: Mapping[str, Callable[[Owner], str]] = MappingProxyType(
    {
        "attempt_id": _attempt,
        "ban_id": _ban,
        "bulk_id": _bulk,
        "case_id": _case,
        "character_id": _character,
        "consent_id": _consent,
        "ended": _ended,
        "endpoint_id": _endpoint,
        "golden_id": _golden,
        "halt_id": _halt,
        "incident_id": _incident,
        "key_id": _key,
        "library/entry_id": _library_entry,
        "manifest_id": _manifest,
        "person_id": _person,
        "replies/name": _reply,
        "report_id": _page_report,
        "request_id": _request,
        "session_id": _session,
        "statement_id": _statement,
        "templates/name": _template,
        "token": _receipt,
        "vault/entry_id": _vault_entry,
        "version": lambda _of: "1",
        "video_id": _video,
        "webhook_endpoint_id": _endpoint,
    }
)
