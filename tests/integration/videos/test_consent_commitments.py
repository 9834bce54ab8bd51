"""A manifest names no consent: a salted commitment stands for each that the video used."""

from __future__ import annotations

import pytest

from safelight.consents.requests.store import read_uses
from safelight.consents.uses import commit_to_consents, compute_commitment
from safelight.core.errors import Conflict
from safelight.core.ids import new_id
from safelight.videos.case_rows import Decision, DecisionAction
from safelight.videos.models import Video, VideoState
from safelight.videos.reinstatement import reinstate

from .conftest import House
from .test_ingredients import manifests
from .test_source_consents import give

pytestmark = pytest.mark.real_media


def test_a_manifest_has_a_commitment_for_each_consent_that_only_the_subject_can_open(house: House) -> None:
    video, other = house.order(), house.order("a quiet lake at night")
    with house.transaction() as tx:
        consents = [give(tx, video.id, expires_at=None) for _ in range(2)]
        # The same person in another video: the two commitments must not be equal.
        give(tx, other.id, expires_at=None)
        first_try = commit_to_consents(tx, video.id)
    done = house.carry(video)
    active, _ = manifests(house, done)
    (found,) = [one["data"] for one in active["assertions"] if one["label"] == "safelight.consents"]
    assert found == {"alg": "sha256", "commitments": sorted(first_try)}, "the same after a crash"
    assert not [consent for consent in consents if consent in str(active)]
    opened = set()
    with house.read_transaction() as tx:
        for consent in consents:
            (use,) = read_uses(tx, consent)
            assert use.salt is not None
            opened.add(compute_commitment(use.salt, consent_id=consent, video_id=video.id))
    assert opened == set(found["commitments"])
    assert opened.isdisjoint(_commitments(house, house.carry(other)))


def overturned(video: Video) -> Decision:
    return Decision(
        id=new_id("decision"),
        case_id=new_id("case"),
        video_id=video.id,
        action=DecisionAction.OVERTURN,
        reason="a test",
        clause=None,
        decided_by="ben",
        at=0.0,
        verdict_ids=(),
    )


def test_a_video_that_is_reinstated_keeps_its_consents_and_the_commitments_of_its_file(house: House) -> None:
    video = house.order()
    with house.transaction() as tx:
        consent = give(tx, video.id, expires_at=None)
        (committed,) = commit_to_consents(tx, video.id)
    house.withdraw(house.carry(video))
    with house.transaction() as tx:
        again = reinstate(house.context, tx, video.id, overturned(video))
    done = house.carry(house.videos.get(house.who, again))
    assert committed in _commitments(house, done)
    with house.read_transaction() as tx:
        uses = {use.video_id: use for use in read_uses(tx, consent)}
    for one in (video.id, again):
        use = uses[one]
        assert use.salt is not None
        opened = compute_commitment(use.salt, consent_id=consent, video_id=use.committed_id)
        assert opened in _commitments(house, done), one


def test_a_video_without_a_consent_has_no_commitment_and_one_with_a_withdrawn_consent_is_not_reinstated(
    house: House,
) -> None:
    video = house.make()
    assert _commitments(house, video) == set()
    with house.transaction() as tx:
        give(tx, video.id, expires_at=None, revoked_at=1.0)
    house.withdraw(video)
    with house.transaction() as tx, pytest.raises(Conflict):
        reinstate(house.context, tx, video.id, overturned(video))


def _commitments(house: House, video: Video) -> set[str]:
    assert video.state is VideoState.DELIVERED
    active, _ = manifests(house, video)
    found = [one["data"] for one in active["assertions"] if one["label"] == "safelight.consents"]
    return {each for one in found for each in one["commitments"]}
