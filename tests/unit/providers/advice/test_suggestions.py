from __future__ import annotations

import pytest

from safelight.core.i18n import load_messages
from safelight.policy.findings import Finding
from safelight.policy.verdicts import Action
from safelight.providers.advice import driver_tables
from safelight.providers.advice.advice_data import read_rows
from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.exclusions import find_exclusions
from safelight.providers.advice.prompt_advice import BlockedAt
from safelight.providers.advice.suggestions import suggest
from support.prompt_advice import advised, rewrites, suggested
from support.rows import each_row
from support.verdicts import seen

EXAMPLE = "A person standing alone on a rooftop at night, looking down at the city"


def named(category: str, text: str, word: str) -> Finding:
    start = text.index(word)
    return seen(category, span=(start, start + len(word)))


def left_out(prompt: str) -> list[str]:
    """The prompt without each exclusion that can be left out."""
    return [one.rewritten for one in suggested(advised(prompt), "leave_out_exclusion")]


def test_the_first_suggestion_changes_all_stacked_words_together() -> None:
    advice = advised(EXAMPLE)
    assert advice.suggestions[0].rewritten == (
        "A person standing alone on an observation deck at dusk, looking out over the city"
    )
    assert [one.number for one in advice.suggestions if one.edits] == list(
        range(1, len(rewrites(advice)) + 1)
    )


@each_row
def test_the_script_of_the_prompt_is_kept(prompt: str, rewritten: str) -> None:
    assert advised(prompt).suggestions[0].rewritten == rewritten


def test_a_purpose_is_added_only_in_the_users_words() -> None:
    prompt = "a talk about suicide prevention"
    without = advised(prompt)
    assert [one.message for one in without.suggestions] == ["purpose"]
    assert not any(one.edits for one in without.suggestions)
    given = advised(prompt, purpose="a lesson at our school")
    assert given.suggestions[0].rewritten == f"{prompt} (purpose: a lesson at our school)"


def test_an_excluded_word_is_marked_and_can_be_left_out() -> None:
    advice = advised("A chef slices bread, no music, warm light")
    (driver,) = advice.drivers
    assert (driver.row, driver.excluded) == ("sound", True)
    assert advice.suggestions[0].rewritten == "A chef slices bread, warm light"
    assert advised("A band plays music").drivers == ()


@pytest.mark.parametrize(
    "prompt", ["a cat without blood on it", "一隻貓，沒有血", "一只猫，不要血", "a harbour, avoid blood"]
)
def test_exclusions_are_read_in_three_scripts(prompt: str) -> None:
    (driver,) = find_drivers({"prompt": prompt}, ())
    assert driver.excluded


@each_row
def test_an_exclusion_ends_with_its_noun(prompt: str, excluded: list[str]) -> None:
    assert [prompt[one.start : one.end] for one in find_exclusions(prompt)] == excluded


def test_a_scene_after_an_exclusion_is_not_left_out() -> None:
    prompt = "A man with no shirt stands alone at night on a rooftop"
    assert left_out(prompt) == []
    assert not any(driver.excluded for driver in advised(prompt).drivers)


@each_row
def test_leaving_out_an_exclusion_keeps_a_whole_sentence(prompt: str, rewritten: str) -> None:
    assert left_out(prompt) == ([rewritten] if rewritten else [])


def test_a_cue_that_belongs_to_a_phrase_excludes_nothing() -> None:
    advice = advised("a cat in a box with no escape")
    assert "confined_no_escape" in {driver.row for driver in advice.drivers}


def test_words_in_a_template_and_added_by_a_rewriting_are_found() -> None:
    drivers = find_drivers({"prompt": "a fox", "template": "children's storybook illustration"}, ())
    assert [(driver.row, driver.spans[0].field) for driver in drivers] == [("children", "template")]
    texts = {"prompt": "a night train", "rewritten_prompt": "a massive train at night"}
    added = {driver.row for driver in find_drivers(texts, ()) if driver.added_by_rewriting}
    assert "size" in added
    assert "night" not in added


@pytest.mark.parametrize("category", ["ip/character", "ip/brand"])
def test_a_protected_name_is_a_driver_and_is_never_replaced(category: str) -> None:
    prompt = "Spider-Man drinks tea"
    finding = named(category, prompt, "Spider-Man")
    advice = advised(prompt, findings=(finding,), shown=(finding,))
    assert advice.drivers[0].words == ("Spider-Man",)
    assert rewrites(advice) == []


def test_a_name_from_our_lists_is_never_changed_word_by_word() -> None:
    prompt = "The Dark Knight waits at the Niagara Falls at night"
    finding = named("ip/character", prompt, "The Dark Knight")
    rewritten = rewrites(advised(prompt, findings=(finding,)))
    assert rewritten
    assert all("The Dark Knight waits at the Niagara Falls" in one for one in rewritten)
    withheld = named("ip/character", "a dark figure at night", "dark figure")
    rewritten = rewrites(advised("a dark figure at night", findings=(withheld,)))
    assert all("dark figure" in one for one in rewritten)
    sentence = advised("Dark forest, mist, a bridge").suggestions
    assert any(one.rewritten.startswith("Dimly lit") for one in sentence), "its first word is no name"


