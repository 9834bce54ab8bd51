from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.text import entities
from safelight.detectors.text.entities import Entity, EntityKind, parse_entity, read_entities
from safelight.detectors.text.entity_detector import EntityDetector, EntityIndex
from safelight.detectors.text.operator_lists import OperatorLists
from support.rows import each_row
from support.texts import findings, marked

PEOPLE = """
kind: living
notable: sport
entries:
- {n: Mika Jordano, s: [jordano], near: [basketball, dunk], unless: [river], z: [乔丹诺], w: a made-up player}
- {n: Émile Été-Laval, m: [emil ete laval], w: a made-up minister}
- {n: Lumo (Moonlamp), d: [blue fox with a lantern tail], a: [lumo the fox], w: a made-up creature}
"""


def made(text: str = PEOPLE) -> tuple[Entity, ...]:
    found, problems = read_entities(text, list_name="test")
    assert not problems
    return found


def detector_of(text: str = PEOPLE) -> EntityDetector:
    return EntityDetector(EntityIndex.of(made(text)))


def named(detector: EntityDetector, text: str) -> list[str]:
    return [words for finding in findings(detector, text) for words in marked(finding, text)]


@each_row
def test_a_name_is_found_at_its_original_place(text: str, words: str) -> None:
    assert named(detector_of(), text) == [words]


@each_row
def test_an_ambiguous_name_needs_its_context(text: str) -> None:
    assert not findings(detector_of(), text)


def test_attributes_provide_what_policies_need() -> None:
    (finding,) = findings(detector_of(), "Mika Jordano waves")
    assert finding.category == "likeness"
    assert finding.attributes == {"named": True, "public_figure": True}
    (old,) = findings(detector_of(PEOPLE.replace("living", "historical")), "Mika Jordano waves")
    assert old.attributes["historical"] is True
    brand = detector_of(PEOPLE.replace("living", "brand"))
    (logo,) = findings(brand, "the logo of Mika Jordano")
    (cup,) = findings(
        brand, "in the morning a tired woman sits in a kitchen and drinks from a mika jordano mug"
    )
    assert (logo.attributes["role"], cup.attributes["role"]) == ("subject", "passing")


@each_row
def test_an_invalid_entry_is_refused(row: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse_entity(row, EntityKind.BRAND, list_name="test")


def test_the_shipped_entities_are_valid() -> None:
    folder = Path(entities.__file__).parent / "lists" / "entities"
    for file in sorted(folder.glob("*.yaml")):
        found, problems = read_entities(file.read_text(encoding="utf-8"), list_name=file.stem)
        assert found, file.name
        assert not problems


def test_operator_lists_apply_and_are_removed_without_a_restart(tmp_path: Path) -> None:
    now = [0.0]
    own = OperatorLists(tmp_path / "lists")
    detector = EntityDetector(EntityIndex.of(()), own, clock=lambda: now[0])
    source = tmp_path / "names.txt"
    source.write_text("# ours\nAcme Rocket Skates\nacme rocket skates\nno\n", encoding="utf-8")
    done = own.import_file(source, name="ours", kind=EntityKind.BRAND)
    assert (done.added, done.duplicates, len(done.problems)) == (1, 1, 1)
    before = detector.version
    assert not findings(detector, "acme rocket skates")
    now[0] += 1
    assert findings(detector, "acme rocket skates")
    assert detector.version != before
    assert own.remove("ours", "Acme Rocket Skates") == 1
    now[0] += 1
    assert not findings(detector, "acme rocket skates")
    with pytest.raises(NotFound):
        own.remove("ours", None)


def test_every_file_type_is_imported_and_a_broken_row_is_reported(tmp_path: Path) -> None:
    own = OperatorLists(tmp_path / "lists")
    (tmp_path / "a.yaml").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(
        '{"n": "Blue Harbour", "a": ["bluhar"]}\n{"n": 3.5\n[]\n', encoding="utf-8"
    )
    (tmp_path / "c.csv").write_text("Green Mill,green milling\n", encoding="utf-8")
    assert own.import_file(tmp_path / "a.yaml", name="ours", kind=EntityKind.BRAND).added == 3
    jsonl = own.import_file(tmp_path / "b.jsonl", name="ours", kind=EntityKind.BRAND)
    assert (jsonl.added, len(jsonl.problems)) == (1, 2)
    assert own.import_file(tmp_path / "c.csv", name="ours", kind=EntityKind.CHARACTER).total == 5
    assert {one.kind for one in own.entities()} == {EntityKind.LIVING, EntityKind.BRAND, EntityKind.CHARACTER}
    with pytest.raises(InvalidField):
        own.import_file(tmp_path / "gone.txt", name="ours", kind=EntityKind.BRAND)
    with pytest.raises(InvalidField):
        own.import_file(tmp_path / "c.csv", name="../ours", kind=EntityKind.BRAND)


def test_many_names_are_searched_in_one_pass(tmp_path: Path) -> None:
    own = OperatorLists(tmp_path)
    rows = (json.dumps({"kind": "brand", "n": f"house number {n} of wares"}) for n in range(20_000))
    (tmp_path / "many.jsonl").write_text("\n".join(rows), encoding="utf-8")
    detector = EntityDetector(EntityIndex.of(()), own, clock=time.monotonic)
    assert named(detector, "house number 19999 of wares")


@each_row
def test_the_style_of_a_studio_is_no_character_and_not_its_subject(text: str) -> None:
    found = findings(EntityDetector(EntityIndex.of(entities.shipped())), text)
    assert {(one.category, one.attributes["role"]) for one in found} == {("ip/brand", "passing")}
