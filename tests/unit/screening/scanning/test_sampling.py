from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.screening.scanning.frame_difference import Novelty
from safelight.screening.scanning.sampling import FrameSampler, SampledFrame, SampleReason, SamplingConfig

FPS = 30
NOTHING = Novelty()
ODD = Novelty(both_excess=60.0, both_cells=20, region=(0.1, 0.1, 0.2, 0.2))
CUT = Novelty(far_fraction=0.9)
BLIND = Novelty(blind_fraction=0.5)
CAME = Novelty(before_excess=15.0, before_cells=6, region=(0.5, 0.5, 0.1, 0.1))
STRIKING = Novelty(before_excess=80.0, before_cells=30)


def run(
    frames: list[Novelty], rules: SamplingConfig | None = None, *, spare_frames: int = 0
) -> tuple[list[SampledFrame | None], FrameSampler]:
    """The samples of the frames; the scan has spare time during the first `spare_frames`."""
    sampler = FrameSampler(rules or SamplingConfig())
    return [
        sampler.decide(number, number / FPS, new, spare=number < spare_frames)
        for number, new in enumerate(frames)
    ], sampler


def test_an_outlier_is_sampled_with_its_region() -> None:
    for new, why in (
        (ODD, SampleReason.OUTLIER),
        (CUT, SampleReason.CUT),
        (BLIND, SampleReason.BLIND),
        (STRIKING, SampleReason.APPEARED),
    ):
        samples, sampler = run([*[NOTHING] * 13, new, *[NOTHING] * 10])
        assert samples[13] == SampledFrame(frame=13, why=why, region=new.region)
        assert sampler.report().looks[-1].frame == 13


def test_noise_exhausts_the_budget_and_makes_the_scan_incomplete() -> None:
    rules = SamplingConfig()
    samples, sampler = run([CUT] * (FPS * 10), rules)
    record = sampler.report()
    spent = sum(sample is not None and sample.why is SampleReason.CUT for sample in samples)
    assert spent <= rules.burst + rules.per_s
    assert record.unseen > 250
    assert record.unseen_from is not None
    assert record.unseen_from < FPS
    assert str(record.unseen) in sampler.budget_gap
    # Only the regular sample remains.
    assert record.looked_at - spent <= 11


def test_frames_beyond_the_budget_are_sampled_while_there_is_spare_time_and_counted() -> None:
    samples, sampler = run([CUT] * (FPS * 10), spare_frames=FPS * 10)
    record = sampler.report()
    assert all(samples)
    assert (record.unseen, sampler.budget_gap) == (0, "")
    assert 250 < record.extra < 300
    assert f"; {record.extra} are beyond its budget" in sampler.note

    samples, sampler = run([CUT] * (FPS * 10), spare_frames=FPS * 5)
    record = sampler.report()
    assert all(samples[: FPS * 5])
    assert record.unseen_from == FPS * 5
    assert str(record.unseen) in sampler.budget_gap


def test_the_note_of_a_calm_clip_names_no_budget_and_a_clip_sampled_whole_has_none() -> None:
    _, sampler = run([NOTHING] * (FPS * 3), spare_frames=FPS * 3)
    assert sampler.note == "Scanned 3 of 90 frames, selected by the schedule."
    _, sampler = run([NOTHING, CUT])
    assert sampler.note == ""


def test_quick_cuts_and_motion_over_the_small_budget_are_no_gap() -> None:
    _, sampler = run([CUT if number % 15 == 0 else NOTHING for number in range(FPS * 60)])
    assert sampler.budget_gap == ""
    _, sampler = run([CAME] * (FPS * 10))
    record = sampler.report()
    assert sampler.budget_gap == ""
    assert record.passed_over > 200
    assert record.looked_at < 30


def test_slow_appearances_are_sampled_at_a_low_rate() -> None:
    sampler = FrameSampler(SamplingConfig())
    changed = []
    for number in range(FPS * 8):
        sample = sampler.decide(number, number / FPS, NOTHING)
        if sample is None and sampler.wants_comparison(number):
            sample = sampler.note_change(number, number / FPS, 50.0, 9)
            changed += [number] if sample else []
    assert 2 <= len(changed) <= 3
    assert sampler.note_change(900, 31.0, 1.0, 9) is None


def test_a_static_clip_is_sampled_once_a_second_and_at_its_end() -> None:
    samples, sampler = run([NOTHING] * (FPS * 3))
    assert [sample.frame for sample in samples if sample] == [0, 30, 60]
    assert sampler.report().why == {"first": 1, "regular": 2}
    sample = sampler.sample_last(89, 2.97)
    assert sample is not None
    assert sample.why is SampleReason.LAST
    assert sampler.sample_last(89, 2.97) is None


@settings(deadline=None)
@given(frames=st.lists(st.sampled_from([NOTHING, ODD, CUT, BLIND, CAME, STRIKING]), min_size=1, max_size=150))
def test_every_second_has_a_sample_and_every_notable_frame_is_sampled_or_counted(
    frames: list[Novelty],
) -> None:
    samples, sampler = run(frames)
    sampled = [sample.frame for sample in samples if sample]
    record = sampler.report()
    assert sampled[0] == 0
    assert all(later - earlier <= FPS for earlier, later in pairwise(sampled))
    assert record.looked_at == len(sampled) == sum(record.why.values())
    striking = [number for number, new in enumerate(frames) if number and new not in (NOTHING, CAME)]
    by_reason = {
        sample.frame
        for sample in samples
        if sample and sample.why not in (SampleReason.FIRST, SampleReason.REGULAR)
    }
    assert record.unseen == sum(number not in by_reason for number in striking)


def test_notable_frames_beyond_the_listed_ones_are_kept() -> None:
    quiet = [NOTHING] * 59
    frames = [new for _ in range(700) for new in (ODD, *quiet)]
    _, sampler = run(frames)
    record = sampler.report()
    assert (len(record.looks), record.unseen) == (1000, 0)
    assert record.looked_at > 1300
    assert [sample.frame for sample in sampler.notable_frames] == list(range(60, 60 * 700, 60))
