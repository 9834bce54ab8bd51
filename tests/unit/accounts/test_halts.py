"""What a halt covers, and its sentence in every language."""

from __future__ import annotations

import pytest

from safelight.accounts.halts import halted
from safelight.core.i18n import translate_error
from safelight.policy.halts import Halt, HaltKind
from safelight.videos.outcomes import HALT_SENTENCE


def made(kind: HaltKind, target: str) -> Halt:
    return Halt(
        id="halt_0", kind=kind, target=target, tenant=None, reason="x", created_by="operator", created_at=0.0
    )


@pytest.mark.parametrize(
    ("category", "covered"),
    [("violence", True), ("violence/graphic", True), ("violence-like", False), ("hate", False)],
)
def test_a_category_covers_those_below_it_and_nothing_of_its_name(category: str, covered: bool) -> None:
    halt = made(HaltKind.CATEGORY, "violence")
    assert halt.covers(("violence", "tenant_a"), ()) is False
    assert halt.covers((), {category}) is covered


@pytest.mark.parametrize("kind", [HaltKind.MODEL, HaltKind.TENANT])
def test_a_model_or_tenant_covers_its_name_alone(kind: HaltKind) -> None:
    halt = made(kind, "a")
    assert halt.covers(("a", "b"), ())
    assert not halt.covers(("ab", "b"), {"a"})


@pytest.mark.parametrize("kind", HaltKind)
@pytest.mark.parametrize("tag", ["zh-Hant", "zh-Hans"])
def test_the_sentence_is_translated(kind: HaltKind, tag: str) -> None:
    sentence = translate_error(str(halted(made(kind, "sora-mini"))), tag)
    assert "operator" not in sentence
    assert "charged" not in sentence
    assert ("sora-mini" in sentence) is (kind is not HaltKind.TENANT)
    assert "operator" not in translate_error(HALT_SENTENCE, tag)
