"""The draw of attacks, their seeds, and the search."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import InvalidField, NotFound
from safelight_lab.evaluation.suite.manifests import sha256_of
from safelight_lab.redteam import seeds as seed_sets
from safelight_lab.redteam.attacks import DECODED, LANGUAGES, ROUNDS, Attack, from_disguises, select_rounds
from safelight_lab.redteam.draw import DrawnAttack, draw_attacks
from safelight_lab.redteam.search import search_bypass
from safelight_lab.redteam.seeds import Seed, read_seeds


def mark(name: str) -> Callable[[str, random.Random], str]:
    return lambda text, drawn: f"{name} {drawn.random()} {text}"


def attack(name: str, family: str, *languages: str) -> Attack:
    [made] = from_disguises([(name, family, languages or LANGUAGES, mark(name))])
    return made


def make_seeds(number: int, *languages: str) -> list[Seed]:
    return [
        Seed(id=f"{language}{n}", text=f"text {language} {n}", language=language)
        for language in languages or LANGUAGES
        for n in range(number)
    ]


def draw(attacks: Sequence[Attack], seeds: Sequence[Seed], number: int, seed: int = 1) -> list[DrawnAttack]:
    return draw_attacks(attacks, seeds, number=number, seed=seed, is_stopped=lambda one: True)


def spread(found: Sequence[Any]) -> int:
    counts = Counter(found).values()
    return max(counts) - min(counts)


@given(
    families=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    number=st.integers(1, 60),
    seed=st.integers(0, 9),
)
def test_the_draw_is_repeatable_and_gives_each_language_family_and_disguise_its_share(
    families: list[int], number: int, seed: int
) -> None:
    attacks = [attack(f"a{f}-{n}", f"family {f}") for f, size in enumerate(families) for n in range(size)]
    drawn = draw(attacks, make_seeds(60), number, seed)
    assert drawn == draw(attacks, make_seeds(60), number, seed)
    assert len(drawn) == number
    assert len({(one.attack.name, one.seed.id) for one in drawn}) == number
    if number > 1:
        assert spread([one.seed.language for one in drawn]) <= 1
    for language in LANGUAGES:
        own = [one.attack for one in drawn if one.seed.language == language]
        if len(own) >= len(attacks) * max(families):
            assert spread([one.family for one in own]) <= 1
        for family in {one.family for one in own}:
            names = [one.name for one in own if one.family == family]
            size = sum(one.family == family for one in attacks)
            assert len(set(names)) == min(size, len(names))
            assert spread(names) <= 1


def test_another_seed_draws_another_order() -> None:
    attacks = [attack(f"a{n}", "one") for n in range(6)]
    assert draw(attacks, make_seeds(40), 20) != draw(attacks, make_seeds(40), 20, seed=2)


def test_only_seeds_whose_plain_form_is_stopped_are_attacked_and_each_is_asked_about_once() -> None:
    asked: list[str] = []

    def is_stopped(seed: Seed) -> bool:
        asked.append(seed.id)
        return seed.id.endswith(("0", "5"))

    found = draw_attacks(
        [attack("a", "one", "en")], make_seeds(20, "en"), number=9, seed=1, is_stopped=is_stopped
    )
    assert {one.seed.id for one in found} == {"en0", "en5", "en10", "en15"}
    assert len(asked) == len(set(asked)) == 20


def test_a_text_that_a_disguise_does_not_change_is_no_attack() -> None:
    def only_first(text: str, _drawn: random.Random) -> str:
        return text.upper() if text.endswith(" 0") else text

    attacks = from_disguises([("same", "one", ("en",), lambda text, _drawn: text)])
    attacks += from_disguises([("first", "one", ("en",), only_first)])
    attacks += from_disguises([("empty", "two", ("en",), lambda _text, _drawn: " ")])
    [found] = draw(attacks, make_seeds(5, "en"), 10)
    assert found.text == "TEXT EN 0"


def test_a_disguise_is_used_only_on_texts_of_its_languages() -> None:
    drawn = draw([attack("a", "one", "zh"), attack("b", "two", "en")], make_seeds(5), 20)
    assert {(one.attack.name, one.seed.language) for one in drawn} == {("a", "zh"), ("b", "en")}


def test_every_round_has_attacks_with_their_own_names_in_both_languages() -> None:
    for attacks in ROUNDS.values():
        assert len({one.name for one in attacks}) == len(attacks)
        for language in LANGUAGES:
            assert any(language in one.languages for one in attacks)
    assert list(select_rounds([DECODED])) == [DECODED]
    with pytest.raises(InvalidField, match="Unknown round 'third'"):
        select_rounds(["third"])


TEXTS = {
    "en": (
        "A man in a red coat walks a dog across the bridge in heavy rain",
        "no dog",
        "Two cats, 3 birds & 1 fox: what a day! " * 18,
    ),
    "zh": ("一个穿红衣服的男人在大雨里牵着狗走过桥", "兩隻貓在屋頂上曬太陽", "下雨了，快回家。" * 80),
}


def test_every_disguise_changes_a_usual_text_and_makes_the_same_variant_again() -> None:
    for attacks in ROUNDS.values():
        for one in attacks:
            for language in one.languages:
                made = [one.variant(text, "1") for text in TEXTS[language]]
                assert any(made), one.name
                assert made == [one.variant(text, "1") for text in TEXTS[language]], one.name


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "seeds.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    "row",
    [
        {"categories": ["sexual/minors"]},
        {"categories": ["sexual", "minors-present"]},
        {"kind": "csae"},
        {"fine": "child sexual exploitation"},
    ],
)
def test_a_seed_about_minors_and_sex_is_refused(tmp_path: Path, row: dict[str, Any]) -> None:
    path = write(tmp_path, {"text": "one", "label": "unsafe"}, {"id": "x", "text": "two", **row})
    with pytest.raises(InvalidField, match="row x: sexual/minors is never a seed"):
        read_seeds(path)


def test_seeds_are_the_unsafe_rows_in_english_and_chinese(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "text": "one", "label": "unsafe", "lang": "en"},
        {"id": "2", "text": "two", "label": "safe", "lang": "en"},
        {"id": "3", "text": "三", "expect": "hold|block", "lang": "zh-Hant"},
        {"id": "4", "text": "四"},
        {"id": "5", "text": "fünf", "label": "unsafe", "lang": "de"},
        {"id": "6", "text": "one", "label": "unsafe"},
    ]
    found = read_seeds(write(tmp_path, *rows))
    assert [(one.text, one.language) for one in found.seeds] == [("one", "en"), ("三", "zh"), ("四", "zh")]
    with pytest.raises(InvalidField, match="no unsafe text"):
        read_seeds(write(tmp_path, rows[1]))


def test_shipped_seeds_leave_out_what_is_about_minors_and_sex_and_sets_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"id": "1", "text": "one", "label": "unsafe", "lang": "en"},
        {"id": "2", "text": "two", "label": "unsafe", "lang": "en", "categories": ["sexual/minors"]},
    ]
    entries = []
    for name, purpose, used in (("acts-a", "report", rows), ("acts-b", "choose", [{**rows[0], "text": "x"}])):
        data = "".join(json.dumps({**row, "id": name + str(row["id"])}) + "\n" for row in used)
        (tmp_path / f"{name}.jsonl").write_text(data)
        entries.append({"name": name, "path": f"{name}.jsonl", "sha256": sha256_of(data)})
        entries[-1] |= {"licence": "CC0-1.0", "purpose": purpose, "why": "ours"}
    manifest = tmp_path / "all.jsonl"
    manifest.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    monkeypatch.setattr(seed_sets, "MANIFEST", manifest)
    found = seed_sets.load_shipped()
    assert ([one.text for one in found.seeds], found.left_out) == (["one"], 1)
    monkeypatch.setattr(seed_sets, "MANIFEST", tmp_path / "none.yaml")
    with pytest.raises(NotFound, match="does not exist here"):
        seed_sets.load_shipped()


def test_the_search_tries_single_disguises_then_pairs_and_stops_at_the_first_that_passes() -> None:
    attacks = [attack(name, "one", "en") for name in ("a", "b", "c")]
    [seed] = make_seeds(1, "en")
    asked: list[str] = []

    def passes_with(*names: str) -> Callable[[str], bool]:
        asked.clear()

        def is_stopped(text: str) -> bool:
            asked.append(text)
            return not all(f"{name} " in text for name in names)

        return is_stopped

    found = search_bypass(seed, attacks, budget=20, draw=1, is_stopped=passes_with("a"))
    assert 1 <= found.queries <= 3
    assert [one.name for one in found.attacks] == ["a"]
    found = search_bypass(seed, attacks, budget=20, draw=1, is_stopped=passes_with("a", "c"))
    assert found.queries == len(asked) > 3
    assert {one.name for one in found.attacks} == {"a", "c"}
    assert found == search_bypass(seed, attacks, budget=20, draw=1, is_stopped=passes_with("a", "c"))
    none = search_bypass(seed, attacks, budget=2, draw=1, is_stopped=lambda text: True)
    assert (none.queries, none.attacks) == (0, ())