@each_row
def test_quotations_and_names_are_never_changed(prompt: str, kept: str) -> None:
    assert all(kept in one for one in rewrites(advised(prompt)))


def test_contradicted_terms_of_a_prompt_name_both_sources() -> None:
    assert {found.term for found in advised("the struggle in a studio ghibli film").contradictions} == {
        "struggle",
        "studio_style",
    }


def test_what_our_policy_does_not_allow_gets_neither_drivers_nor_suggestions() -> None:
    advice = advised(EXAMPLE, "veo", action=Action.HOLD)
    assert (advice.drivers, advice.suggestions, advice.risk.level) == ((), (), "unknown")


@each_row
def test_the_risk_rests_on_documents_and_reports(prompt: str, provider: str, level: str) -> None:
    wire = advised(prompt, provider).as_wire()
    assert wire["risk_level"] == level
    assert "%" not in wire["risk"]["reason"]


def test_a_documented_rule_decides_the_risk() -> None:
    prompt = "Spider-Man drinks tea"
    finding = named("ip/character", prompt, "Spider-Man")
    risk = advised(prompt, "veo", findings=(finding,), shown=(finding,)).risk
    assert (risk.level, risk.source is not None) == ("high", True)
    risk = advised("A train", "veo-3.1").risk
    assert (risk.level, risk.reason, risk.source) == ("low", "no_rule", None)


@each_row
def test_the_risk_says_with_its_source_that_the_provider_was_shut_down(
    prompt: str, locale: str, said: str
) -> None:
    wire = advised(prompt, "sora-2").as_wire(locale)
    assert said in wire["risk"]["reason"]
    assert "developers.openai.com, models/sora-2" in wire["risk"]["reason"]
    assert wire["risk_level"] != "low"
    assert said not in advised(prompt, "veo-3.1").as_wire(locale)["risk"]["reason"]


@each_row
def test_the_risk_of_a_request_of_our_own_policy_says_whether_it_is_held_or_blocked(
    action: Action, said: str
) -> None:
    veo, sora = (advised(EXAMPLE, name, action=action).as_wire()["risk"] for name in ("veo", "sora-2"))
    assert veo["reason"].startswith(f"Our own policy {said} this request")
    assert sora["reason"].startswith("Does not apply. OpenAI shut down Sora 2")
    assert (veo["shut_down"], sora["shut_down"]) == (False, True)


def test_the_risk_names_the_page_and_the_provider_that_a_report_is_about() -> None:
    reason = advised("a bloody nose in a cartoon", "veo-3.1").as_wire()["risk"]["reason"]
    assert reason == (
        "apiyi.com reports that OpenAI Sora may refuse a class of words to which words used here belong. "
        "It does not mention Google Veo, which may refuse them too."
    )


def test_the_risk_at_a_closed_provider_says_that_requests_fail_and_what_was_reported_before() -> None:
    reported = advised(EXAMPLE, "sora-2").as_wire()["risk"]["reason"]
    assert reported == (
        "Does not apply. OpenAI shut down Sora 2 and its Videos API on 24 September 2026 "
        "(developers.openai.com, models/sora-2, read 2026-11-20), so every request there fails. Until then, "
        "apiyi.com reported, prompts with some of the words used here were refused."
    )
    clean = advised("A train", "sora-2").as_wire("zh-Hant")["risk"]["reason"]
    assert clean == (
        "不適用。OpenAI 已於 2026 年 9 月 24 日關閉 Sora 2 及其 Videos API"
        "（developers.openai.com, models/sora-2，查閱日期 2026-11-20），"
        "因此送到那裡的請求都會失敗。沒有發現這段提示詞違反 OpenAI Sora 文件中的規則，"
        "也沒有發現據報會被拒絕的詞。"
    )


def test_a_deep_fix_begins_with_what_is_most_likely() -> None:
    assert advised(EXAMPLE, blocked_at=BlockedAt.OUTPUT).fix[0] == "scene"
    assert advised("A chef cutting carrots", blocked_at=BlockedAt.OUTPUT).fix[0] == "words"
    shown = advised("a lake", references=1, blocked_at=BlockedAt.OUTPUT, reference_shows=("deep_water",))
    assert shown.fix[0] == "reference"
    assert advised(EXAMPLE, blocked_at=BlockedAt.REQUEST).fix == ("words", "resubmit", "stop")
    assert advised("A lighthouse at sunrise", blocked_at=BlockedAt.REQUEST).fix == ("resubmit", "stop")


