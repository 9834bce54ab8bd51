from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.cases.quality.sampling import Stratum, is_selected, select_some, stratum_of

_NAMES = st.lists(st.text(min_size=1), max_size=40, unique=True)
_SEEDS = st.binary(min_size=1, max_size=32)


@given(_SEEDS, _NAMES, st.integers(0, 20))
def test_a_larger_sample_contains_the_smaller_one(seed: bytes, names: list[str], count: int) -> None:
    smaller, larger = select_some(seed, names, count), select_some(seed, names, count + 5)
    assert larger[: len(smaller)] == smaller
    assert len(smaller) == min(count, len(names))
    assert select_some(seed, reversed(names), count) == smaller


@given(_SEEDS, st.text(), st.floats(0, 1), st.floats(0, 1))
def test_what_a_lower_rate_selects_a_higher_rate_selects_too(
    seed: bytes, name: str, rate: float, other: float
) -> None:
    low, high = sorted((rate, other))
    assert is_selected(seed, name, high) or not is_selected(seed, name, low)
    assert is_selected(seed, name, 1.0)
    assert not is_selected(seed, name, 0.0)


def test_a_tenth_of_many_is_selected_and_another_seed_selects_others() -> None:
    chosen = {str(number) for number in range(20_000) if is_selected(b"one", str(number), 0.1)}
    other = {str(number) for number in range(20_000) if is_selected(b"two", str(number), 0.1)}
    assert 1_830 <= len(chosen) <= 2_170
    assert 150 <= len(chosen & other) <= 260


def test_strata_follow_the_most_severe_category() -> None:
    assert stratum_of([]) is Stratum.NO_FINDING
    assert stratum_of(["ip/brand"]) is Stratum.LIGHT
    assert stratum_of(["ip/brand", "violence"]) is Stratum.MODERATE
    assert stratum_of(["violence", "extremism"]) is Stratum.SEVERE
