from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from safelight.errors import Conflict, NotFound, PolicyError
from safelight.ids import new_id
from safelight.policy.categories import SHIPPED, CategorySpec, Group
from safelight.policy.coverage import Coverage
from safelight.policy.coverage import pack as pack_coverage
from safelight.policy.decisions import decide, required_coverage
from safelight.policy.documents import Policy, load
from safelight.policy.findings import Basis, Finding, Modality, Stage, pack
from safelight.policy.replay import Transition, replay
from safelight.policy.verdicts import Audience, Context, WaiverTerms
from safelight.store.database import Database
from safelight.store.tables import audit_log, findings, policies, verdicts, videos
from safelight.trust.policies import Policies, read_history


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


def test_without_a_published_policy_none_is_in_force(published: Policies) -> None:
    assert published.active("tenant_a") is None


def test_the_last_published_version_is_in_force_for_every_tenant(
    published: Policies, house: Callable[[str], Policy]
) -> None:
    first = published.publish(house("0.7"), published_by="Ada")
    second = published.publish(house("0.8"), published_by="Ada")
    assert (first.version, second.version) == (1, 2)
    active = published.active("tenant_a")
    assert active is not None
    assert active.sha256 == house("0.8").sha256
    assert [one.active for one in published.list()] == [False, True]
    assert published.get(first.id).sha256 == house("0.7").sha256
    with pytest.raises(NotFound):
        published.get("policy_0")


def test_a_tenants_policy_takes_precedence_over_the_installations(
    published: Policies, house: Callable[[str], Policy]
) -> None:
    published.publish(house("0.7"), published_by="Ada", tenant="tenant_a")
    published.publish(load("strict", SHIPPED), published_by="Ada")
    names = {tenant: published.active(tenant) for tenant in ("tenant_a", "tenant_b")}
    assert {tenant: policy and policy.name for tenant, policy in names.items()} == {
        "tenant_a": "house",
        "tenant_b": "strict",
    }


def test_publishing_the_same_again_is_refused(published: Policies, house: Callable[[str], Policy]) -> None:
    published.publish(house("0.7"), published_by="Ada")
    with pytest.raises(Conflict):
        published.publish(house("0.7"), published_by="Ada")


def test_a_rollback_goes_back_one_version_at_a_time_and_is_audited(
    published: Policies, house: Callable[[str], Policy], database: Database
) -> None:
    for threshold in ("0.7", "0.8", "0.9"):
        published.publish(house(threshold), published_by="Ada")
    assert published.rollback(published_by="Grace").version == 2
    assert published.rollback(published_by="Grace").version == 1
    with pytest.raises(NotFound):
        published.rollback(published_by="Grace")
    active = published.active("tenant_a")
    assert active is not None
    assert active.sha256 == house("0.7").sha256
    with database.across_tenants("test", readonly=True) as tx:
        events = [row.event for row in tx.select(audit_log, order_by=(audit_log.c.seq,))]
    assert events == ["policy.published"] * 3 + ["policy.rolled_back"] * 2


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
    starter = load("starter", SHIPPED)
    seen = (
        Finding(
            category="sexual",
            score=score,
            modality=Modality.TEXT,
            detector="d",
            version="1",
            reason="Because.",
            basis=Basis.MATCHED,
        ),
    )
    coverage = Coverage(cells=required_coverage(starter, SHIPPED, Stage.PROMPT, {Modality.TEXT}))
    everything = WaiverTerms(id="waiver_1", name="demo", categories=("*",))
    context = Context(stage=Stage.PROMPT, audience=Audience.SENSITIVE, waivers=(everything,))
    verdict = decide(
        starter, SHIPPED, findings=seen, coverage=coverage, context=context, subject_sha256="0" * 64
    )
    with database.transaction(tenant) as tx:
        for _ in range(count):
            identity, video = new_id("verdict"), video_id or new_id("video")
            shared = {"id": identity, "video_id": video, "stage": "prompt", "created_at": tx.now()}
            tx.insert(
                findings, **shared, findings=pack(seen), coverage=pack_coverage(coverage), details=b"{}"
            )
            tx.insert(
                verdicts,
                **shared,
                action=verdict.action.value,
                category=verdict.category,
                rule=verdict.rule,
                subject_sha256=verdict.subject_sha256,
                policy=verdict.policy,
                policy_sha256=verdict.policy_sha256,
                body=msgspec.json.encode(verdict),
            )


def test_history_replayed_under_the_same_policy_changes_nothing(database: Database) -> None:
    remember(database, "tenant_a", 0.9)
    remember(database, "tenant_b", 0.52)
    remember(database, "tenant_b", 0.2)
    report = replay(load("starter", SHIPPED), SHIPPED, read_history(database))
    assert (report.records, report.changed, report.unreadable) == (3, 0, 0)
    assert report.rules == {"sx-1": 2, "none": 1}


def test_the_stages_of_a_video_are_read_together(database: Database) -> None:
    for score, video_id in ((0.2, "video_a"), (0.2, "video_b"), (0.9, "video_a")):
        remember(database, "tenant_a", score, video_id=video_id)
    report = replay(load("starter", SHIPPED), SHIPPED, read_history(database))
    assert (report.videos, report.records, report.changed) == (2, 3, 0)
    assert report.rules == {"sx-1": 1, "none": 1}


def test_history_replayed_under_another_policy_reports_changed_verdicts(
    database: Database, house: Callable[[str], Policy]
) -> None:
    remember(database, "tenant_a", 0.9, count=501)
    remember(database, "tenant_b", 0.9)
    path_free = load("creative", SHIPPED)
    strict = replay(path_free, SHIPPED, read_history(database, tenant="tenant_b"))
    assert strict.records == 1
    everything = replay(house("1"), SHIPPED, read_history(database))
    assert (everything.videos, everything.records) == (502, 502)
    assert everything.transitions[Transition(before="block", after="block")] == 502


def test_a_replay_does_not_change_videos(database: Database) -> None:
    remember(database, "tenant_a", 0.9)
    replay(load("strict", SHIPPED), SHIPPED, read_history(database))
    with database.across_tenants("test", readonly=True) as tx:
        assert tx.count(videos) == 0
        assert tx.count(verdicts) == 1
