"""Published policies, the policy in force, and the stored stage records for policy replays."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import and_, select, tuple_

from safelight.core.errors import Conflict, NotFound
from safelight.core.ids import new_id
from safelight.policy.documents import Policy, load, loads
from safelight.policy.documents import load as load_policy
from safelight.policy.findings import Stage, Taxonomy
from safelight.policy.inheritance import SHIPPED_NAMES
from safelight.policy.replay import ReplayRecord
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Verdict, WaiverTerms
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import findings, policies, verdicts

from .models import TENANT_SUBJECT
from .terms import read_terms
from .waivers import Waivers

_ROWS_PER_PAGE = 500
_verdict_decoder = msgspec.json.Decoder(Verdict)
#: Number of ids in one condition.
_MAX_IDS = 500
_MAX_COMPILED_POLICIES = 32


def read_newest_history(
    database: Database, tenant: str, *, waivers: Sequence[WaiverTerms] = (), prompts: int
) -> Iterator[ReplayRecord]:
    """As `read_history`, of the last requests of a tenant whose prompt was screened: ids increase."""
    of = findings.c
    with database.read_transaction(tenant) as tx:
        newest = tx.execute(
            select(of.video_id)
            .where(*tx.tenant_condition(findings), of.stage == Stage.PROMPT.value)
            .distinct()
            .order_by(of.video_id.desc())
            .limit(prompts)
        ).all()
    if newest:
        yield from read_history(database, waivers=waivers, tenant=tenant, since_video=newest[-1].video_id)


def read_history(
    database: Database,
    *,
    waivers: Sequence[WaiverTerms] = (),
    tenant: str | None = None,
    since_video: str = "",
) -> Iterator[ReplayRecord]:
    """Every stage record, those of one video together, read in pages. If `tenant` is None: of every tenant.

    `since_video`: only this video of the tenant and later ones.

    A coverage gap that was waived at that time is waived again. The given `waivers` apply in addition.
    """
    place = tuple_(findings.c.tenant_id, findings.c.video_id, findings.c.id)
    last = (tenant or "", since_video, "")
    columns = (
        findings.c.tenant_id,
        findings.c.video_id,
        findings.c.id,
        findings.c.stage,
        findings.c.findings,
        findings.c.coverage,
        verdicts.c.action,
        verdicts.c.rule,
        verdicts.c.body,
    )
    while True:
        with database.across_tenants("replaying a policy over history", readonly=True) as tx:
            query = (
                select(*columns)
                .join_from(
                    findings,
                    verdicts,
                    and_(findings.c.id == verdicts.c.id, findings.c.tenant_id == verdicts.c.tenant_id),
                )
                .where(place > last)
                .order_by(findings.c.tenant_id, findings.c.video_id, findings.c.id)
                .limit(_ROWS_PER_PAGE)
            )
            if tenant is not None:
                query = query.where(findings.c.tenant_id == tenant)
            rows = tx.execute(query).all()
        for row in rows:
            past = _verdict_decoder.decode(row.body)
            excused = tuple(sorted({cell.category for cell in past.waived}))
            then = (WaiverTerms(id="", name="then", categories=excused),) if excused else ()
            yield ReplayRecord(
                id=row.video_id,
                stage=Stage(row.stage),
                findings=row.findings,
                coverage=row.coverage,
                action=row.action,
                rule=row.rule,
                audience=past.audience,
                consents=past.consents,
                facts=past.facts,
                waivers=(*then, *waivers),
            )
        if len(rows) < _ROWS_PER_PAGE:
            return
        last = (rows[-1].tenant_id, rows[-1].video_id, rows[-1].id)


# The rules as they were when videos were judged, to count only answers about rules that did not change.


@dataclass(frozen=True, kw_only=True)
class JudgedRule:
    """The rule of a verdict, and the hash of the policy that had it."""

    rule: str
    policy_sha256: str


#: Whether answers about a rule of an earlier policy count.
CountsRule: TypeAlias = Callable[[JudgedRule], bool]


def count_all(_judged: JudgedRule) -> bool:
    return True


class UnchangedRules:
    """The rules of published and shipped policies that are the same in the policy in force."""

    def __init__(self, database: Database, tenant: str, current: Policy, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        with database.read_transaction(tenant) as tx:
            rows = tx.select(policies, columns=[policies.c.sha256, policies.c.document])
        self._known = {row.sha256: _entries(msgspec.json.decode(row.document)) for row in rows}
        self._current = self._known[current.sha256] = _entries(current.document)

    def has(self, judged: JudgedRule) -> bool:
        known = self._known.get(judged.policy_sha256)
        if known is None:
            # Shipped policies are not stored, and it takes a second to compile them.
            known = self._shipped.get(judged.policy_sha256, {})
        return judged.rule in self._current and known.get(judged.rule) == self._current[judged.rule]

    @cached_property
    def _shipped(self) -> dict[str, dict[str, Any]]:
        loaded = [load(name, self._taxonomy) for name in SHIPPED_NAMES]
        return {one.sha256: _entries(one.document) for one in loaded}


def read_judged_rules(
    tx: Transaction, video_ids: Collection[str], *, actions: Collection[str]
) -> dict[str, JudgedRule]:
    """For each video the rule of the last verdict with one of these actions."""
    ordered, rules = sorted(video_ids), {}
    for start in range(0, len(ordered), _MAX_IDS):
        for row in tx.select(
            verdicts,
            verdicts.c.video_id.in_(ordered[start : start + _MAX_IDS]),
            verdicts.c.action.in_(actions),
            columns=[verdicts.c.video_id, verdicts.c.rule, verdicts.c.policy_sha256],
            order_by=(verdicts.c.created_at, verdicts.c.id),
        ):
            rules[row.video_id] = read_record(JudgedRule, row)
    return rules


def _entries(document: Mapping[str, Any]) -> dict[str, Any]:
    return {entry["id"]: entry for entry in document["rules"]}


@dataclass(frozen=True, kw_only=True)
class PublishedPolicy:
    """One publication of a policy. Times are unix seconds (UTC)."""

    id: str
    #: The tenant of the policy. None: it applies to every tenant that has no policy of its own.
    tenant: str | None
    name: str
    #: Version number. Each publication under the same name increases it by one.
    version: int
    sha256: str
    published_at: float
    published_by: str
    #: Whether this publication is in force.
    active: bool


# Converts rows of the table `policies`, and selects the rows of a tenant.


def policy_from_row(row: Row) -> PublishedPolicy:
    return read_record(PublishedPolicy, row)


def belongs_to(tenant: str | None) -> Filter:
    """Selects the rows of exactly this tenant. None: the rows of the whole installation."""
    return policies.c.tenant_id.is_(None) if tenant is None else policies.c.tenant_id == tenant


class Policies:
    """The published policies of one installation. Every publication and rollback is in the audit log."""

    def __init__(self, database: Database, *, taxonomy: Taxonomy) -> None:
        self._database = database
        self._taxonomy = taxonomy
        self._compiled: OrderedDict[str, Policy] = OrderedDict()
        self._lock = Lock()

    def active(self, tenant: str) -> Policy | None:
        """The policy in force for this tenant: its own, otherwise that of the installation, otherwise
        None.

        Raises `PolicyError` if the stored policy has become invalid, for example because a package that
        defined one of its categories was removed.
        """
        with self._database.read_transaction(tenant) as tx:
            return self.active_within(tx)

    def active_within(self, tx: Transaction) -> Policy | None:
        """Same as `active`, but in the open transaction `tx` of the tenant."""
        columns = (policies.c.id, policies.c.tenant_id, policies.c.sha256, policies.c.published_at)
        rows = tx.select(policies, policies.c.active.is_(True), columns=columns)
        if not rows:
            return None
        row = min(rows, key=lambda row: (row.tenant_id is None, -row.published_at))
        compiled = self._cached(row.sha256)
        if compiled is not None:
            return compiled
        stored = tx.one(policies, row.id)
        assert stored is not None
        return self._compile(stored)

    def owner(self, tenant: str) -> str | None:
        """The tenant, if the policy in force for it is its own; None for that of the installation."""
        with self._database.read_transaction(tenant) as tx:
            own = tx.count(policies, policies.c.active.is_(True), belongs_to(tenant))
        return tenant if own else None

    def unchanged_rules(self, tenant: str, current: Policy) -> UnchangedRules:
        """Which rules of earlier policies are the same in `current`, the policy in force."""
        return UnchangedRules(self._database, tenant, current, self._taxonomy)

    def publish(
        self, policy: Policy, *, published_by: str, tenant: str | None = None, by: str = "operator"
    ) -> PublishedPolicy:
        """Publish a policy as the next version of its name.

        Raises `Conflict` if the same policy is in force already.
        """
        with self._database.across_tenants("publishing a policy") as tx:
            rows = _all(tx, tenant, lock=True)
            current = next((row for row in rows if row.active), None)
            if current is not None and current.sha256 == policy.sha256 and current.name == policy.name:
                raise Conflict(
                    f"{policy.name} version {current.version} has the same text and is in force already."
                )
            version = 1 + max((row.version for row in rows if row.name == policy.name), default=0)
            identity = new_id("policy")
            tx.update(policies, belongs_to(tenant), policies.c.active.is_(True), active=False)
            tx.insert(
                policies,
                id=identity,
                tenant_id=tenant,
                name=policy.name,
                version=version,
                document=policy.canonical,
                sha256=policy.sha256,
                published_at=tx.now(),
                published_by=published_by,
                active=True,
            )
            content = _content(published_by, policy.name, version, policy.sha256, current)
            tx.append_audit("policy.published", subject=identity, actor=by, content=content, tenant=tenant)
            return _one(tx, identity)

    def rollback(
        self, *, published_by: str, tenant: str | None = None, by: str = "operator"
    ) -> PublishedPolicy | None:
        """Put the publication before the current one in force again. None: before the first one of a tenant,
        that of the installation.

        Raises `NotFound` if none came before, and `PolicyError` if it has become invalid.
        """
        with self._database.across_tenants("rolling a policy back") as tx:
            rows = _all(tx, tenant, lock=True)
            position = next((index for index, row in enumerate(rows) if row.active), None)
            if position is None or (position == 0 and tenant is None):
                raise NotFound(
                    "No earlier publication can be put back in force.",
                    remedy="Publish the policy that you want, such as the one that ships: "
                    "safelight policy publish starter --by NAME",
                )
            current, earlier = rows[position], rows[position - 1] if position else None
            content = {"published_by": published_by, "before": _named(current)}
            tx.update(policies, current.id, active=False)
            if earlier is not None:
                self._compile(earlier)
                tx.update(policies, earlier.id, active=True)
                content = _content(published_by, earlier.name, earlier.version, earlier.sha256, current)
            subject = current.id if earlier is None else earlier.id
            tx.append_audit("policy.rolled_back", subject=subject, actor=by, content=content, tenant=tenant)
            return None if earlier is None else _one(tx, earlier.id)

    def list(self, tenant: str | None = None) -> tuple[PublishedPolicy, ...]:
        """Every publication for this tenant, oldest first. None: those for all tenants."""
        with self._database.across_tenants("listing policies", readonly=True) as tx:
            return tuple(policy_from_row(row) for row in _all(tx, tenant))

    def get(self, identity: str) -> Policy:
        """The policy of one publication. Raises `NotFound`."""
        with self._database.across_tenants("reading a policy", readonly=True) as tx:
            row = tx.one(policies, identity)
        if row is None:
            raise NotFound(
                f"No published policy has the id {identity!r}.", remedy="See: safelight policy show"
            )
        return self._compile(row)

    def _cached(self, sha256: str) -> Policy | None:
        with self._lock:
            return self._compiled.get(sha256)

    def _compile(self, row: Row) -> Policy:
        policy = self._cached(row.sha256) or loads(row.document, self._taxonomy)
        with self._lock:
            self._compiled[row.sha256] = policy
            self._compiled.move_to_end(row.sha256)
            while len(self._compiled) > _MAX_COMPILED_POLICIES:
                self._compiled.popitem(last=False)
        return policy


def _all(tx: Transaction, tenant: str | None, *, lock: bool = False) -> list[Row]:
    """All publications, oldest first. Publications with the same time are sorted by id, and ids increase."""
    return tx.select(
        policies, belongs_to(tenant), order_by=(policies.c.published_at, policies.c.id), lock=lock
    )


def _one(tx: Transaction, identity: str) -> PublishedPolicy:
    row = tx.one(policies, identity)
    assert row is not None
    return policy_from_row(row)


def _content(published_by: str, name: str, version: int, sha256: str, before: Row | None) -> dict[str, Any]:
    return {
        "published_by": published_by,
        "name": name,
        "version": version,
        "sha256": sha256,
        "before": None if before is None else _named(before),
    }


def _named(row: Row) -> dict[str, Any]:
    return {"name": row.name, "version": row.version}


@dataclass(frozen=True, kw_only=True)
class PolicyLoader:
    """Loads the policy, the waivers and the facts for an evaluation, in one transaction."""

    database: Database
    taxonomy: Taxonomy
    policies: Policies
    waivers: Waivers
    #: Name or file of the policy that applies until a policy is published.
    document: str
    facts: frozenset[str] = frozenset()
    #: Whether the server listens only on loopback addresses, because some waivers apply only then.
    loopback: bool = False

    def load(self, tenant: str) -> TenantPolicy:
        with self.database.read_transaction(tenant) as tx:
            return self.load_within(tx, tenant)

    def load_within(self, tx: Transaction, tenant: str) -> TenantPolicy:
        """Same as `load`, but in the open transaction `tx` of this tenant."""
        published = self.policies.active_within(tx)
        waivers = self.waivers.in_force_within(tx, loopback=self.loopback)
        return TenantPolicy(
            tenant=tenant,
            taxonomy=self.taxonomy,
            policy=published or self._configured,
            waivers=tuple(waiver.terms for waiver in waivers),
            facts=self.facts | read_terms(tx, TENANT_SUBJECT).facts,
        )

    @cached_property
    def _configured(self) -> Policy:
        return load_policy(self.document, self.taxonomy)
