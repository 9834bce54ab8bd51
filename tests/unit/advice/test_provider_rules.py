from __future__ import annotations

import datetime as dt

from safelight.advice.provider_rules import advise, document_for, documents
from safelight.policy.findings import SHIPPED
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
