from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.accounts.policies import Policies, read_history
from safelight.core.errors import Conflict, NotFound, PolicyError
from safelight.core.ids import new_id
from safelight.policy.decisions import required_coverage
from safelight.policy.documents import Policy, load
from safelight.policy.findings import (
    SHIPPED,
    CategorySpec,
    Coverage,
    Group,
    Modality,
    Stage,
    pack,
    pack_coverage,
)
from safelight.policy.replay import Transition, replay
from safelight.policy.verdicts import Audience, WaiverTerms
from safelight.store.database import Database
from safelight.store.tables import audit_log, findings, policies, verdicts, videos
from support.decided_appeals import add_verdict
from support.verdicts import decided, seen


@pytest.fixture
def published(database: Database) -> Policies:
    return Policies(database, taxonomy=SHIPPED)


@pytest.fixture
def house(tmp_path: Path) -> Callable[[str], Policy]:
    def make(threshold: str) -> Policy:
        path = tmp_path / "house.yaml"
        path.write_text(f"policy: house\nextends: starter\nthresholds: {{sx-1: {threshold}}}\n")
        return load(path, SHIPPED)

    return make


def active_sha256(published: Policies, tenant: str = "tenant_a") -> str:
    active = published.active(tenant)
    return active.sha256


def test_the_last_published_version_is_in_force_for_every_tenant(
    published: Policies, house: Callable[[str], Policy]
) -> None:
    assert published.active("tenant_a") is None
    versions = [published.publish(house(threshold), published_by="Ada") for threshold in ("0.7", "0.8")]
    assert [one.version for one in versions] == [1, 2]
    assert active_sha256(published) == house("0.8").sha256
    assert [one.active for one in published.list()] == [False, True]
    assert published.get(versions[0].id).sha256 == house("0.7").sha256
    with pytest.raises(NotFound):
        published.get("policy_0")
    with pytest.raises(Conflict):
        published.publish(house("0.8"), published_by="Ada")


def test_a_tenants_policy_takes_precedence_over_the_installations(
    published: Policies, house: Callable[[str], Policy]
) -> None:
    strict = load("strict", SHIPPED)
    published.publish(house("0.7"), published_by="Ada", tenant="tenant_a")
    published.publish(strict, published_by="Ada")
    assert active_sha256(published) == house("0.7").sha256
    assert active_sha256(published, "tenant_b") == strict.sha256


def test_a_rollback_goes_back_one_version_at_a_time_and_is_audited(
    published: Policies, house: Callable[[str], Policy], database: Database
) -> None:
    for threshold in ("0.7", "0.8", "0.9"):
        published.publish(house(threshold), published_by="Ada")
    assert [published.rollback(published_by="Grace").version for _ in range(2)] == [2, 1]
    with pytest.raises(NotFound):
        published.rollback(published_by="Grace")
    assert active_sha256(published) == house("0.7").sha256
    with database.across_tenants("test", readonly=True) as tx:
        events = [row.event for row in tx.select(audit_log, order_by=(audit_log.c.seq,))]
    assert events == ["policy.published"] * 3 + ["policy.rolled_back"] * 2


def test_the_first_policy_of_a_tenant_goes_back_to_that_of_the_installation(
    published: Policies, house: Callable[[str], Policy], database: Database
) -> None:
    published.publish(house("0.7"), published_by="Ada")
    own = published.publish(house("0.8"), published_by="Ada", tenant="tenant_a")
    assert published.rollback(published_by="Grace", tenant="tenant_a") is None
    assert published.owner("tenant_a") is None
    assert active_sha256(published) == house("0.7").sha256
    with pytest.raises(NotFound):
        published.rollback(published_by="Grace", tenant="tenant_a")
    with database.read_transaction("tenant_a") as tx:
        last = tx.select(audit_log, order_by=(audit_log.c.seq,))[-1]
    assert (last.event, last.subject) == ("policy.rolled_back", own.id)
    published.publish(house("0.9"), published_by="Ada", tenant="tenant_a")
    assert active_sha256(published) == house("0.9").sha256


