from __future__ import annotations

import re
import string
from importlib import resources

import pytest

from safelight.core.i18n import Messages, available_languages, load_messages, load_texts
from safelight.core.i18n.messages import load_document

#: Slices that have every text in English.
SLICES = (
    "accounts",
    "advice",
    "attempts",
    "cli",
    "consents",
    "console",
    "detectors",
    "explanations",
    "gates",
    "halts",
    "incidents",
    "mail",
    "notices",
    "people",
    "prompts",
    "provenance",
    "quality",
    "retries",
    "settings",
    "standing",
    "statements",
    "triggers",
    "vault",
)
#: Slices whose keys are the English sentences.
KEYED_BY_ENGLISH = (
    "reasons",
    "findings",
    "provider_errors",
    "provider_rules",
    "doctor",
    "commands",
    "errors",
)
TAGS = ("zh-Hans", "zh-Hant")
ALL = [(slice_, tag) for slice_ in SLICES for tag in TAGS]
#: Terms and characters of the other region.
FOREIGN_TERMS = {
    "zh-Hant": ("视频", "視頻", "這個視頻", "默认", "质量", "信息", "们", "这", "设置", "網絡"),
    "zh-Hans": ("影片", "視頻", "資訊", "設定", "这部影片", "網路", "們", "這", "们的政策"),
}
#: Texts that may equal the English text: names and numbers.
SAME_AS_ENGLISH = {
    "advice": {"quote"},
    "attempts": {"quote"},
    "console": {"app.name", "footer.version"},
    "cli": {"quote", "separator", "serve.label.base"},
    "triggers": {"quote"},
}
#: Texts whose placeholders may differ: dates, and checklist messages (their English text is in the code).
LANGUAGE_SPECIFIC = {"time.day", "time.moment", "check.message"}
#: Values of every placeholder of the explanations.
PLACEHOLDERS = (
    "lines",
    "when",
    "subject",
    "where",
    "reason",
    "rule",
    "field",
    "seconds",
    "amount",
    "currency",
)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_locale_file_belongs_to_a_slice() -> None:
    names = {item.name for item in resources.files("safelight.core.i18n").joinpath("locales").iterdir()}
    wanted = {f"{slice_}.{tag}.yaml" for slice_ in SLICES for tag in ("en", *TAGS)}
    assert names == wanted | {f"{slice_}.{tag}.yaml" for slice_ in KEYED_BY_ENGLISH for tag in TAGS}


def _keys(document: object) -> list[object]:
    if not isinstance(document, dict):
        return []
    return [key for name, value in document.items() for key in (name, *_keys(value))]


def test_yaml_reads_every_key_as_text() -> None:
    """Without quotes, YAML reads the keys `off`, `on`, `yes` and `no` as booleans."""
    files = [(slice_, tag) for slice_ in SLICES for tag in ("en", *TAGS)]
    for slice_, tag in [*files, *((slice_, tag) for slice_ in KEYED_BY_ENGLISH for tag in TAGS)]:
        assert [key for key in _keys(load_document(slice_, tag)) if not isinstance(key, str)] == [], slice_


@pytest.mark.parametrize(("slice_", "tag"), ALL)
def test_all_languages_have_the_same_keys_and_placeholders(slice_: str, tag: str) -> None:
    english, other = load_messages(slice_), load_messages(slice_, tag)
    extra = {key for key in other.keys - english.keys if not key.startswith("check.message.")}
    assert english.keys - other.keys == set()
    assert extra == set()
    for key in english.keys - LANGUAGE_SPECIFIC:
        wanted = fields(english(key))
        assert fields(other(key)) <= wanted, key
        if not key.startswith("verify."):
            assert fields(other(key)) == wanted, key


@pytest.mark.parametrize("tag", TAGS)
def test_explanations_use_all_values_and_contain_no_english(tag: str) -> None:
    english, other = load_messages("explanations"), load_messages("explanations", tag)
    filled = {key: other(key, **dict.fromkeys(PLACEHOLDERS, "#")) for key in english.keys}
    for key, found in filled.items():
        assert found.count("#") == english(key, **dict.fromkeys(PLACEHOLDERS, "#")).count("#"), key
        assert not re.search(r"[A-Za-z]{4,}", found.replace("findahelpline", "")), key


@pytest.mark.parametrize("slice_", KEYED_BY_ENGLISH)
def test_both_chinese_catalogues_translate_the_same_sentences(slice_: str) -> None:
    one, other = load_document(slice_, "zh-Hant"), load_document(slice_, "zh-Hans")
    assert one.keys() == other.keys()
    for original in one:
        assert fields(one[original]) == fields(other[original]) <= fields(original), original


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("slice_", ["reasons", "findings"])
def test_a_translated_reason_has_all_values_of_the_english_one(slice_: str, tag: str) -> None:
    for original, translated in load_document(slice_, tag).items():
        # The note on a name is English, so a translation may leave it out.
        assert fields(original) - {"notable"} <= fields(translated) <= fields(original), original


@pytest.mark.parametrize(("slice_", "tag"), ALL)
def test_no_language_uses_terms_of_the_other_region(slice_: str, tag: str) -> None:
    messages = load_messages(slice_, tag)
    for key in messages.keys - {"language"}:
        for foreign in FOREIGN_TERMS[tag]:
            assert foreign not in messages(key), (key, foreign)


@pytest.mark.parametrize(("slice_", "tag"), ALL)
def test_texts_are_translated(slice_: str, tag: str) -> None:
    messages, english = load_messages(slice_, tag), load_messages(slice_)
    same = {key for key in english.keys if messages(key) == english(key)}
    assert same <= SAME_AS_ENGLISH.get(slice_, set())


def test_a_missing_key_or_language_falls_back_to_english() -> None:
    for slice_ in SLICES:
        assert available_languages(slice_) == ("en", "zh-Hans", "zh-Hant")
        assert load_messages(slice_, "xx") is load_messages(slice_)
    assert Messages("en", {"a": '{"prompt": "x"}'})("a") == '{"prompt": "x"}', "it has no values"
    english = Messages("en", {"a": "one {x}", "b": "two"})
    other = Messages("xx", {"b": "deux"}, english)
    assert other("a", x=1) == "one 1"
    assert other("b") == "deux"
    assert (other.has("a"), other.has_own("a"), other.has_own("b"), other.has("c")) == (
        True,
        False,
        True,
        False,
    )
    assert other.keys == {"b"}
    with pytest.raises(KeyError):
        other("c")


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("slice_", [*SLICES, *KEYED_BY_ENGLISH])
def test_a_policy_and_the_reader_have_one_word_everywhere(slice_: str, tag: str) -> None:
    words = load_texts if slice_ in SLICES else load_document
    assert [key for key, text in words(slice_, tag).items() if re.search("策略|[你妳]", text)] == []