def test_ten_thousand_words_and_markup_are_read() -> None:
    advice = advised("<b>falls</b> " + "a chef cutting bread at night " * 1_700)
    assert len(advice.drivers) <= 60
    assert len(advice.suggestions) <= 20


@each_row
def test_a_suggestion_has_the_condition_of_every_row_whose_words_it_replaces(prompt: str) -> None:
    advice = advised(prompt)
    rows = driver_tables.word_rows()
    for one in advice.suggestions:
        for driver in advice.drivers:
            spans = {(span.start, span.end) for span in driver.spans}
            if driver.row in rows and any((edit.start, edit.end) in spans for edit in one.edits):
                assert rows[driver.row].condition in one.conditions


def test_what_changes_is_one_sentence_and_that_the_scene_stays_is_said_once() -> None:
    first = advised(EXAMPLE).as_wire()["suggestions"][0]
    assert first["changes"] == ["action", "place", "time"]
    condition = first["condition"]
    assert condition.startswith("This changes the place and the time of day or the light.")
    assert condition.endswith("Only if the result still describes your scene.")
    assert condition.count("Only if the result") == 1


@pytest.mark.parametrize("name", ["words.en", "words.zh"])
def test_every_replacement_states_the_objects_it_fits(name: str) -> None:
    for row in read_rows(name):
        for column in (column for column in row if "alternatives" in column):
            alternatives = [one for one in row[column].split("|") if one]
            objects = [one for one in row[column.replace("alternatives", "objects")].split("|") if one]
            assert len(alternatives) == len(objects), row


@each_row
def test_no_verb_is_reworded_whose_object_is_a_person_an_animal_or_a_crowd(prompt: str) -> None:
    drivers = find_drivers({"prompt": prompt}, ())
    verbs = {driver.row for driver in drivers} & {"crash", "cut", "looking_down"}
    changed = {one.values["words"] for one in suggest(prompt, drivers) if one.message == "replace"}
    assert not changed & {word for driver in drivers if driver.row in verbs for word in driver.words}


@each_row
def test_wrong_rewrites_are_gone(prompt: str, wrong: str) -> None:
    for one in suggest(prompt, find_drivers({"prompt": prompt}, ())):
        assert wrong not in one.rewritten


@each_row
def test_a_low_risk_is_shown_as_no_known_trigger(locale: str, said: str) -> None:
    assert advised("A train", "veo-3.1").as_wire(locale)["risk_level"] == "low"
    assert load_messages("advice", locale)("level.low") == said
    assert load_messages("console", locale)("check.risk.low") == said.lower()


@pytest.mark.parametrize("category", ["ip/character", "ip/brand"])
def test_a_name_that_stays_is_counted_among_what_filters_may_react_to(category: str) -> None:
    prompt = "Mickey Mouse cries in the dark forest."
    found = (named(category, prompt, "Mickey Mouse"),)
    first = advised(prompt, findings=found, shown=found).suggestions[0]
    assert "Mickey Mouse" in first.rewritten
    assert first.drivers_left


def test_a_suggestion_that_removes_nothing_of_the_tables_does_not_say_so_and_keeps_its_place() -> None:
    prompt = "A dancer sits in a garden, golden light, clouds drift, the camera circles"
    first = advised(prompt, blocked_at=BlockedAt.REQUEST).suggestions[0]
    assert (first.rewritten, first.drivers_left) == ("A dancer sits", None)


@pytest.mark.parametrize(
    ("prompt", "row"),
    [
        ("A lion tears meat from its prey", "tears"),
        ("A dog tears a cushion into pieces", "tears"),
        ("A lioness tears at her meal", "tears"),
        ("A girl jumps into a pool", "party"),
    ],
)
def test_a_word_with_another_meaning_gets_no_row(prompt: str, row: str) -> None:
    assert row not in {driver.row for driver in advised(prompt).drivers}


@pytest.mark.parametrize(
    ("prompt", "advice"),
    [
        ("A fight between two knights at a fair", "contest"),
        ("A documentary on the war", "contest"),
        ("A bridge over a river, by a cliff", "safe_height"),
        ("屋頂上的貓，旁邊是一座橋", "safe_height"),
        ("A waterfall falls into a lake", "movement"),
        ("A woman in tears at a wedding", "reason_of_tears"),
    ],
)
def test_advice_on_a_word_is_about_its_scene(prompt: str, advice: str) -> None:
    assert [one.message for one in advised(prompt).suggestions if not one.number] == [advice]


@pytest.mark.parametrize(
    "prompt",
    [
        "A hunter shoots with a bow at a straw target",
        "Zombie walk through the old town",
        "醫生為病人做心臟手術",
        "医生做微创手术",
    ],
)
def test_no_replacement_that_no_writer_would_write(prompt: str) -> None:
    assert rewrites(advised(prompt)) == []
    assert "film" not in {one.message for one in advised(prompt).suggestions}
