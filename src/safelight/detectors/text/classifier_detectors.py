"""Detectors for the text classifiers: one reads words, the other also reads meaning with MiniLM."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from safelight.detectors.protocol import Abstained, Capability, PartialInspection, TextContent, TextView
from safelight.policy.findings import SHIPPED, Basis, Category, Finding, Modality, TextSpan

from .attribution import Array, Place, attribute_spans
from .classifiers import CategoryPoint, ClassifierSet, VoiceClassifier
from .compositions import EXCEPT, CompositionList, find_roles, shipped_compositions
from .glosses import Glosses
from .languages import Language, LanguagePart, LanguageSplitter
from .lists import Lexicon
from .minilm.encoder import Encoder
from .normalise import final_views
from .readings import MAX_EMBEDDED_WINDOWS, EmbeddingReader, Reader, Reading, WordReader, text_embedding
from .word_grams import chinese_grams, english_grams

#: These words reject what is in their sentence, in the one before and in the one after it.
_WIDE = frozenset(
    {"denied-contempt", "rejected-words", "rejecting-words", "denied-contempt-zh", "rejecting-words-zh"}
)
#: These words reject only what is in their own sentence.
_NARROW = frozenset({"rejecting-places", "rejecting-places-zh"})
ROLES = _WIDE | _NARROW
#: These words say that the sentence is about the prevention of self-harm, and not about the harm itself.
PREVENTION = frozenset({"prevention-words", "prevention-words-zh"})
#: Chinese has no space after a sentence, and half-width signs are common in it.
_SENTENCE_END = re.compile(r"[.!?](?=\s|$|[\u3400-\u9fff])|[。！？;；]")
_LINE_END = re.compile(r"[\n\r\u2028\u2029]")
VERSION = "7"
#: The score at the operating point of every category. The log-odds are shifted so that this is so.
POINT_SCORE = 0.5
#: Findings with a lower score are not reported. Those between this score and the operating point have no
#: effect alone; content that may concern minors is kept from third parties from here, and paraphrases of a
#: blocked prompt are judged more strictly.
MIN_SCORE = 0.3
#: Categories of hatred, which a text can repeat in order to reject it.
_REJECTABLE = {
    Category.HATE.value: ROLES,
    Category.HARASSMENT.value: ROLES,
    # Not sexual content: beside a sign of a minor, no word may take its power away.
    Category.SELF_HARM.value: PREVENTION,
}

# Rejections: whether a text denies or rejects the hatred in it, or shows that others reject it.


class RejectionReader:
    """Finds the sentences that reject hatred, or that prevent harm, by the terms of `roles` in
    `compositions/rejections.yaml`.

    A line of the original text is a sentence of its own: texts read in a picture are joined by line ends.
    """

    def __init__(self, compositions: CompositionList, roles: frozenset[str] = ROLES) -> None:
        self._roles = roles
        self._lexicon = Lexicon(
            entry for entry in compositions.entries if entry.category.removeprefix(EXCEPT) in roles
        )

    def is_rejected(self, view: TextView, places: Iterable[Place], original: str = "") -> bool:
        """Whether each place is in a sentence that is rejected. `original`: the text of the view."""
        ends = _sentence_ends(view, original)
        rejected = self._rejected_sentences(view, ends)
        return all(bisect_right(ends, start) in rejected for start, _end in places)

    def blank_rejected(self, view: TextView, original: str) -> str:
        """The text of the view, with spaces in place of every sentence that is rejected."""
        ends = _sentence_ends(view, original)
        rejected = self._rejected_sentences(view, ends)
        text, starts = view.text, [0, *ends]
        return "".join(
            " " * (end - start) if number in rejected else text[start:end]
            for number, (start, end) in enumerate(zip(starts, [*ends, len(text)], strict=True))
        )

    def _rejected_sentences(self, view: TextView, ends: list[int]) -> set[int]:
        """The numbers of the sentences that are rejected."""
        rejected = set()
        for role, hits in find_roles(self._lexicon, view).items():
            for start, _end, _sentence in hits if role in self._roles else ():
                number = bisect_right(ends, start)
                rejected |= {number - 1, number, number + 1} if role in _WIDE else {number}
        return rejected


def _sentence_ends(view: TextView, original: str) -> list[int]:
    """The positions in the view after the end of each sentence and of each line of the original text."""
    ends = {hit.end() for hit in _SENTENCE_END.finditer(view.text)}
    ends |= {bisect_right(view.offsets, hit.start()) for hit in _LINE_END.finditer(original)}
    return sorted(ends - {len(view.text) + 1})


@cache
def shipped_rejections(roles: frozenset[str] = ROLES) -> RejectionReader:
    """The reader for the shipped terms of these roles. It is built once per process."""
    return RejectionReader(shipped_compositions(), roles)


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A classifier with its way to read a text and its operating points."""

    classifier: VoiceClassifier
    read: Reader
    points: Mapping[tuple[str, str], Mapping[str, CategoryPoint]]

    def points_for(self, part: LanguagePart) -> Mapping[str, CategoryPoint]:
        """The points of the categories for this language and length; empty if there are none."""
        return self.points.get((part.language, part.length), {})


