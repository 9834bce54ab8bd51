"""A signing certificate that is revoked stops new requests, and no paid video is lost."""

from __future__ import annotations

import datetime as dt

import pytest

from safelight.core.errors import Unavailable
from safelight.provenance import sealing
from safelight.provenance.keys import KeyStore
from safelight.provenance.revocations import Revocation
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.models import VideoState
from safelight.videos.runner import Runner

from .conftest import House


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_KEY_RETRY_S", 0.01)


def revoke_current(house: House) -> KeyStore:
    keys: KeyStore = house.container.persistence.signing_keys
    keys.revocations.add(Revocation(serial=keys.signing().serial, since=dt.datetime.now(dt.UTC)))
    return keys


def test_a_request_is_not_accepted_without_a_usable_certificate(house: House) -> None:
    keys = revoke_current(house)
    with pytest.raises(Unavailable, match="no usable signing certificate") as refused:
        house.order()
    assert str(house.container.persistence.key_folder) not in str(refused.value)
    keys.rotate()
    assert house.make().state is VideoState.DELIVERED


def test_an_accepted_video_is_not_paid_for_while_the_certificate_is_revoked(
    house: House, upstream: ScriptedUpstream
) -> None:
    video = house.order(model="paid-1")
    keys = revoke_current(house)
    runner = Runner(house.context)
    for _ in range(3):
        assert runner.run_steps(video.tenant, video.id) is not None
    assert house.snapshot(video).last_attempt is None
    keys.rotate()
    assert house.carry(video).state is VideoState.DELIVERED


def test_a_paid_video_waits_for_another_certificate(house: House) -> None:
    video = house.order(model="paid-1")
    runner = Runner(house.context)
    while house.snapshot(video).video.state is not VideoState.SEALING:
        runner.run_steps(video.tenant, video.id)
    keys = revoke_current(house)
    for _ in range(4):
        assert runner.run_steps(video.tenant, video.id) is not None
    assert house.snapshot(video).video.state is VideoState.SEALING
    keys.rotate()
    assert house.carry(video).state is VideoState.DELIVERED
