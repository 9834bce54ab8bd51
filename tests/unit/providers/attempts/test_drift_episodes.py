"""Drift episodes: what begins and what ends, from the drifts of a report and the open episodes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.providers.attempts.drift import Drift, DriftKind, OutcomeRate
from safelight.providers.attempts.drift_episodes import DriftEpisode, compare_episodes

DAY_S = 86_400.0
NOW = 1_790_000_000.0


def drift(kind: DriftKind = DriftKind.REFUSES_MORE, *, days_ago: float = 1.0, provider: str = "veo") -> Drift:
    """A drift that was found some days ago and began two days before that."""
    found_at = NOW - days_ago * DAY_S
    return Drift(
        provider=provider,
        model="",
        kind=kind,
        words="",
        since=found_at - 2 * DAY_S,
        earliest=found_at - 3 * DAY_S,
        latest=found_at - DAY_S,
        found_at=found_at,
        until=None,
        before=OutcomeRate(count=1, total=100),
        after=OutcomeRate(count=10, total=40),
    )


def test_a_new_drift_begins_an_episode_once() -> None:
    (begun,) = compare_episodes([drift()], [], now=NOW).begun
    assert (begun.kind, begun.since) == (DriftKind.REFUSES_MORE, drift().since)
    later = compare_episodes([drift()], [begun], now=NOW)
    assert (later.begun, later.ended) == ((), ())


@pytest.mark.parametrize(
    "found_again",
    [
        drift(DriftKind.REFUSES_WORDS),
        replace(drift(), since=drift().since + 3600, earliest=drift().earliest + 3600),
        drift(days_ago=0.5),
    ],
)
def test_a_drift_whose_kind_or_time_moves_with_more_attempts_is_the_same_episode(found_again: Drift) -> None:
    changes = compare_episodes([found_again], [DriftEpisode.begin(drift())], now=NOW)
    assert (changes.begun, changes.ended) == ((), ())


def test_the_next_change_of_the_same_outcomes_ends_the_episode_and_begins_another() -> None:
    first, second = drift(days_ago=10), drift(DriftKind.REFUSES_LESS, days_ago=1)
    known = DriftEpisode.begin(first)
    changes = compare_episodes([second, replace(first, until=second.since)], [known], now=NOW)
    assert changes.ended == ((known, second.since),)
    assert [one.kind for one in changes.begun] == [DriftKind.REFUSES_LESS]


@pytest.mark.parametrize(
    "other", [drift(DriftKind.FAILS_MORE), drift(DriftKind.PRICE), drift(provider="runway")]
)
def test_other_outcomes_and_other_providers_have_episodes_of_their_own(other: Drift) -> None:
    known = DriftEpisode.begin(drift())
    changes = compare_episodes([drift(), other], [known], now=NOW)
    assert changes.ended == ()
    assert [(one.kind, one.provider) for one in changes.begun] == [(other.kind, other.provider)]


def test_a_drift_that_is_not_found_any_more_has_not_ended() -> None:
    changes = compare_episodes([], [DriftEpisode.begin(drift())], now=NOW)
    assert (changes.begun, changes.ended) == ((), ())


def test_an_old_drift_as_in_an_imported_file_begins_no_episode() -> None:
    assert compare_episodes([drift(days_ago=15)], [], now=NOW).begun == ()


def test_a_process_that_has_read_fewer_attempts_ends_nothing() -> None:
    known = DriftEpisode.begin(drift(DriftKind.REFUSES_LESS, days_ago=1))
    changes = compare_episodes([drift(days_ago=6)], [known], now=NOW)
    assert (changes.begun, changes.ended) == ((), ())
