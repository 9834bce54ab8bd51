"""Error bodies by an author who had not seen the rules, with each expected field: every `holdout/*.yaml`.

The expected values are the author's (`expect`), overridden by those agreed afterwards (`agreed`, with a
reason). Figures: docs/benchmarks/decode.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from safelight.providers.provider_errors import Confidence, decode

HOLDOUT = Path(__file__).parent / "holdout"
FIELDS = {"source", "kind", "stage", "category", "charged", "retry"}
#: The writer's words, as ours.
WORDS = {"block": "content_block", "infrastructure": "network", True: "yes", False: "no"}


def _cases() -> Iterator[Any]:
    for file in sorted(HOLDOUT.glob("*.yaml")):
        for case in yaml.safe_load(file.read_text("utf-8")):
            yield pytest.param(case, id=f"{file.stem}-{case['id']}")


CASES = list(_cases())


@pytest.mark.parametrize("case", CASES)
def test_a_held_out_body_is_classified_as_agreed(case: Mapping[str, Any]) -> None:
    wanted = {**case["expect"], **case.get("agreed", {})}
    assert set(wanted) == FIELDS
    found = decode(case["body"], provider=case["provider"])
    got = {name: str(getattr(found, name)) for name in wanted}
    assert got == {name: str(WORDS.get(word, word)) for name, word in wanted.items()}, found.rule


@pytest.mark.parametrize("case", CASES)
def test_a_result_that_differs_from_the_authors_has_a_reason(case: Mapping[str, Any]) -> None:
    agreed = case.get("agreed", {})
    assert ("because" in case) == bool(agreed)
    assert all(case["expect"][name] != word for name, word in agreed.items())


def test_a_denied_charge_names_its_source() -> None:
    for case in CASES:
        found = decode(case.values[0]["body"], provider=case.values[0]["provider"])
        assert (found.charged == "unknown") or found.charge_source, case.id


def test_a_point_on_which_sources_disagree_is_marked_as_a_guess() -> None:
    assert decode('{"error": {"code": "sentinel_block", "message": "Hmmm"}}').confidence is Confidence.GUESS
