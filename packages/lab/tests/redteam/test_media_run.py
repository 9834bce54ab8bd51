from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import av
import msgspec
import numpy as np
import pytest

from safelight.core.errors import InvalidMedia
from safelight.policy.findings import SHIPPED, Coverage, Stage
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import StageResult
from safelight_lab.redteam import media_report
from safelight_lab.redteam.media_clip import MediaAttack, MediaClip, Medium
from safelight_lab.redteam.media_run import MediaRun, Outcome
from safelight_lab.redteam.payloads import Payload
from support.verdicts import STARTER, decided, seen

WHITE, GREY = 250, 100


def plain(level: int) -> MediaClip:
    return MediaClip(frames=np.full((12, 64, 96, 3), level, np.uint8))


def result(action: Action, *, category: str = "violence", complete: bool = True) -> StageResult:
    found = (seen(category, modality="frames"),) if action is Action.BLOCK else ()
    verdict = msgspec.structs.replace(decided("output"), action=action, category=category, findings=found)
    runs = [
        {"name": "a", "complete": complete, "idle": False},
        {"name": "b", "complete": False, "idle": True},
    ]
    facts = {"runs": runs, "failure": "", "references": [{"runs": runs}]}
    return StageResult(
        stage=Stage.OUTPUT, verdict=verdict, findings=found, coverage=Coverage(), details=facts
    )


class Screen:
    """Stages that decide by the brightness of a file."""

    #: The result up to this brightness.
    RESULTS: ClassVar[dict[int, StageResult]] = {
        20: result(Action.HOLD),
        50: result(Action.ALLOW, complete=False),
        180: result(Action.ALLOW),
        230: result(Action.BLOCK, category="hate"),
        # A scan that blocks leaves detectors out.
        256: result(Action.BLOCK, complete=False),
    }

    def __init__(self) -> None:
        self.files = 0

    def scan(self, path: Path, _context: Any, *, subject_sha256: str) -> tuple[StageResult, None]:
        assert len(subject_sha256) == 64
        with av.open(str(path)) as file:
            level = next(file.decode(video=0)).to_ndarray(format="rgb24").mean()
        return self._of(level), None

    def screen(self, files: list[Any], _context: Any) -> StageResult:
        with av.open(str(files[0].path)) as file:
            return self._of(next(file.decode(video=0)).to_ndarray(format="rgb24").mean())

    def _of(self, level: float) -> StageResult:
        self.files += 1
        if level < 5:
            raise InvalidMedia("This cannot be opened.")
        return next(found for limit, found in self.RESULTS.items() if level < limit)


def darker(name: str, family: str, level: int) -> MediaAttack:
    """An attack that gives the payload this brightness, and leaves the twin as it is."""

    def change(clip: MediaClip, _random: Any) -> MediaClip:
        return plain(level) if clip.frames[0, 0, 0, 0] == WHITE else clip

    return MediaAttack(name=name, family=family, medium=Medium.VIDEO, change=change)


ATTACKS = (
    darker("kept", "easy", WHITE),
    darker("passes", "hard", GREY + 10),
    darker("late", "slow", 40),
    darker("held", "slow", 15),
    darker("broken", "slow", 0),
    darker("other", "easy", 210),
    darker("brief", "short", GREY + 20),
)
PAYLOAD = Payload(
    name="white",
    medium=Medium.VIDEO,
    harmful=lambda: plain(WHITE),
    twin=lambda: plain(GREY),
    as_picture=True,
)


@pytest.fixture
def screen() -> Screen:
    return Screen()


def make_run(screen: Screen, folder: Path, payload: Payload = PAYLOAD, **more: Any) -> MediaRun:
    stages: Any = SimpleNamespace(output=screen, reference=screen)
    options: dict[str, Any] = {"count": None, "seed": 1, "judge": ("test",), "attacks": ATTACKS, **more}
    return MediaRun(
        stages=stages,
        policy=TenantPolicy(tenant="", taxonomy=SHIPPED, policy=STARTER),
        payloads=[payload],
        folder=folder / "finished",
        **options,
    )


