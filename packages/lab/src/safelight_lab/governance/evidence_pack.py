"""The evidence pack of one policy version: a zip file that an outsider can verify without the installation.

`SHA256SUMS` names every other file with its hash, in the form of `sha256sum`; `SHA256SUMS.sig` is its Ed25519
signature by the key that also signs the checkpoints of the audit log. docs/system-card.md has the format.
"""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from sqlalchemy import and_, select

import safelight
from safelight.accounts.audit import CheckpointKey, CheckpointWriter, InclusionProver
from safelight.core.envelopes import format_iso
from safelight.core.errors import BadInput, Conflict, InvalidField, NotFound, SafelightError
from safelight.core.fileio import write_atomic
from safelight.policy.findings import unpack_coverage
from safelight.policy.verdicts import Verdict
from safelight.store.tables import findings, verdicts

from . import card_page
from .system_card import (
    Edition,
    installed_commit,
    make_card,
    publication_in_force,
    read_report,
)
from .worker import MAX_BYTES

if TYPE_CHECKING:
    from safelight.accounts.policies import PublishedPolicy
    from safelight.app.container import Container

FORMAT = "safelight evidence pack 1"
SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
KEY, ABOUT, POLICY, DECISIONS = "audit.pub.pem", "pack.json", "policy.json", "decisions.json"
CARD, CARD_PAGE = "card.json", "card.md"
COVERAGE, STORED_COVERAGE = "coverage.json", "stored-coverage.json"
EVALUATION, README = "evaluation.json", "README.txt"
#: The entry of the log that puts a version in force, and the one that does so again.
PUBLISHED, ROLLED_BACK = "policy.published", "policy.rolled_back"
_verdict = msgspec.json.Decoder(Verdict)


class Publication(msgspec.Struct):
    """The content of an entry of the log that puts a version in force."""

    published_by: str
    name: str
    version: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    sha256: str


class _Decided(msgspec.Struct):
    published_by: str
    #: Empty if the entry only takes a tenant's first version out of force.
    sha256: str = ""


_README = """\
Evidence pack of a policy version, made by Safelight. It supports a file on safeguards; it does not show that
a law is met, and is not legal advice.

Verify it without Safelight:

    sha256sum --check --strict SHA256SUMS
    openssl pkeyutl -verify -pubin -inkey audit.pub.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig

Use a copy of audit.pub.pem that you got from elsewhere: the one in the pack proves nothing about who signed.

The pack names people: who published, who waived what. The proofs in decisions.json also have time, tenant,
subject, actor and event of all entries of the log from the publication to the next checkpoint, those of other
tenants too, without their content. Give the pack only to those who may see that.

pack.json             what this pack is about, when and by which version it was made
policy.json           the policy; its sha256 is the one in the log
decisions.json        who put the policy in force and when, with proofs from the log; waivers of that time
stored-coverage.json  which checks ran, from the stored results of all requests judged by this policy
coverage.json         which checks would run now with this policy
card.md, card.json    the system card with this policy, edition for staff and auditors
evaluation.json       the report of `safelight eval all` with this policy, if one was given
"""


def find_version(container: Container, identity: str | None) -> PublishedPolicy:
    """The publication with this id; without one, that in force. Raises `NotFound`."""
    persistence = container.persistence
    if identity is None:
        found = publication_in_force(container, persistence.tenant)
        problem = "The policy in force is the document of the settings; nobody published it."
    else:
        owners = (None, *(one.id for one in persistence.accounts.list_tenants()))
        every = (one for owner in owners for one in persistence.policies.list(owner))
        found = next((one for one in every if one.id == identity), None)
        problem = f"No published policy has the id {identity[:80]!r}."
    if found is None:
        raise NotFound(
            problem,
            remedy="See: safelight policy show --versions. Or: safelight policy publish FILE --by NAME",
        )
    return found


def make_pack(
    container: Container, published: PublishedPolicy, *, evaluation: Path | None = None
) -> dict[str, bytes]:
    """The files of the pack by name.

    Signs a checkpoint of the log first, so that it covers the publication. Raises `InvalidField` for a report
    about another policy, and `Conflict` if the log does not prove the publication.
    """
    persistence = container.persistence
    policy, key = persistence.policies.get(published.id), persistence.audit_checkpoint_key
    report = {} if evaluation is None else {EVALUATION: _read_report(evaluation, policy.sha256)}
    CheckpointWriter(persistence.database, key, persistence.audit_checkpoints).write()
    at = persistence.database.clock()
    card = make_card(container, edition=Edition.STAFF, evaluation=evaluation, published=published, at=at)
    table = container.coverage.describe(published.tenant, policy)
    files = {
        README: _README.encode(),
        KEY: key.public_pem,
        ABOUT: _json(
            {
                "format": FORMAT,
                "safelight": safelight.__version__,
                "commit": installed_commit(),
                "made_at": format_iso(at),
                "policy": published,
                "key": key.fingerprint,
            }
        ),
        POLICY: policy.canonical.encode(),
        DECISIONS: _json(_decisions(container, published)),
        STORED_COVERAGE: _json(_stored_coverage(container, published)),
        COVERAGE: _json(table),
        CARD: _json(card),
        CARD_PAGE: card_page.markdown(card).encode(),
        **report,
    }
    return sign_files(files, key)


