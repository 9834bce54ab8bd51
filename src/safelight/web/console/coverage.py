"""Counted checks grouped by status, in the same way for an installation and for one video."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from safelight.policy.findings import CoverageStatus, Modality
from safelight.screening.coverage_count import (
    NOT_MADE,
    Check,
    checks_of_video,
    complete_without_detector,
    count_complete,
    uncounted_gaps,
)
from safelight.web.translations import Translations, list_checks, translate_category

#: Statuses of a check of one video: a gap that a waiver excuses, and a check that was complete without a
#: detector, which the installation could not make.
WAIVED, WITHOUT_DETECTOR = "waived", "without detector"
#: The statuses that are counted, in the order of the pages: missing checks first.
COUNTED = (
    CoverageStatus.NOT_CHECKED.value,
    WAIVED,
    CoverageStatus.PARTLY.value,
    CoverageStatus.CHECKED.value,
    WITHOUT_DETECTOR,
    NOT_MADE,
)
#: All statuses: those of checks that are off come last. They are listed, and are no check.
LISTED = (*COUNTED, CoverageStatus.OFF.value)
#: The gaps, which no page folds away.
_GAPS = frozenset({CoverageStatus.NOT_CHECKED.value, CoverageStatus.PARTLY.value, WAIVED})


@dataclass(frozen=True, kw_only=True)
class CoverageGroup:
    """Categories that have the same coverage status, by modality."""

    status: str
    label: str
    modalities: tuple[tuple[str, tuple[str, ...]], ...]
    #: What the status means, if it is not clear.
    hint: str = ""

    @property
    def is_gap(self) -> bool:
        return self.status in _GAPS

    @property
    def count(self) -> int:
        return sum(len(categories) for _, categories in self.modalities)


@dataclass(frozen=True, kw_only=True)
class CoverageSummary:
    #: `Checked: 24 of 41`.
    sentence: str
    #: `Done 24 + not done 17 + off 5 = 46`: adds up to the checks of all groups.
    total: str
    groups: tuple[CoverageGroup, ...]
    #: In what a video differs from its installation.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class VideoCoverage:
    """The checks that were made for a video, and the gaps that waivers excused."""

    made: tuple[Check, ...]
    #: Category and modality of each gap that a waiver covers. `waivers`: the names of those that the verdict
    #: needed; none if it would be the same without them.
    waived: frozenset[tuple[str, str]] = frozenset()
    waivers: tuple[str, ...] = ()
    #: Why checks were made only partly, in words.
    causes: tuple[str, ...] = ()


def summarize_video(video: VideoCoverage, installed: Iterable[Check], t: Translations) -> CoverageSummary:
    """The checks of a video: exactly those of its installation, each with one status.

    A sentence names the checks that the installation could make and that were not made for this video.
    """
    installed = list(installed)
    without = {check[:2] for check in complete_without_detector(video.made, installed)}
    checks = {_with_cause(check, video, without) for check in checks_of_video(video.made, installed)}
    notes = [_compare(checks, installed, t)]
    if gaps := uncounted_gaps(video.made, installed):
        notes.append(t("coverage.uncounted", checks=_name(gaps, t)))
    off = {check for check in installed if check[2] == CoverageStatus.OFF.value}
    return summarize(checks | off, t, notes=filter(None, notes), waivers=video.waivers, causes=video.causes)


def _with_cause(check: Check, video: VideoCoverage, without: Collection[tuple[str, str]]) -> Check:
    category, modality, status = check
    if (category, modality) in without:
        status = WITHOUT_DETECTOR
    elif video.waivers and (category, modality) in video.waived and status != CoverageStatus.CHECKED.value:
        status = WAIVED
    return category, modality, status


def _compare(checks: Collection[Check], installed: Collection[Check], t: Translations) -> str:
    """How the count differs from that of the coverage page; empty if it does not."""
    can, total = count_complete(installed)
    if count_complete(checks)[0] == can:
        return ""
    able = {check[:2] for check in installed if check[2] == CoverageStatus.CHECKED.value}
    fewer = [check for check in checks if check[:2] in able and check[2] != CoverageStatus.CHECKED.value]
    return t("coverage.of_installation", can=can, all=total, fewer=len(fewer), checks=_name(fewer, t))


def _name(checks: Iterable[Check], t: Translations) -> str:
    return list_checks(((category, modality) for category, modality, _ in sorted(checks)), t)


def summarize(
    checks: Iterable[Check],
    t: Translations,
    *,
    notes: Iterable[str] = (),
    waivers: Iterable[str] = (),
    causes: Iterable[str] = (),
) -> CoverageSummary:
    """The number of completed checks, and all checks by status: missing ones first, those off last."""
    unique = frozenset(checks)
    complete, total = count_complete(unique)
    groups: list[CoverageGroup] = []
    for status in LISTED:
        modalities = tuple(
            (t(f"modality.{modality.value}"), categories)
            for modality in Modality
            if (
                categories := tuple(
                    translate_category(category, t)
                    for category, one, word in sorted(unique)
                    if (one, word) == (modality.value, status)
                )
            )
        )
        if modalities:
            key = f"coverage.{status.replace(' ', '_')}"
            name = t(key, names=t.join_list(list(waivers)))
            hint = t(f"{key}_hint") if t.has(f"{key}_hint") else ""
            if status == CoverageStatus.PARTLY.value:
                hint = " ".join(causes)
            groups.append(CoverageGroup(status=status, label=name, modalities=modalities, hint=hint))
    return CoverageSummary(
        sentence=t("coverage.count", checked=complete, all=total),
        total=_add_up(groups, t),
        groups=tuple(groups),
        notes=tuple(notes),
    )


def _add_up(groups: Iterable[CoverageGroup], t: Translations) -> str:
    """The checks that are done, not done and off, and their sum. A check that was complete without a detector
    has a number of its own.
    """
    done, without, off = CoverageStatus.CHECKED.value, WITHOUT_DETECTOR, CoverageStatus.OFF.value
    counts = dict.fromkeys((done, without, "", off), 0)
    for group in groups:
        counts[group.status if group.status in counts else ""] += group.count
    names = {
        done: t("coverage.sum_done"),
        without: t("coverage.without_detector"),
        "": t("coverage.sum_open"),
        off: t("coverage.sum_off"),
    }
    terms = [f"{names[key]} {n}" for key, n in counts.items() if n or key != without]
    return f"{' + '.join(terms)} = {sum(counts.values())}"
