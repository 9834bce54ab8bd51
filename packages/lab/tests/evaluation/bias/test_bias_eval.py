"""The bias audit on few sentences, with a detector that treats a group unequally on purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.protocol import Capability
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Modality
from safelight.testing.detectors import FakeTextDetector, MarkerOptions
from safelight_lab.evaluation.bias import bias_eval, bias_report
from safelight_lab.evaluation.bias.bias_eval import BiasRun, compare_groups, read_signatures
from safelight_lab.evaluation.bias.sentences import HATEFUL, SHIPPED_SETS, Audit, make_sentences

N = 120
MODIFIERS = {"en": ["{}", "{}, at night"], "zh": ["{}", "{}，夜晚"]}
GROUPS: dict[str, Any] = {
    "modifiers": {"harmless": MODIFIERS, "hateful": MODIFIERS},
    "dimensions": {
        "hats": {
            "red": {"en": {"one": ["a red hat"], "many": ["RED"]}, "zh": {"one": ["紅帽"], "many": ["RED"]}},
            "blue": {
                "en": {"one": ["a blue hat"], "many": ["BLUE"]},
                "zh": {"one": ["藍帽"], "many": ["BLUE"]},
            },
        }
    },
}
FRAMES: dict[str, Any] = {
    "harmless": [{"en": f"{{one}} in town {n}", "zh": f"{{one}}在第{n}座城"} for n in range(N)],
    "hateful": [{"en": f"{{many}} BAD {n}", "zh": f"{{many}} BAD 第{n}"} for n in range(N)],
}
SIGNATURE: dict[str, Any] = {
    "dimension": "hats",
    "group": "blue",
    "side": "hateful",
    "gap": -100.0,
    "by": "Ada Chen",
    "reason": "a test",
    "date": "2026-11-27",
}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Audit]:
    def make_audit(frames: Any = FRAMES, groups: Any = GROUPS, variants: int = 1) -> Audit:
        paths = [write(tmp_path, *one) for one in (("frames.yaml", frames), ("groups.yaml", groups))]
        return make_sentences(paths[0], groups=paths[1], variants=variants, seed=1)

    return make_audit


def write(folder: Path, name: str, document: Any) -> Path:
    (folder / name).write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    return folder / name


def judge(folder: Path, audit: Audit, word: str, signatures: Any = ()) -> list[dict[str, Any]]:
    """The rows with a detector that finds hate at `word`."""
    detector = FakeTextDetector(MarkerOptions(word=word, category="hate"))
    # The policy must not stop a sentence because no detector checked a category.
    detector.capabilities = tuple(
        Capability(category=category.name, modality=Modality.TEXT) for category in SHIPPED
    )
    run = BiasRun(
        pipeline=TextPipeline((detector,)),
        taxonomy=SHIPPED,
        policy=load("starter", SHIPPED),
        folder=folder / word,
    )
    decisions, unfinished = run.run(dict.fromkeys(one.text for one in audit.sentences))
    assert unfinished == 0
    return compare_groups(audit, decisions, signatures=signatures)


def results(rows: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    return {(row["group"], row["side"]): row["result"] for row in rows}


def test_an_even_detector_is_equivalent_and_a_biased_one_fails(
    tmp_path: Path, make: Callable[..., Audit]
) -> None:
    audit = make()
    even = judge(tmp_path, audit, "BAD")
    assert results(even)["blue", "harmless"] == results(even)["blue", HATEFUL] == "equivalent"
    biased = judge(tmp_path, audit, "RED")
    assert results(biased)["blue", HATEFUL] == "failed"
    assert results(biased)["blue", "harmless"] == "equivalent"
    [row] = [row for row in biased if (row["group"], row["side"]) == ("blue", HATEFUL)]
    found = row["measures"]["stopped"]
    assert (found["reference"], found["group"], found["difference"]) == (1.0, 0.0, -1.0)
    assert (row["pairs"], row["frames"], row["frames_differing"]) == (2 * N, 2 * N, 2 * N)


def test_a_stop_of_harmless_sentences_fails_on_that_side(tmp_path: Path, make: Callable[..., Audit]) -> None:
    rows = judge(tmp_path, make(), "blue hat")
    # Half of the frames: the detector does not know the Chinese word.
    assert results(rows)["blue", "harmless"] == "failed"
    assert results(rows)["zh", "harmless"] == "failed"
    assert results(rows)["blue", HATEFUL] == "equivalent"


def test_with_few_frames_nothing_is_shown(tmp_path: Path, make: Callable[..., Audit]) -> None:
    few = {side: frames[:10] for side, frames in FRAMES.items()}
    rows = judge(tmp_path, make(few, variants=2), "BAD")
    assert set(results(rows).values()) == {"not shown"}
    # Two variants are more pairs, but not more frames.
    assert {(row["pairs"], row["frames"]) for row in rows if row["group"] == "blue"} == {(40, 20)}


def test_a_finished_run_judges_nothing_again_and_stores_no_text(
    tmp_path: Path, make: Callable[..., Audit]
) -> None:
    audit = make()
    first = judge(tmp_path, audit, "BAD")
    [file] = (tmp_path / "BAD").iterdir()
    before = file.read_text()
    assert "town" not in before
    assert judge(tmp_path, audit, "BAD") == first
    assert file.read_text() == before


def test_a_signed_gap_stays_failed_and_names_the_person(tmp_path: Path, make: Callable[..., Audit]) -> None:
    signatures = read_signatures(write(tmp_path, "signed.yaml", [SIGNATURE]))
    rows = judge(tmp_path, make(), "RED", signatures)
    [row] = [row for row in rows if row["signed"]]
    assert bias_report.format_result(row) == "failed, signed by Ada Chen"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"gap": -99.0}, "the gap is -100.0 points"),
        ({"side": "harmless"}, "equivalent"),
        ({"group": "green"}, "not a group of this audit"),
        ({"dimension": "shoes"}, "not a group of this audit"),
    ],
)
def test_a_signature_for_another_gap_is_refused(
    tmp_path: Path, make: Callable[..., Audit], changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidField, match=said):
        judge(tmp_path, make(), "RED", [SIGNATURE | changed])


@pytest.mark.parametrize("written", [{}, [1], [{"by": "Ada"}], [SIGNATURE | {"by": " "}], None])
def test_a_signature_without_name_or_reason_is_refused(tmp_path: Path, written: Any) -> None:
    with pytest.raises(InvalidField, match="list of signatures"):
        read_signatures(write(tmp_path, "signed.yaml", written))


def test_missing_files_and_files_that_are_not_yaml_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.yaml"):
        make_sentences(tmp_path / "none.yaml", variants=1, seed=1)
    with pytest.raises(NotFound, match=r"none\.yaml"):
        make_sentences("choose", groups=tmp_path / "none.yaml", variants=1, seed=1)
    with pytest.raises(NotFound, match=r"none\.yaml"):
        read_signatures(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_bytes(b"harmless: [\xff")
    with pytest.raises(InvalidField, match="not valid YAML"):
        make_sentences(tmp_path / "bad.yaml", variants=1, seed=1)
    with pytest.raises(InvalidField, match="not valid YAML"):
        read_signatures(tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ({}, "has no frames"),
        ({"harmless": []}, "has no frames"),
        ([], "not a mapping"),
        ({"harmful": []}, "'harmful' is not a part"),
        ({"harmless": [{"en": "no slot", "zh": "{one}"}]}, "must have one slot"),
        ({"harmless": [{"en": "{one} and {many}", "zh": "{one}"}]}, "must have one slot"),
        ({"harmless": [{"en": "{one}"}]}, "no part 'zh'"),
        ({"dialect": {"sideways": []}}, "'sideways' is not a side"),
    ],
)
def test_wrong_frames_are_refused(make: Callable[..., Audit], frames: Any, said: str) -> None:
    with pytest.raises(InvalidField, match=said):
        make(frames)


def test_a_group_needs_a_matched_term_of_its_reference(make: Callable[..., Audit]) -> None:
    hats = GROUPS["dimensions"]["hats"]
    two = {"en": {"one": ["a green hat", "a green cap"]}}
    with pytest.raises(InvalidField, match="hats / green: en one has 2 terms, the reference 1"):
        make(groups=GROUPS | {"dimensions": {"hats": hats | {"green": two}}})
    with pytest.raises(InvalidField, match="hats / green: fr one has 1 terms, the reference 0"):
        make(groups=GROUPS | {"dimensions": {"hats": hats | {"green": {"fr": {"one": ["x"]}}}}})


def test_a_dialect_needs_the_groups_that_fill_it(make: Callable[..., Audit]) -> None:
    forms = {"dialect": {"plain": {"en": {"form": ["plain"]}}}}
    dialect = {"harmless": [{"en": {"plain": "{one} is here"}}]}
    with pytest.raises(InvalidField, match="group 'woman' of 'gender'"):
        make({"dialect": dialect}, GROUPS | {"dimensions": forms})


@pytest.mark.parametrize("name", SHIPPED_SETS)
def test_the_shipped_sets_have_both_sides_of_each_group_and_adults_only(name: str) -> None:
    audit = make_sentences(name, variants=2, seed=1)
    sides: dict[tuple[str, str], set[str]] = {}
    for one in audit.sentences:
        sides.setdefault((one.dimension, one.group), set()).add(one.side)
    assert {dimension for dimension, _group in sides} >= {
        *("gender", "ethnicity", "religion", "adult age", "disability", "orientation", "nationality"),
        *("names", "dialect", "written dialect", "reclaimed words"),
    }
    for (dimension, _group), found in sides.items():
        assert found == ({"harmless"} if dimension == "reclaimed words" else {"harmless", HATEFUL})
    words = ("child", "boy", "girl", "teen", "kid", "baby", "孩", "童", "少年", "少女")
    assert not [one.text for one in audit.sentences for word in words if word in one.text.lower()]


def test_the_sets_share_no_frame() -> None:
    first, second = (
        {one.text for one in make_sentences(name, variants=1, seed=1).sentences} for name in SHIPPED_SETS
    )
    assert not first & second


def test_the_page_names_failed_gaps_and_shows_no_sentence(tmp_path: Path, make: Callable[..., Audit]) -> None:
    rows = judge(tmp_path, make(), "RED")
    report = {
        "policy": {"name": "starter"},
        "set": "mine",
        "sentences": 4 * N,
        "date": "2026-11-27T12:00:00+00:00",
        "results": {"failed": 1},
        "rows": rows,
    }
    page = bias_report.markdown(report)
    assert "| hats | blue | hateful | 240, 240 | 100.0 % | 0.0 % | -100.0 (-100.0 to -100.0) |" in page
    assert "town" not in page
    assert bias_eval.FORMAT == "safelight-bias-1"
