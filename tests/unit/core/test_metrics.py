from __future__ import annotations

import pytest

from safelight.core.metrics import MAX_SERIES, OTHER, Counter, Histogram


def test_a_counter_counts_per_combination_of_labels() -> None:
    counter = Counter("errors_total", "Errors.", ("kind", "part"))
    counter.add("busy", "a")
    counter.add("busy", "a", number=2)
    counter.add("full", "a")
    assert counter.read() == {("busy", "a"): 3, ("full", "a"): 1}


def test_labels_beyond_the_limit_are_counted_together() -> None:
    counter = Counter("errors_total", "Errors.", ("kind",))
    histogram = Histogram("seconds", "Seconds.", ("kind",), limits=(1.0,))
    for number in range(MAX_SERIES + 50):
        counter.add(f"kind {number}")
        histogram.observe(0.1, f"kind {number}")
    counter.add("kind 0")
    assert len(counter.read()) == len(histogram.read()) == MAX_SERIES + 1
    assert counter.read()[OTHER,] == 50
    assert counter.read()["kind 0",] == 2


def test_a_wrong_number_of_labels_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="labels"):
        Counter("errors_total", "Errors.", ("kind",)).add()


def test_a_histogram_has_a_bucket_per_limit_and_one_above() -> None:
    histogram = Histogram("seconds", "Seconds.", limits=(0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(seconds)
    found = histogram.read()[()]
    assert (found.buckets, found.total) == ([2, 1, 1], pytest.approx(7.65))


def test_a_block_that_raises_is_timed_too() -> None:
    histogram = Histogram("seconds", "Seconds.", limits=(10.0,))
    with pytest.raises(RuntimeError), histogram.time():
        raise RuntimeError
    assert histogram.read()[()].buckets == [1, 0]
