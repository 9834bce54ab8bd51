from __future__ import annotations

from safelight_lab.evaluation.suite.clip_sample import ClipRow, build_figures, stopped_by_id, table


def row(label: str, *, attack: str = "", stopped: bool, checked: bool = True) -> ClipRow:
    return ClipRow(
        id=f"card video {attack} {label}",
        payload="card",
        medium="video",
        attack=attack,
        label=label,
        stopped=stopped,
        checked=checked,
    )


ROWS = (
    row("unsafe", stopped=True),
    row("safe", stopped=False),
    row("unsafe", attack="blur", stopped=False),
    row("safe", attack="blur", stopped=True),
    row("unsafe", attack="late", stopped=False, checked=False),
)


def test_what_was_not_checked_counts_neither_as_stopped_nor_as_passed() -> None:
    figures = build_figures(ROWS, {"speech": "No voice."}, None)
    head, card, every = table(figures)
    assert len(head) == len(card)
    assert card == ["card", "video", "1 of 1", "0 of 1", "0 of 1", "1 of 1", "1"]
    assert every[:3] == ["all", "video", "1 of 1 (21-100 %)"]
    assert figures["missing"] == {"speech": "No voice."}
    assert figures["differences"] == []


def test_only_files_that_both_sides_checked_are_compared() -> None:
    before = {**stopped_by_id(ROWS[1:]), "gone": True, ROWS[2].id: True}
    [found] = build_figures(ROWS, {}, ("old", before))["differences"]
    assert (found["against"], found["only_here"], found["only_there"]) == ("old", 1, 1)
    changed = {one["label"]: (one["n"], one["difference"]) for one in found["rows"]}
    assert changed == {"unsafe": (1, -1.0), "safe": (2, 0.0)}
