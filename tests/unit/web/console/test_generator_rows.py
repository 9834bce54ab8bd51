from __future__ import annotations

from typing import Any, cast

import pytest

from safelight.providers.protocol import GeneratorInfo
from safelight.videos.refusal_budget import RefusalCount
from safelight.videos.upstream_gate import UpstreamProblem
from safelight.web.console.settings_pages import generator_rows
from safelight.web.translations import load_languages


class Model:
    def info(self) -> GeneratorInfo:
        return GeneratorInfo(
            models=("veo-3.1",), aliases={"sora-2": "veo-3.1"}, seconds=(4,), sizes=(), usd_per_second=0.4
        )


GENERATORS = cast(Any, {"veo": Model(), "runway": Model()})
FAILING = {"veo": UpstreamProblem(failed_calls=5, no_answer="http://gpu:8091/v1 does not answer.")}


@pytest.mark.parametrize("tag", list(load_languages()))
def test_each_generator_is_shown_with_what_keeps_requests_from_it(tag: str) -> None:
    budgets = {name: RefusalCount(refused=3, limit=3, until=0.0) for name in GENERATORS}
    t = load_languages()[tag]
    veo, runway = generator_rows(GENERATORS, FAILING, budgets, t)
    assert veo.models == ("veo-3.1", "sora-2")
    assert "0.40" in veo.price
    assert len(veo.problems) == 3
    assert "5" in veo.problems[0]
    assert (veo.problems[1] == FAILING["veo"].no_answer) is (tag == "en")
    # The counts are those of all tenants.
    assert runway.problems == (t("settings.generator_refused"),)
    assert not any("3" in sentence for sentence in runway.problems)


def test_a_generator_without_a_problem_has_no_sentence() -> None:
    rows = generator_rows(GENERATORS, {}, {}, load_languages()["en"])
    assert [row.problems for row in rows] == [(), ()]
