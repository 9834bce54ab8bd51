from __future__ import annotations

import datetime as dt

import pytest

from safelight.core.i18n import LANGUAGES, load_messages
from safelight.policy.findings import SHIPPED
from safelight.providers.advice.documented_refusals import find_documented_refusals
from safelight.providers.advice.provider_rules import (
    Topic,
    advise,
    document_for,
    documents,
    is_known_provider,
    list_titles,
)
from safelight.providers.provider_errors.registry import exactly_named, known_providers, named, plain_name
from support.verdicts import seen


def test_every_statement_is_short_and_has_source_and_date() -> None:
    assert {"openai", "veo", "runway", "seedance", "fal"} <= set(documents())
    for document in documents().values():
        assert document.statements
        ids = [statement.id for statement in document.statements]
        assert len(ids) == len(set(ids))
        for statement in document.statements:
            assert len(statement.statement) < 140
            assert statement.source.strip()
            assert dt.date.fromisoformat(statement.read) <= dt.date(2030, 1, 1)
            for category in statement.when.categories if statement.when else ():
                assert category in SHIPPED, f"{document.provider}: {category}"


def test_a_provider_is_found_by_name_alias_and_model() -> None:
    for name in ("veo", "Google", "veo-3.1-generate-preview"):
        document = document_for(name)
        assert document.provider == "veo"
    assert document_for("nobody-1") is None


def test_an_undocumented_rule_is_unknown_and_never_fine() -> None:
    assert advise("nobody-1", [seen("violence")]).outcome == "unknown"
    told = advise("runway", [seen("violence")])
    assert told.outcome == "unknown"
    assert "unknown" in told.summary
    assert told.general


def test_a_documented_refusal_names_its_source() -> None:
    told = advise("veo-3.1", [seen("likeness", public_figure=True)])
    assert told.outcome == "refused"
    (statement,) = told.as_wire()["statements"]
    assert "support code" in statement["source"]


def test_findings_in_a_reference_are_distinguished_from_those_in_the_prompt() -> None:
    assert advise("seedance", [seen("likeness")]).outcome == "unknown"
    assert advise("seedance", [seen("likeness", modality="image")]).outcome == "refused"


def test_weak_and_negated_findings_match_no_rule() -> None:
    assert advise("veo", [seen("violence", 0.3), seen("violence", negated=True)]).outcome == "unknown"


def test_every_document_is_of_a_provider_of_the_one_list() -> None:
    known = {one.name for one in known_providers()}
    assert set(documents()) <= known
    assert set(list_titles()) == {one.name for one in known_providers() if not one.relay}
    for one in known_providers():
        for name in (one.name, *one.aliases):
            assert document_for(name) is documents().get(one.name), name
    names = [plain_name(name) for one in known_providers() for name in {one.name, *one.aliases}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "name",
    [
        *("kling", "luma", "pika", "hailuo", "vidu", "pixverse", "wan", "xai", "seedance"),
        *("veo", "runway", "fal"),
    ],
)
def test_a_paid_provider_has_a_line_or_a_gap_for_each_topic(name: str) -> None:
    document = document_for(name)
    assert document is not None
    told = advise(name, ()).as_wire()
    assert set(told["undocumented"]) == {topic for topic in Topic if not document.about(topic)}
    assert document.about(Topic.RULES)
    packages = ("google-genai", "runwayml")
    for rule in document.statements:
        assert rule.as_wire()["url"] or rule.source.startswith(packages), rule.source


def test_a_provider_that_was_shut_down_has_no_gaps_and_says_when() -> None:
    document = document_for("sora")
    assert document is not None
    assert document.shut_down is not None
    assert ("24 September 2026" in document.shut_down.statement, document.undocumented) == (True, ())


def test_a_model_on_an_own_server_is_of_no_paid_provider() -> None:
    for name in (
        "wan-2.2",
        "Wan-AI/Wan2.2-T2V-A14B-Diffusers",
        "MiniMaxAI/MiniMax-H3",
        "tencent/HunyuanVideo",
    ):
        assert document_for(name) is None, name
    for name, provider in (("wan2.6-t2v", "dashscope"), ("MiniMax-H3", "minimax"), ("viduq3-pro", "vidu")):
        document = document_for(name)
        assert document is not None
        assert document.provider == provider


def test_without_a_provider_the_rules_of_all_that_are_open_are_compared() -> None:
    found = find_documented_refusals([seen("ip/character")])
    assert found is not None
    assert ("veo" in found.refused, "dashscope" in found.depends) == (True, True)
    assert "openai" not in {*found.refused, *found.depends}
    found = find_documented_refusals([seen("violence")])
    assert found is not None
    assert ("veo" in found.refused, "vidu" in found.depends, "kling" in found.depends) == (True, True, False)
    assert find_documented_refusals([]) is None
    assert find_documented_refusals([seen("photosensitive")]) is None


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        *(("Google Veo", "veo"), ("MiniMax Hailuo", "minimax"), ("Alibaba Wan", "dashscope")),
        *(("可灵", "kling"), ("可靈", "kling"), ("即梦", "seedance"), ("海螺", "minimax")),
        *(("firefly", "firefly"), ("Adobe Firefly", "firefly"), ("hunyuan", "hunyuan"), ("混元", "hunyuan")),
        *(("ltx", "ltx"), ("LTX", "ltx"), ("google_veo", "veo"), (" Nova Reel ", "nova_reel")),
    ],
)
def test_a_provider_is_known_by_every_name_that_people_type_and_we_print(name: str, provider: str) -> None:
    known = named(name)
    assert known is not None
    assert known.name == provider
    assert is_known_provider(name)


def test_every_title_that_we_print_is_a_name_and_a_provider_without_rules_has_no_document() -> None:
    for name, title in list_titles().items():
        known = named(title)
        assert known is not None, title
        assert known.name == name, title
        assert document_for(title) is documents().get(name), title
    assert advise("ltx", [seen("violence", 0.9)]).title == "LTX"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_comparison_is_one_sentence_in_every_language(language: str) -> None:
    messages = load_messages("advice", language)
    for category, title in (("ip/character", "Google Veo"), ("minors-present", "Vidu")):
        found = find_documented_refusals([seen(category)])
        assert found is not None
        assert title in found.as_wire(messages)["text"]
    assert exactly_named("VEO ") is not None