class ClassifierDetector:
    """Judges the English and the Chinese part of a text, each by the voice for this language."""

    #: Coverage reports this as the depth of the check.
    learned = True
    name: str

    def __init__(self, classifiers: ClassifierSet) -> None:
        self.version = f"{VERSION}+{classifiers.version}"
        self.classifiers = classifiers
        self.splitter = LanguageSplitter(classifiers.frequent_english)
        self.capabilities = tuple(
            Capability(category=category, modality=Modality.TEXT, measured="docs/benchmarks/prompts.md")
            for category in sorted(self.english.classifier.categories)
        )

    @cached_property
    def english(self) -> Voice:
        """The voice for English."""
        raise NotImplementedError

    @cached_property
    def chinese(self) -> Voice:
        """The voice for Chinese. It is loaded for the first Chinese text."""
        raise NotImplementedError

    @property
    def points(self) -> Mapping[str, float]:
        """The score at the operating point of each category."""
        return dict.fromkeys(self.english.classifier.categories, POINT_SCORE)

    def inspect_text(self, content: TextContent) -> Iterator[Finding]:
        """The findings of each category, with the words that cause them.

        Raises `Abstained` at the end if no part of the text could be judged, because it has a language or a
        length without operating points, and `PartialInspection` if parts of a long text were not read.
        """
        judged, left_out, reason = False, 0, "the text has no words in English or Chinese"
        for view in final_views(content.views):
            original = view.text if view.is_guess else content.text
            for part in self.splitter.split(view.text, original):
                voice = self.voice_for(part)
                points = voice.points_for(part)
                reading = voice.read(part.text) if points else None
                if reading is None:
                    if not view.is_guess:
                        reason = f"there is no operating point for {part.language} and {part.length} words"
                    continue
                if not view.is_guess:
                    judged = True
                    left_out += reading.left_out
                yield from self._findings(content, view, voice, reading, points)
        if left_out:
            raise PartialInspection(
                f"{left_out} parts of a long text with the lowest n-gram scores were not read."
            )
        if not judged:
            raise Abstained(f"{reason}.")

    def voice_for(self, part: LanguagePart) -> Voice:
        """The voice for the language of this part."""
        return self.english if part.language is Language.ENGLISH else self.chinese

    def _is_found_elsewhere(self, content: TextContent, view: TextView, voice: Voice, category: str) -> bool:
        """Whether the text without the sentences that are rejected is at the operating point too."""
        rest = shipped_rejections(_REJECTABLE[category]).blank_rejected(view, content.text)
        for part in self.splitter.split(rest, content.text):
            point = voice.points_for(part).get(category)
            reading = voice.read(part.text) if point and self.voice_for(part) is voice else None
            if point is None or reading is None:
                continue
            odds = voice.classifier.log_odds(reading.grams, reading.embeddings)
            [(_category, scores)] = _by_strength(voice.classifier.categories, odds, {category: point})
            if scores.max() >= POINT_SCORE:
                return True
        return False

    def _findings(
        self,
        content: TextContent,
        view: TextView,
        voice: Voice,
        reading: Reading,
        points: Mapping[str, CategoryPoint],
    ) -> Iterator[Finding]:
        odds = voice.classifier.log_odds(reading.grams, reading.embeddings)
        # The words that cause the strongest finding in a row are evidence for the row's other findings too.
        words: dict[int, list[Place]] = {}
        for category, scores in _by_strength(voice.classifier.categories, odds, points):
            score = float(scores.max())
            if score < MIN_SCORE:
                return
            # The whole text is named as evidence by its strongest window.
            row = int(scores[1:].argmax()) + 1 if len(scores) > 1 else 0
            if score < POINT_SCORE:
                places = [reading.places[row]]
            else:
                if row not in words:
                    margin = float(np.log(scores[row] / (1 - scores[row])))
                    words[row] = _evidence(voice.classifier, reading, view.text, category, row, margin)
                places = words[row]
            rejected = (
                (roles := _REJECTABLE.get(category)) is not None
                and score >= POINT_SCORE
                and shipped_rejections(roles).is_rejected(view, places, content.text)
                and not self._is_found_elsewhere(content, view, voice, category)
            )
            yield Finding(
                category=category,
                score=round(score, 4),
                modality=Modality.TEXT,
                detector=self.name,
                version=self.version,
                reason=f"The text resembles examples of: {SHIPPED[category].summary}",
                evidence=tuple(
                    TextSpan(field=content.field, start=start, end=end)
                    for start, end in sorted(view.span(*place) for place in places)
                ),
                basis=Basis.LEARNED,
                point=points[category].point,
                attributes={"rejected": True} if rejected else {},
            )


