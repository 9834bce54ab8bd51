from __future__ import annotations

from collections.abc import Iterable, Sequence

from safelight.detectors.protocol import Capability, MediaText, TextContent
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import Finding, FrameRange, Modality, TextSpan, TimeRange
from safelight.screening.cross_modal import MAX_VARIANTS, screen_joined_text
from safelight.screening.text_parts import TextSource, as_description, parts_of
from support.texts import said, shown
from support.verdicts import seen


class Sentence:
    """Finds a sentence wherever it stands, over however many lines."""

    name, version = "sentence", "1"
    capabilities: tuple[Capability, ...] = (Capability(category="deception", modality=Modality.TEXT),)

    def __init__(self, words: str, score: float = 0.8) -> None:
        self._words, self._score = words, score

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        flat = content.text.replace("\n", " ")
        start = flat.find(self._words)
        if start >= 0:
            span = TextSpan(field=content.field, start=start, end=start + len(self._words))
            yield seen("deception", self._score, evidence=(span,), reason="It says so.")


def together(
    words: str,
    prompt: str,
    screen: Sequence[MediaText],
    heard: Sequence[MediaText],
    alone: Iterable[Finding] = (),
) -> tuple[Finding, ...]:
    parts = parts_of({"prompt": prompt}, screen, heard)
    return screen_joined_text(parts, TextPipeline([Sentence(words)], budget_s=20), alone).findings


def contrasts(findings: Iterable[Finding]) -> list[Finding]:
    return [one for one in findings if one.attributes.get("kind") == "contrast"]


def test_a_sentence_across_picture_and_speech_is_found_with_its_parts() -> None:
    (found,) = together(
        "polling is closed today", "a newsroom", [shown("polling", 1.0)], [said("is closed today", 2.0)]
    )
    assert [type(one) for one in found.evidence] == [FrameRange, TimeRange]
    assert found.attributes["cross_modal"] is True
    assert found.attributes["source"] == "cross_modal"
    assert found.attributes["speech"] is True
    assert found.reason == "In the joined text of the picture and the speech: It says so."
    (found,) = together("the polls are closed", "a sign: the polls", [shown("are closed", 0.0)], [])
    assert found.evidence[0] == TextSpan(field="prompt", start=8, end=17)
    assert isinstance(found.evidence[1], FrameRange)


def test_parts_are_in_the_order_of_the_clip() -> None:
    screen, heard = [shown("polling", 3.0)], [said("is closed", 1.0)]
    assert together("is closed polling", "x", screen, heard)
    assert not together("polling is closed", "x", screen, heard)
    parts = parts_of({"prompt": "x"}, screen, heard)
    assert [part.source for part in parts] == [TextSource.REQUEST, TextSource.SPEECH, TextSource.SCREEN]


def test_a_finding_of_one_part_alone_is_not_repeated() -> None:
    found = together("is closed", "a room", [shown("polling is closed", 0.0)], [said("hello", 1.0)])
    # But for what disagrees with the request.
    assert {one.attributes.get("kind") for one in found} == {"contrast"}
    alone = seen("deception", 0.75)
    split = ([shown("polling", 1.0)], [said("is closed", 2.0)])
    assert not together("polling is closed", "x", *split, alone=(alone,))


def test_a_single_source_is_not_screened_again() -> None:
    parts = parts_of({"prompt": "polling", "negative_prompt": "is closed"}, [], [])
    joined = screen_joined_text(parts, TextPipeline([Sentence("polling is closed")], budget_s=20), ())
    assert (joined.findings, joined.cells) == ((), ())


def test_a_detector_that_fails_on_the_joined_text_leaves_a_gap() -> None:
    class Broken(Sentence):
        def inspect_text(self, content: TextContent) -> Iterable[Finding]:
            raise RuntimeError("no")

    parts = parts_of({"prompt": "x"}, [shown("y", 0.0)], [])
    joined = screen_joined_text(parts, TextPipeline([Broken("z")], budget_s=20), ())
    assert all(not cell.complete for cell in joined.cells)
    assert joined.cells


def test_indicators_in_two_sources_are_found_besides_text_findings() -> None:
    found = together(
        "nothing of the kind",
        "Elderly people fill in ballots in a town hall",
        [shown("New this autumn", 0.0)],
        [said("Vote by text from your phone.", 2.0)],
    )
    [one] = [finding for finding in found if finding.attributes.get("kind") == "indicators"]
    assert (one.category, one.detector) == ("deception", "signs")
    assert one.attributes["cross_modal"] is True


def test_the_number_of_text_variants_is_limited() -> None:
    class Counting(Sentence):
        texts: tuple[str, ...] = ()

        def inspect_text(self, content: TextContent) -> Iterable[Finding]:
            self.texts += (content.text,)
            return super().inspect_text(content)

    counting = Counting("words")
    screen = [shown(f"line {n}", float(n)) for n in range(40)]
    parts = parts_of({"prompt": "a", "title": "b"}, screen, [said("words", 1.0)])
    screen_joined_text(parts, TextPipeline([counting], budget_s=20), ())
    assert len(counting.texts) == len(set(counting.texts)) == MAX_VARIANTS


def test_a_contradiction_has_request_and_clip_as_evidence_unless_one_of_them_explains_it() -> None:
    def found_with(title: str, *alone: Finding) -> list[Finding]:
        screen, heard = [shown(title, 0.0)], [said("the vault is empty", 1.0)]
        return contrasts(together("the vault is empty", "a bank clerk smiles", screen, heard, alone))

    (found,) = found_with("Evening bulletin")
    assert found.category == "deception"
    assert found.evidence[0] == TextSpan(field="prompt", start=0, end=19)
    assert {type(one) for one in found.evidence} == {TextSpan, FrameRange, TimeRange}
    assert found.reason.startswith("Not in the request alone")
    assert not found_with("Staff training, scene 2"), "the clip has its own context"
    asked = seen("deception", 0.6, source="prompt")
    assert not found_with("Evening bulletin", asked), "the request has the category itself"


def test_a_clip_is_described_in_its_own_script() -> None:
    english = parts_of({"prompt": "A quiet street."}, [shown("Closed", 0.0)], [said("Come in.", 1.0)])
    assert (
        as_description(english)
        == 'A quiet street. The words in the picture say: "Closed". A voice says: "Come in."'
    )
    chinese = parts_of({"prompt": "安静的街道。"}, [], [said("请进", 1.0)])
    assert as_description(chinese) == "安静的街道，有人说：“请进”"