def sign_files(files: Mapping[str, bytes], key: CheckpointKey) -> dict[str, bytes]:
    """The files with their hashes and the signature over these."""
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())]
    sums = "".join(lines).encode()
    return {**files, SUMS: sums, SIGNATURE: key.sign_bytes(sums)}


def write_pack(files: Mapping[str, bytes], path: Path) -> None:
    """Raises `Conflict` if the file exists, and `SafelightError` if it cannot be written or is too large."""
    if path.exists():
        raise Conflict(f"{path} exists already.", remedy="Choose another name.")
    if (size := sum(map(len, files.values()))) > MAX_BYTES:
        raise SafelightError(f"The pack would have {size >> 20} MiB; at most {MAX_BYTES >> 20} are read.")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    try:
        write_atomic(path, content.getvalue())
    except OSError as error:
        raise SafelightError(f"{path} cannot be written: {error.strerror}.") from error


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _read_report(path: Path, policy_sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    of = read_report(data, str(path)).get("policy", {})
    if of.get("sha256") != policy_sha256:
        raise InvalidField(
            f"{path} is about another policy, {of.get('name')}.",
            param="evaluation",
            remedy="Run it with this one: safelight eval all --policy FILE",
        )
    return data


def _decisions(container: Container, published: PublishedPolicy) -> dict[str, Any]:
    """Who decided: the entries of the log about this version, each with its proof, and the waivers since."""
    persistence = container.persistence
    prover = InclusionProver(
        persistence.database, persistence.audit_checkpoints, persistence.audit_checkpoint_key
    )
    proofs: dict[str, Any] = {}
    for event in (PUBLISHED, ROLLED_BACK):
        try:
            found = prover.prove(published.tenant, published.id, events=event)
        except BadInput as error:  # rollbacks far apart: the proof would have too many entries
            proofs[event] = {"reason": error.message}
        else:
            proofs[event] = None if found is None else found.as_json()
    publication = proofs[PUBLISHED]
    if not publication or not publication.get("contents"):
        reason = (publication or {}).get("reason", "its content was erased, or no checkpoint covers it.")
        raise Conflict(
            f"The audit log cannot prove this publication: {reason}", remedy="See: safelight audit verify"
        )
    waivers = [
        one
        for one in persistence.waivers.list(published.tenant)
        if (one.revoked_at is None or one.revoked_at > published.published_at)
        and (one.expires_at is None or one.expires_at > published.published_at)
    ]
    return {"decided": [*_decided(proofs, published.sha256)], "proofs": proofs, "waivers": waivers}


def _decided(proofs: Mapping[str, Any], sha256: str) -> Iterator[dict[str, Any]]:
    """Who put this version in force, as the proofs have it: event, time, who acted and who decided."""
    for event, proof in proofs.items():
        entries = {one["seq"]: one for one in (proof or {}).get("entries", ())}
        for one in (proof or {}).get("contents", ()):
            content = msgspec.json.decode(one["content"], type=_Decided)
            if content.sha256 != sha256:
                continue
            entry = entries[one["seq"]]
            yield {
                "event": event,
                "seq": one["seq"],
                "at": format_iso(entry["at"]),
                "actor": entry["actor"],
                "decided_by": content.published_by,
            }


def _stored_coverage(container: Container, published: PublishedPolicy) -> dict[str, Any]:
    """How often each check was required, complete, a gap or waived, in all stored verdicts of this policy."""
    query = (
        select(findings.c.stage, findings.c.coverage, verdicts.c.body, verdicts.c.created_at)
        .join_from(
            findings,
            verdicts,
            and_(findings.c.id == verdicts.c.id, findings.c.tenant_id == verdicts.c.tenant_id),
        )
        .where(verdicts.c.policy_sha256 == published.sha256)
        .execution_options(yield_per=500)
    )
    if published.tenant is not None:
        query = query.where(findings.c.tenant_id == published.tenant)
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    stages: Counter[str] = Counter()
    times: list[float] = []
    with container.persistence.database.across_tenants("coverage of a policy", readonly=True) as tx:
        for row in tx.execute(query):
            stages[row.stage] += 1
            times = [min([*times, row.created_at]), max([*times, row.created_at])]
            waived = {(cell.category, cell.modality) for cell in _verdict.decode(row.body).waived}
            for cell in unpack_coverage(row.coverage):
                count = counts.setdefault((row.stage, cell.category, cell.modality.value), Counter())
                count["results"] += 1
                count["required"] += cell.required
                count["complete"] += cell.ran and cell.complete
                count["gaps"] += cell.is_gap
                count["waived"] += (cell.category, cell.modality) in waived
    return {
        "results": dict(stages),
        "first": format_iso(times[0]) if times else None,
        "last": format_iso(times[-1]) if times else None,
        "cells": [
            {"stage": stage, "category": category, "modality": modality, **count}
            for (stage, category, modality), count in sorted(counts.items())
        ],
    }