def test_a_stored_policy_that_is_no_longer_valid_is_an_error(database: Database, tmp_path: Path) -> None:
    wider = SHIPPED.extended([CategorySpec(name="casino", group=Group.ILLICIT, summary="Gambling.")])
    path = tmp_path / "h.yaml"
    path.write_text(
        "policy: h\nextends: starter\nrules: [{id: own, when: {category: casino}, action: hold}]\n"
    )
    Policies(database, taxonomy=wider).publish(load(path, wider), published_by="Ada")
    with pytest.raises(PolicyError):
        Policies(database, taxonomy=SHIPPED).active("tenant_a")


def test_a_changed_row_is_read_again(
    published: Policies, house: Callable[[str], Policy], database: Database
) -> None:
    published.publish(house("0.7"), published_by="Ada")
    assert published.active("tenant_a") is published.active("tenant_a")
    with database.across_tenants("test") as tx:
        tx.update(policies, policies.c.active.is_(True), active=False)
    assert published.active("tenant_a") is None


def remember(database: Database, tenant: str, score: float, count: int = 1, video_id: str = "") -> None:
    """What a job leaves on record at the prompt stage, under starter and a waiver of everything."""
    starter, found = load("starter", SHIPPED), (seen("sexual", score),)
    coverage = Coverage(cells=required_coverage(starter, SHIPPED, Stage.PROMPT, {Modality.TEXT}))
    everything = WaiverTerms(id="waiver_1", name="demo", categories=("*",))
    context = {"audience": Audience.SENSITIVE, "waivers": (everything,)}
    verdict = decided("prompt", *found, policy=starter, coverage=coverage, **context)
    with database.transaction(tenant) as tx:
        for _ in range(count):
            video = video_id or new_id("video")
            identity = add_verdict(
                tx,
                video,
                verdict.rule,
                action=verdict.action.value,
                policy_sha256=verdict.policy_sha256,
                body=msgspec.json.encode(verdict),
            )
            tx.insert(
                findings,
                id=identity,
                video_id=video,
                stage="prompt",
                created_at=tx.now(),
                findings=pack(found),
                coverage=pack_coverage(coverage),
                details=b"{}",
            )


def replayed(database: Database, policy: Policy | None = None, tenant: str | None = None) -> Any:
    """The report of the history under a policy, by default the one under which it was made."""
    return replay(policy or load("starter", SHIPPED), SHIPPED, read_history(database, tenant=tenant))


def test_history_replayed_under_the_same_policy_changes_nothing(database: Database) -> None:
    for tenant, score in (("tenant_a", 0.9), ("tenant_b", 0.52), ("tenant_b", 0.2)):
        remember(database, tenant, score)
    report = replayed(database)
    assert (report.records, report.changed, report.unreadable) == (3, 0, 0)
    assert report.rules == {"sx-1": 2, "none": 1}
    with database.across_tenants("test", readonly=True) as tx:
        assert (tx.count(videos), tx.count(verdicts)) == (0, 3)


def test_the_stages_of_a_video_are_read_together(database: Database) -> None:
    for score, video_id in ((0.2, "video_a"), (0.2, "video_b"), (0.9, "video_a")):
        remember(database, "tenant_a", score, video_id=video_id)
    report = replayed(database)
    assert (report.videos, report.records, report.changed) == (2, 3, 0)
    assert report.rules == {"sx-1": 1, "none": 1}


def test_history_replayed_under_another_policy_reports_changed_verdicts(
    database: Database, house: Callable[[str], Policy]
) -> None:
    remember(database, "tenant_a", 0.9, count=501)
    remember(database, "tenant_b", 0.9)
    assert replayed(database, load("creative", SHIPPED), "tenant_b").records == 1
    everything = replayed(database, house("1"))
    assert (everything.videos, everything.records) == (502, 502)
    assert everything.transitions[Transition(before="block", after="block")] == 502