def test_what_was_not_checked_is_neither_a_stop_nor_a_bypass(screen: Screen, tmp_path: Path) -> None:
    results = make_run(screen, tmp_path).run()
    video = {row.attack: row for row in results.rows if row.medium is Medium.VIDEO}
    assert {name: row.outcome for name, row in video.items()} == {
        "kept": Outcome.STOPPED,
        "passes": Outcome.PASSED,
        "late": Outcome.NOT_CHECKED,
        "held": Outcome.NOT_CHECKED,
        "broken": Outcome.NOT_CHECKED,
        "other": Outcome.STOPPED,
        "brief": Outcome.PASSED,
    }
    assert {row.twin for row in video.values()} == {Outcome.PASSED}
    assert [name for name, row in video.items() if row.held] == ["held"]
    assert [name for name, row in video.items() if row.other_reason] == ["other"]
    figures = media_report.build_figures(results, {"speech": "No voice."})
    [hard, *_] = [one for one in figures["families"] if one["name"] in ("hard", "slow")]
    assert (hard["name"], hard["passed"]["k"], hard["passed"]["n"]) == ("hard", 1, 1)
    slow = next(one for one in figures["families"] if (one["name"], one["medium"]) == ("slow", "video"))
    assert (slow["passed"]["n"], slow["not_checked"], slow["held"]) == (0, 3, 1)
    report = {"policy": {"name": "starter"}, "date": "2026-11-27", "seed": 1, **figures}
    page = media_report.markdown(report)
    assert "| hard | video | 1 of 1: 100 % (21 to 100 %) | 0 of 1: 0 % (0 to 79 %) | 0 | 0 (0) |" in page
    assert "| slow | video | 0 of 0 | 0 of 3: 0 % (0 to 56 %) | 0 | 3 (1) |" in page
    assert "| speech |  | No voice. |" in page


def test_pictures_are_attacked_in_space_only(screen: Screen, tmp_path: Path) -> None:
    results = make_run(screen, tmp_path).run()
    pictures = {row.attack for row in results.rows if row.medium is Medium.PICTURE}
    assert pictures == {one.name for one in ATTACKS} - {"brief"}
    hidden = MediaAttack(
        name="hidden", family="small", medium=Medium.VIDEO, change=lambda _c, _r: plain(GREY)
    )
    results = make_run(screen, tmp_path, attacks=(hidden,)).run()
    assert [row.medium for row in results.rows] == [Medium.VIDEO]


def test_a_payload_counts_only_if_it_is_stopped_and_its_twin_passes(screen: Screen, tmp_path: Path) -> None:
    grey = payload_with(harmful=lambda: plain(GREY))
    results = make_run(screen, tmp_path, grey).run()
    assert (results.rows, [row.counts for row in results.plain]) == ([], [False, False])
    white = payload_with(twin=lambda: plain(WHITE))
    results = make_run(screen, tmp_path, white).run()
    assert results.rows == []
    page = media_report.markdown(
        {"policy": {"name": "p"}, "date": "", "seed": 1, **media_report.build_figures(results, {})}
    )
    assert "| white | video | plain: stopped, twin: stopped |" in page


def payload_with(**changes: Any) -> Payload:
    options: dict[str, Any] = {
        "harmful": PAYLOAD.harmful,
        "twin": PAYLOAD.twin,
        "as_picture": True,
        **changes,
    }
    return Payload(name="white", medium=Medium.VIDEO, **options)


def test_a_label_of_the_category_of_a_payload_is_a_stop(screen: Screen, tmp_path: Path) -> None:
    one = result(Action.BLOCK)
    labelled = msgspec.structs.replace(one.verdict, action=Action.LABEL)
    screen.RESULTS = {  # type: ignore[misc]
        180: Screen.RESULTS[180],
        256: StageResult(
            stage=one.stage, verdict=labelled, findings=(), coverage=Coverage(), details=one.details
        ),
    }
    assert [row.counts for row in make_run(screen, tmp_path).run().plain] == [False, False]
    for number, (labelled_category, counts) in enumerate((("hate", False), ("violence", True))):
        payload = payload_with(labelled=labelled_category)
        plain_rows = make_run(screen, tmp_path / str(number), payload).run().plain
        assert [row.counts for row in plain_rows] == [counts, counts]


def test_a_second_run_scans_only_what_was_not_checked(screen: Screen, tmp_path: Path) -> None:
    done: list[int] = []
    first_run = make_run(screen, tmp_path, sheets=tmp_path)
    first = first_run.run(observe=lambda: done.append(1))
    assert len(done) == first_run.total
    assert sorted(path.name for path in tmp_path.glob("*.webp")) == [
        "picture-white-passes.webp",
        "video-white-brief.webp",
        "video-white-passes.webp",
    ]
    screen.files = 0
    assert make_run(screen, tmp_path).run() == first
    # The attacks `late` and `broken`, on the clip and on the picture.
    assert screen.files == 4
    screen.files = 0
    make_run(screen, tmp_path, judge=("other",)).run()
    assert screen.files > 4


def test_a_draw_limits_the_attacks_on_each_payload(screen: Screen, tmp_path: Path) -> None:
    run = make_run(screen, tmp_path, count=2)
    assert (len(run.run().rows), run.total) == (4, 12)


def test_the_files_of_a_fixed_sample_do_not_depend_on_what_is_stopped(screen: Screen, tmp_path: Path) -> None:
    grey = payload_with(harmful=lambda: plain(GREY), version="1", as_picture=False)
    run = make_run(screen, tmp_path, grey, attack_all=True, count=2)
    rows = list(media_report.list_files(run.run(), run.payloads))
    assert len(rows) == len({row.id for row in rows}) == run.total == 6
    assert rows[0].id == "white 1 video unsafe"
    assert not any(row.stopped for row in rows if row.label == "safe")