class NgramDetector(ClassifierDetector):
    """Reads the words of English and Chinese texts. Needs no model file."""

    name = "ngrams"
    #: MiniLM reads the same words and finds almost all that this voice finds, with fewer false alarms
    #: (docs/benchmarks/prompts.md).
    stands_in_for = {Language.ENGLISH.value: "minilm"}  # noqa: RUF012 - never changed

    @cached_property
    def english(self) -> Voice:
        return _voice(self.classifiers, "english-words", WordReader(english_grams))

    @cached_property
    def chinese(self) -> Voice:
        return _voice(self.classifiers, "zh-words", WordReader(chinese_grams))


class MiniLmDetector(ClassifierDetector):
    """Reads the words and the meaning of English texts, and the meaning of Chinese texts by their glosses."""

    name = "minilm"

    def __init__(self, classifiers: ClassifierSet, encoder: Encoder, cache: Path) -> None:
        self._encoder = encoder
        self._cache = cache
        super().__init__(classifiers)
        self.version += f".{encoder.sha256[:8]}"

    @cached_property
    def english(self) -> Voice:
        reader = EmbeddingReader(self._encoder, self.classifiers.model("english"))
        return _voice(self.classifiers, "english", reader)

    @cached_property
    def chinese(self) -> Voice:
        classifier = self.classifiers.model("zh-glosses")
        reader = EmbeddingReader(self._encoder, classifier, Glosses.load(self._cache))
        return _voice(self.classifiers, "zh-glosses", reader)

    def embed_text(self, text: str) -> Array | None:
        """The embedding of a folded English text, or None if MiniLM cannot read it."""
        parts = [one for one in self.splitter.split(text, text) if one.language is Language.ENGLISH]
        windows = self._encoder.windows(parts[0].text)[:MAX_EMBEDDED_WINDOWS] if parts else []
        return text_embedding(windows, self._encoder.embed(windows)) if windows else None


def _voice(classifiers: ClassifierSet, name: str, reader: Reader) -> Voice:
    return Voice(classifier=classifiers.model(name), read=reader, points=classifiers.points(name))


def _by_strength(
    categories: Iterable[str], odds: Array, points: Mapping[str, CategoryPoint]
) -> list[tuple[str, Array]]:
    """The scores of each category that has a point, one per row of the reading; the strongest first."""
    scored = [
        (category, 1 / (1 + np.exp(np.clip(points[category].threshold - odds[:, column], -30, 30))))
        for column, category in enumerate(categories)
        if category in points
    ]
    return sorted(scored, key=lambda one: -float(one[1].max()))


def _evidence(
    classifier: VoiceClassifier, reading: Reading, text: str, category: str, row: int, margin: float
) -> list[Place]:
    """The words in a row of the reading that cause a finding."""
    start, end = reading.places[row]
    spans = attribute_spans(text[start:end], reading.explain(classifier, category, row), margin)
    return [(start + first, start + last) for first, last in spans]
