"""Write the reference cases from templates: each lists by hand the expected verdict of scores.

    python bench/reference_cases.py

A test fails if the committed files differ from the output. The policy is not consulted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "src/safelight/policy/cases"
MODALITIES = {"prompt": ["text"], "reference": ["image"], "output": ["frames", "audio"]}

Seen = dict[str, Any]


def seen(category: str, score: float, modality: str, *, card: bool = False, **attributes: Any) -> Seen:
    made: Seen = {"category": category, "score": score, "modality": modality}
    if attributes:
        made["attributes"] = attributes
    if card:
        made["test_card"] = True
    return made


class Book:
    def __init__(self) -> None:
        self.groups: dict[str, list[dict[str, Any]]] = {}

    def case(
        self, group: str, say: str, stage: str, findings: Iterable[Seen], expected: str, **more: Any
    ) -> None:
        """One case; `more` are fields of `safelight.policy.reference_cases.Case`."""
        cases = self.groups.setdefault(group, [])
        cases.append(
            {
                "id": f"{group}-{len(cases) + 1:03d}",
                "description": say,
                "stage": stage,
                "modalities": more.pop("modalities", MODALITIES[stage]),
                "findings": list(findings),
                **more,
                "expected": expected,
            }
        )

    def ladder(
        self,
        group: str,
        say: str,
        stage: str,
        category: str,
        modality: str,
        rungs: dict[str, list[float]],
        *,
        beside: Iterable[Seen] = (),
        attributes: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """One case per score: `rungs` has the scores per expected verdict."""
        for expected, scores in rungs.items():
            for score in scores:
                found = [seen(category, score, modality, **(attributes or {})), *beside]
                self.case(group, f"{say}, score {score}", stage, found, expected, **dict(more))


NAMED = seen("likeness", 0.92, "text", public_figure=True, named=True)
PRIVATE = seen("likeness", 0.9, "text", public_figure=False)
CHILD = seen("minors-present", 0.95, "text")
CHILD_SEEN = seen("minors-present", 0.9, "frames", frames=40)


def write() -> Book:
    book = Book()
    sexual(book)
    minors(book)
    likeness(book)
    violence(book)
    self_harm(book)
    hate(book)
    acts(book)
    others(book)
    everyday(book)
    coverage(book)
    card(book)
    basis(book)
    return book


def basis(book: Book) -> None:
    """What a finding in text rests on limits the action that it supports."""

    def learned(category: str, point: float | None = 0.5, score: float = 0.95) -> Seen:
        found = seen(category, score, "text") | {"basis": "learned"}
        return found if point is None else found | {"point": point}

    minor = "a sign of a minor"
    for category in ("sexual", "hate", "illicit", "extremism", "ncii", "violence/graphic"):
        for say, found, expected in (
            ("one classifier, at its operating point", learned(category), "hold"),
            ("one classifier, below its operating point", learned(category, 0.96), "allow"),
            ("a classifier without an operating point", learned(category, None, 0.99), "allow"),
            ("a guard", seen(category, 0.95, "text") | {"basis": "asked"}, "block"),
            ("signs that count together", seen(category, 0.95, "text") | {"basis": "composed"}, "block"),
        ):
            book.case("basis", f"{category}, reported by {say}", "prompt", [found], expected)
    for say, found, expected in (
        ("one classifier", learned("sexual"), "hold"),
        ("one classifier, below its operating point", learned("sexual", 0.96), "allow"),
        ("a classifier without an operating point", learned("sexual", None, 0.99), "allow"),
        ("a guard", seen("sexual", 0.95, "text") | {"basis": "asked"}, "block"),
    ):
        book.case("basis", f"sexual, reported by {say}, and {minor}", "prompt", [found, CHILD], expected)
    unmeasured = learned("minors-present", None)
    sexual_words = seen("sexual", 0.45, "text")
    book.case(
        "basis", f"Weak sexual words and {minor}, unmeasured", "prompt", [sexual_words, unmeasured], "allow"
    )
    book.case("basis", f"Weak sexual words and {minor}", "prompt", [sexual_words, CHILD], "hold")
    for say, found, expected in (
        ("one classifier", learned("sexual"), "hold"),
        ("a classifier without an operating point", learned("sexual", None, 0.99), "label"),
    ):
        book.case(
            "basis", f"sexual, reported by {say}, and a public figure", "prompt", [found, NAMED], expected
        )


def sexual(book: Book) -> None:
    words = {"allow": [0.1, 0.3, 0.5, 0.59], "block": [0.6, 0.75, 0.9, 0.99]}
    book.ladder("sexual", "Sexual words in a prompt", "prompt", "sexual", "text", words)
    book.ladder("sexual", "Sexual words in the sound", "output", "sexual", "audio", words)
    book.ladder("sexual", "Sexual words on screen", "output", "sexual", "text", words)
    book.ladder(
        "sexual",
        "Sexual words in a negative prompt",
        "prompt",
        "sexual",
        "text",
        {"allow": [0.6, 0.9, 0.99]},
        attributes={"negated": True},
    )
    book.ladder(
        "sexual",
        "Sexual words, sensitive audience",
        "prompt",
        "sexual",
        "text",
        {"allow": [0.3, 0.49], "block": [0.5, 0.6, 0.9]},
        audience="sensitive",
    )
    book.ladder(
        "sexual",
        "Sexual words, audience of minors",
        "prompt",
        "sexual",
        "text",
        {"allow": [0.2, 0.4, 0.49], "block": [0.5, 0.6, 0.9]},
        audience="minors",
    )
    for frames in (3, 12, 90):
        book.ladder(
            "sexual",
            f"Exposed nudity over {frames} frames",
            "output",
            "sexual",
            "frames",
            {"allow": [0.1, 0.2, 0.29], "hold": [0.3, 0.45, 0.59], "block": [0.6, 0.7, 0.95]},
            attributes={"frames": frames},
        )
    for frames in (1, 2):
        book.ladder(
            "sexual",
            f"Exposed nudity in {frames} frame(s)",
            "output",
            "sexual",
            "frames",
            {"allow": [0.1, 0.3, 0.49], "hold": [0.5, 0.8, 0.99]},
            attributes={"frames": frames},
        )
    book.ladder(
        "sexual",
        "Exposed nudity for half a second",
        "output",
        "sexual",
        "frames",
        {"allow": [0.3, 0.49], "hold": [0.5, 0.59], "block": [0.6, 0.9]},
        attributes={"duration_s": 0.5},
    )
    book.ladder(
        "sexual",
        "A single frame, audience of minors",
        "output",
        "sexual",
        "frames",
        {"allow": [0.39], "block": [0.4, 0.9]},
        attributes={"frames": 1},
        audience="minors",
    )
    book.ladder(
        "sexual",
        "Exposed nudity in a reference picture",
        "reference",
        "sexual",
        "image",
        {"allow": [0.1, 0.29], "hold": [0.3, 0.59], "block": [0.6, 0.9]},
    )
    book.ladder(
        "sexual",
        "Exposed body in an operator's medical setting",
        "output",
        "sexual",
        "frames",
        {"allow": [0.5, 0.9]},
        attributes={"frames": 30},
        facts=["medical"],
    )
    for kind in ("list", "hash"):
        expected = "block" if kind == "hash" else "allow"
        book.case(
            "sexual",
            f"A match of kind {kind} with a low score",
            "reference",
            [seen("sexual", 0.2, "image", kind=kind)],
            expected,
        )


def minors(book: Book) -> None:
    for child in (CHILD, CHILD_SEEN):
        where = child["modality"]
        book.ladder(
            "minors",
            f"Sexual words, a minor in {where}",
            "output",
            "sexual",
            "text",
            {"allow": [0.1, 0.3], "hold": [0.4, 0.55], "block": [0.6, 0.9]},
            beside=[child],
        )
        book.ladder(
            "minors",
            f"Nudity over frames, a minor in {where}",
            "output",
            "sexual",
            "frames",
            {"allow": [0.1, 0.29], "hold": [0.36, 0.45], "block": [0.5, 0.9]},
            attributes={"frames": 20},
            beside=[child],
        )
        book.ladder(
            "minors",
            f"One frame of nudity, a minor in {where}",
            "output",
            "sexual",
            "frames",
            {"hold": [0.5, 0.7], "block": [0.75, 0.95]},
            attributes={"frames": 1},
            beside=[child],
        )
    for modality, stage in (
        ("text", "prompt"),
        ("image", "reference"),
        ("frames", "output"),
        ("audio", "output"),
    ):
        book.ladder(
            "minors",
            f"The combined detector itself, in {modality}",
            stage,
            "sexual/minors",
            modality,
            {"allow": [0.1, 0.29], "hold": [0.36, 0.45], "block": [0.5, 0.8, 0.99]},
        )
        book.ladder(
            "minors",
            f"A minor is present, in {modality}",
            stage,
            "minors-present",
            modality,
            {"allow": [0.5, 0.8, 0.99]},
        )
        book.case(
            "minors",
            f"A known hash, in {modality}",
            stage,
            [seen("sexual/minors", 0.3, modality, kind="hash")],
            "block",
        )
    book.ladder(
        "minors",
        "Words in a negative prompt",
        "prompt",
        "sexual/minors",
        "text",
        {"allow": [0.6, 0.9]},
        attributes={"negated": True},
    )
    for fact in ("medical", "news"):
        book.ladder(
            "minors",
            f"A setting has no effect: {fact}",
            "prompt",
            "sexual/minors",
            "text",
            {"block": [0.6, 0.9]},
            facts=[fact],
        )
    book.ladder(
        "minors",
        "A consent has no effect",
        "prompt",
        "sexual/minors",
        "text",
        {"block": [0.6, 0.9]},
        consents=["consent_1"],
    )


def likeness(book: Book) -> None:
    face = {"kind": "face"}
    for modality in ("image", "frames"):
        present = {"modalities": [modality]}
        book.ladder(
            "likeness",
            f"A face in a reference ({modality})",
            "reference",
            "likeness",
            modality,
            {"allow": [0.2, 0.49], "block": [0.5, 0.8, 0.99]},
            attributes=face,
            **present,
        )
        book.ladder(
            "likeness",
            f"A face in a reference ({modality}), with a consent given on camera",
            "reference",
            "likeness",
            modality,
            {"allow": [0.5, 0.8]},
            attributes={**face, "consented": True},
            consents=["consent_1"],
            **present,
        )
        book.ladder(
            "likeness",
            f"A face in a reference ({modality}), with a consent not given on camera",
            "reference",
            "likeness",
            modality,
            {"hold": [0.99]},
            attributes=face,
            consents=["consent_1"],
            **present,
        )
    book.ladder(
        "likeness",
        "A face in the output alone",
        "output",
        "likeness",
        "frames",
        {"allow": [0.5, 0.7, 0.9, 0.99]},
        attributes={**face, "frames": 90},
    )
    book.ladder(
        "likeness",
        "A public figure is named",
        "prompt",
        "likeness",
        "text",
        {"allow": [0.3, 0.49], "label": [0.5, 0.92, 0.99]},
        attributes={"public_figure": True},
    )
    book.ladder(
        "likeness",
        "A public figure is named, audience of minors",
        "prompt",
        "likeness",
        "text",
        {"allow": [0.3], "hold": [0.5, 0.92]},
        attributes={"public_figure": True},
        audience="minors",
    )
    book.ladder(
        "likeness",
        "A historical figure is named",
        "prompt",
        "likeness",
        "text",
        {"allow": [0.5, 0.92]},
        attributes={"public_figure": True, "historical": True},
    )
    book.ladder(
        "likeness",
        "A public figure in a negative prompt",
        "prompt",
        "likeness",
        "text",
        {"allow": [0.5, 0.92]},
        attributes={"public_figure": True, "negated": True},
    )
    for person, alone in ((NAMED, "label"), (PRIVATE, "allow")):
        who = "a public figure" if person is NAMED else "a private person"
        book.ladder(
            "likeness",
            f"Sexual words and {who}",
            "prompt",
            "sexual",
            "text",
            {alone: [0.1, 0.49], "block": [0.5, 0.9]},
            beside=[person],
        )
        book.ladder(
            "likeness",
            f"Nudity and {who}, with a consent",
            "output",
            "sexual",
            "frames",
            {alone: [0.3], "block": [0.5, 0.9]},
            attributes={"frames": 1},
            beside=[person],
            consents=["consent_1"],
        )
        for category in ("violence", "violence/graphic"):
            book.ladder(
                "likeness",
                f"{category} and {who}",
                "prompt",
                category,
                "text",
                {alone: [0.3, 0.59], "block": [0.6, 0.9]},
                beside=[person],
            )
    for category in ("deception", "deception/speech"):
        book.ladder(
            "likeness",
            f"{category} and a public figure",
            "prompt",
            category,
            "text",
            {"label": [0.2, 0.49], "hold": [0.5, 0.9]},
            beside=[NAMED],
        )
        for score, expected in ((0.49, "label"), (0.5, "block"), (0.9, "block")):
            book.case(
                "likeness",
                f"{category} that viewers are meant to believe and a public figure, score {score}",
                "prompt",
                [seen(category, score, "text", explicit=True), NAMED],
                expected,
            )
    book.ladder(
        "likeness",
        "A battle of a historical figure",
        "prompt",
        "violence",
        "text",
        {"allow": [0.7, 0.9]},
        beside=[seen("likeness", 0.92, "text", public_figure=True, historical=True)],
    )
    book.ladder(
        "likeness",
        "A face similar to a protected person",
        "output",
        "likeness",
        "frames",
        {"allow": [0.3], "hold": [0.5, 0.9]},
        attributes={"kind": "match"},
    )
    book.ladder(
        "likeness",
        "A face similar to a protected person who consented",
        "output",
        "likeness",
        "frames",
        {"allow": [0.5, 0.9]},
        attributes={"kind": "match", "consented": True},
        consents=["consent_1"],
    )
    for modality, stage in (("text", "prompt"), ("image", "reference"), ("frames", "output")):
        book.ladder(
            "likeness",
            f"Intimate imagery of a person, in {modality}",
            stage,
            "ncii",
            modality,
            {"allow": [0.2, 0.49], "block": [0.5, 0.9]},
        )


def violence(book: Book) -> None:
    for modality, stage in (("text", "prompt"), ("frames", "output"), ("audio", "output")):
        book.ladder(
            "violence",
            f"Violence that is not graphic, in {modality}",
            stage,
            "violence",
            modality,
            {"allow": [0.3, 0.6, 0.9, 0.99]},
        )
    for modality, stage in (("text", "prompt"), ("audio", "output")):
        book.ladder(
            "violence",
            f"Gore in {modality}",
            stage,
            "violence/graphic",
            modality,
            {"allow": [0.3, 0.5, 0.74], "block": [0.75, 0.9]},
        )
    for modality, stage in (("image", "reference"), ("frames", "output")):
        book.ladder(
            "violence",
            f"Gore in {modality}",
            stage,
            "violence/graphic",
            modality,
            {"allow": [0.3, 0.49], "hold": [0.5, 0.69], "block": [0.7, 0.9]},
        )
        for fact in ("medical", "news"):
            book.ladder(
                "violence",
                f"Gore in {modality}, setting {fact}",
                stage,
                "violence/graphic",
                modality,
                {"allow": [0.5, 0.9]},
                facts=[fact],
            )
    book.ladder(
        "violence",
        "Violence, sensitive audience",
        "prompt",
        "violence",
        "text",
        {"allow": [0.5, 0.79], "hold": [0.8, 0.95]},
        audience="sensitive",
    )
    book.ladder(
        "violence",
        "Violence, audience of minors",
        "prompt",
        "violence",
        "text",
        {"allow": [0.5, 0.69], "block": [0.7, 0.95]},
        audience="minors",
    )


def self_harm(book: Book) -> None:
    for modality, stage in (("text", "prompt"), ("audio", "output"), ("frames", "output")):
        book.ladder(
            "self-harm",
            f"Instructions in {modality}",
            stage,
            "self-harm/instructions",
            modality,
            {"allow": [0.2, 0.49], "block": [0.5, 0.9]},
        )
    for audience in ("general", "sensitive", "minors"):
        book.ladder(
            "self-harm",
            f"A person in distress, audience {audience}",
            "prompt",
            "self-harm/intent",
            "text",
            {"allow": [0.5, 0.8, 0.99]},
            audience=audience,
        )
    book.ladder(
        "self-harm",
        "Self-harm as a subject, such as recovery",
        "prompt",
        "self-harm",
        "text",
        {"allow": [0.4, 0.7, 0.95]},
    )
    book.ladder(
        "self-harm",
        "Self-harm as a subject, audience of minors",
        "prompt",
        "self-harm",
        "text",
        {"allow": [0.4, 0.79], "hold": [0.8, 0.95]},
        audience="minors",
    )
    book.ladder(
        "self-harm",
        "Self-harm in pictures",
        "output",
        "self-harm",
        "frames",
        {"allow": [0.5, 0.79], "hold": [0.8, 0.95]},
    )


def hate(book: Book) -> None:
    for modality, stage in (("text", "prompt"), ("audio", "output"), ("frames", "output")):
        book.ladder(
            "hate",
            f"Hate in {modality}",
            stage,
            "hate",
            modality,
            {"allow": [0.3, 0.54], "hold": [0.55, 0.69], "block": [0.7, 0.9]},
        )
        book.ladder(
            "hate",
            f"Bullying in {modality}",
            stage,
            "harassment",
            modality,
            {"allow": [0.3, 0.69], "hold": [0.7, 0.9]},
        )
        book.ladder(
            "hate",
            f"A hate symbol in {modality}",
            stage,
            "hate/symbols",
            modality,
            {"allow": [0.3, 0.69], "hold": [0.7, 0.9]},
            attributes={"frames": 3} if modality == "frames" else None,
        )
    book.ladder(
        "hate",
        "A hate symbol in two frames",
        "output",
        "hate/symbols",
        "frames",
        {"allow": [0.7, 0.9]},
        attributes={"frames": 2},
    )
    for fact in ("history", "news"):
        book.ladder(
            "hate",
            f"A hate symbol, setting {fact}",
            "output",
            "hate/symbols",
            "frames",
            {"allow": [0.7, 0.9]},
            attributes={"frames": 3},
            facts=[fact],
        )


def others(book: Book) -> None:
    for modality, stage in (("text", "prompt"), ("audio", "output"), ("frames", "output")):
        book.ladder(
            "extremism",
            f"Praise of extremism in {modality}",
            stage,
            "extremism",
            modality,
            {"allow": [0.2, 0.44], "hold": [0.45, 0.59], "block": [0.6, 0.9]},
        )
    book.ladder(
        "extremism",
        "A documentary on extremism, doubtful",
        "prompt",
        "extremism",
        "text",
        {"allow": [0.45, 0.59], "block": [0.6]},
        facts=["news"],
    )
    for modality, stage in (("text", "prompt"), ("audio", "output")):
        book.ladder(
            "illicit",
            f"How to commit a crime, in {modality}",
            stage,
            "illicit",
            modality,
            {"allow": [0.3, 0.69], "block": [0.7, 0.95]},
        )
        book.ladder(
            "privacy",
            f"Private data in {modality}",
            stage,
            "privacy",
            modality,
            {"allow": [0.3, 0.69], "hold": [0.7, 0.95]},
        )
        for category in ("deception", "deception/speech"):
            book.ladder(
                "deception",
                f"{category} in {modality}, nobody real",
                stage,
                category,
                modality,
                {"allow": [0.3, 0.59], "label": [0.6, 0.95]},
            )
    for group, category in (("deception", "deception/subliminal"), ("health", "photosensitive")):
        book.ladder(
            group,
            f"{category} in frames",
            "output",
            category,
            "frames",
            {"allow": [0.4, 0.79], "hold": [0.8, 0.95]},
        )
    for modality, stage in (("text", "prompt"), ("frames", "output")):
        book.ladder(
            "ip",
            f"A brand that is not the subject, in {modality}",
            stage,
            "ip/brand",
            modality,
            {"allow": [0.5, 0.9]},
            attributes={"role": "passing"},
        )
        book.ladder(
            "ip",
            f"A brand as the subject, in {modality}",
            stage,
            "ip/brand",
            modality,
            {"allow": [0.49], "label": [0.5, 0.9]},
            attributes={"role": "subject"},
        )
        book.ladder(
            "ip",
            f"A character, in {modality}",
            stage,
            "ip/character",
            modality,
            {"allow": [0.49], "label": [0.5, 0.9]},
        )
        book.ladder(
            "ip",
            f"A character that is not the subject, in {modality}",
            stage,
            "ip/character",
            modality,
            {"allow": [0.5, 0.9]},
            attributes={"role": "passing"},
        )


#: Acts of harm: the act, and its harmless twin.
ACTS = {
    "self-harm/act": ("A man cuts his arm until it bleeds", "A man shows the old scars on his arm"),
    "violence/assault": ("A carer beats an old woman", "A carer helps an old woman up"),
    "violence/mass-attack": ("A man shoots into a crowd", "A crowd mourns the victims of a shooting"),
    "violence/torture": ("A bound prisoner is burnt", "A former prisoner tells of his time in a cell"),
    "cruelty/animals": ("Boys kick a dog for fun", "A vet treats a dog that was kicked"),
    "hate/dehumanisation": ("Migrants as rats in a sewer", "Rats in a sewer, a nature film"),
    "deception/impersonation": ("A false mayor orders a curfew", "A mayor in a puppet satire"),
    "deception/scam": ("A false bank asks for codes", "A bank warns of callers who ask for codes"),
    "sexual/real-person": ("A named actress, undressed", "A named actress on the red carpet"),
}


def acts(book: Book) -> None:
    for category, (act, twin) in ACTS.items():
        for say, score, expected in (
            (act, 0.95, "block"),
            (act, 0.8, "block"),
            (act, 0.79, "hold"),
            (act, 0.5, "hold"),
            (f"{act}: too faint", 0.49, "allow"),
            (f"The twin: {twin}", 0.3, "allow"),
        ):
            book.case("acts", f"{say}, score {score}", "prompt", [seen(category, score, "text")], expected)
        denied = seen(category, 0.95, "text", negated=True)
        book.case("acts", f"{act}: the text says that it is not shown", "prompt", [denied], "allow")


SCENES = (
    ("Children in an ordinary scene", [CHILD]),
    ("A family at the beach", [CHILD, seen("sexual", 0.25, "frames", frames=40)]),
    ("The bare chest of a man", [seen("sexual", 0.28, "frames", frames=60)]),
    (
        "Surgery",
        [seen("violence/graphic", 0.45, "frames", frames=50), seen("violence/graphic", 0.55, "text")],
    ),
    ("War history", [seen("violence", 0.9, "text"), seen("violence/graphic", 0.4, "text")]),
    ("A boxing match", [seen("violence", 0.8, "text"), seen("violence", 0.7, "frames", frames=80)]),
    ("Stage blood", [seen("violence/graphic", 0.4, "text")]),
    ("Tears", [seen("self-harm", 0.3, "text")]),
    ("Alone on a rooftop", [seen("self-harm", 0.45, "text"), seen("self-harm/intent", 0.3, "text")]),
    ("A logo on a cup", [seen("ip/brand", 0.95, "text", role="passing")]),
    ("A crowd of faces", [seen("likeness", 0.98, "frames", kind="face", frames=90)]),
    ("A cooking knife", [seen("violence", 0.4, "text"), seen("illicit", 0.2, "text")]),
    ("A temple with an old symbol", [seen("hate/symbols", 0.5, "frames", frames=50)]),
    ("A satire without real people", [seen("deception", 0.4, "text")]),
    ("No findings", []),
)


def everyday(book: Book) -> None:
    for say, findings in SCENES:
        for audience in ("general", "sensitive"):
            if audience == "sensitive" and say in {"War history", "A boxing match"}:
                continue
            words = [found for found in findings if found["modality"] == "text"]
            book.case("everyday", f"{say}: the words", "prompt", words, "allow", audience=audience)
            book.case("everyday", f"{say}: the video", "output", findings, "allow", audience=audience)


def coverage(book: Book) -> None:
    mandatory = ("sexual", "sexual/minors", "ncii", "violence/graphic", "extremism", "likeness")
    places = (("prompt", "text"), ("reference", "image"), ("output", "frames"))
    for stage, modality in places:
        for category in mandatory:
            cell = f"{category} in {modality}"
            book.case("coverage", f"No detector can check {cell}", stage, [], "hold", unavailable=[cell])
            book.case(
                "coverage",
                f"Waived by name: {cell}",
                stage,
                [],
                "allow",
                unavailable=[cell],
                waived=[category],
            )
            book.case(
                "coverage",
                f"The mandatory set is waived: {cell}",
                stage,
                [],
                "allow",
                unavailable=[cell],
                waived=["*"],
            )
            book.case(
                "coverage",
                f"The detector crashed, with a waiver: {cell}",
                stage,
                [],
                "hold",
                failed=[cell],
                waived=["*"],
            )
    book.case(
        "coverage",
        "A waiver for another category",
        "output",
        [],
        "hold",
        unavailable=["violence/graphic in frames"],
        waived=["likeness"],
    )
    book.case(
        "coverage",
        "A gap never makes a block milder",
        "output",
        [seen("extremism", 0.9, "audio")],
        "block",
        unavailable=["violence/graphic in frames"],
    )
    book.case(
        "coverage", "A gap is stronger than a label", "prompt", [NAMED], "hold", unavailable=["ncii in text"]
    )
    for category in ("sexual", "sexual/minors", "extremism"):
        book.case(
            "coverage",
            f"Sound without a detector: {category}",
            "output",
            [],
            "hold",
            unavailable=[f"{category} in audio"],
        )
        book.case(
            "coverage",
            f"A silent clip needs no check of sound: {category}",
            "output",
            [],
            "allow",
            unavailable=[f"{category} in audio"],
            modalities=["frames"],
        )


def card(book: Book) -> None:
    categories = (
        "sexual",
        "sexual/minors",
        "ncii",
        "violence",
        "violence/graphic",
        "self-harm",
        "self-harm/instructions",
        "hate",
        "hate/symbols",
        "harassment",
        "extremism",
        "illicit",
        "likeness",
        "ip/character",
        "ip/brand",
        "deception",
        "deception/speech",
        "deception/subliminal",
        "privacy",
        "minors-present",
        "photosensitive",
        "self-harm/intent",
        *ACTS,
    )
    for category in categories:
        book.case(
            "card",
            f"The safety test card for {category}, typed",
            "prompt",
            [seen(category, 1.0, "text", card=True)],
            "block",
        )
        book.case(
            "card",
            f"The safety test card for {category}, shown",
            "output",
            [seen(category, 1.0, "frames", card=True)],
            "block",
        )
    book.case(
        "card",
        "The safety test card together with a milder finding",
        "prompt",
        [seen("violence", 1.0, "text", card=True), NAMED],
        "block",
    )


def lines(book: Book) -> dict[str, str]:
    """The text of each file."""
    return {
        f"{group}.jsonl": "".join(
            json.dumps({key: value for key, value in case.items() if value != "general"}, ensure_ascii=False)
            + "\n"
            for case in cases
        )
        for group, cases in book.groups.items()
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    written = write()
    for name, text in lines(written).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(sum(len(cases) for cases in written.groups.values()), "cases in", len(written.groups), "files")
