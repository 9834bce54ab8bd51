"""The texts of a request and its clip, in the order in which a viewer sees or hears them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from safelight.detectors.protocol import MediaText
from safelight.detectors.text.chinese import is_mostly_chinese
from safelight.detectors.text.media_text import assemble_passages
from safelight.policy.findings import Attribute, Evidence, TextSpan

SOURCE = "cross_modal"
#: Fields with a text that describes what the video must not show.
NEGATED_FIELDS = frozenset({"negative_prompt"})
#: Maximum number of places in a clip that one finding has as evidence.
MAX_PLACES = 8


class TextSource(StrEnum):
    """Where a part of the joined text comes from."""

    REQUEST = "request"
    SCREEN = "picture"
    SPEECH = "speech"


@dataclass(frozen=True, kw_only=True)
class TextPart:
    """One part of the joined text, with its place in the request or the clip."""

    source: TextSource
    text: str
    #: When the part is shown or spoken. The request comes before all other parts.
    start_s: float
    #: The request field of the part, for text spans as evidence.
    field: str = ""
    place: Evidence | None = None

    def evidence(self, start: int, end: int) -> Evidence:
        """The evidence for the characters `start` to `end` of this part."""
        return self.place or TextSpan(field=self.field, start=start, end=end)


def parts_of(
    texts: Mapping[str, str], on_screen: Sequence[MediaText], transcript: Sequence[MediaText]
) -> tuple[TextPart, ...]:
    """All parts in order: the request first, then OCR text and transcript sorted by time."""
    asked = [
        TextPart(source=TextSource.REQUEST, text=text, start_s=-1.0, field=name)
        for name, text in texts.items()
        if text.strip()
    ]
    met = [
        TextPart(
            source=source,
            text=passage.text,
            start_s=min(read.start_s for read in passage.reads),
            place=passage.locate(),
        )
        for source, reads in ((TextSource.SCREEN, on_screen), (TextSource.SPEECH, transcript))
        for passage in assemble_passages(reads).passages
    ]
    return (*asked, *sorted(met, key=lambda part: part.start_s))


def as_description(parts: Sequence[TextPart]) -> str:
    """The parts as a description of one or two sentences. The classifiers were trained on such texts."""
    by = {source: [part.text.strip() for part in parts if part.source is source] for source in TextSource}
    asked = " ".join(by[TextSource.REQUEST]).rstrip(".。 ")
    shown, spoken = (" ".join(by[source]) for source in (TextSource.SCREEN, TextSource.SPEECH))
    if is_mostly_chinese(asked + shown + spoken):
        sentences = [asked, f"画面上写着“{shown}”" if shown else "", f"有人说：“{spoken}”" if spoken else ""]
        return "，".join(part for part in sentences if part)
    sentences = [
        asked,
        f'The words in the picture say: "{shown}"' if shown else "",
        f'A voice says: "{spoken}"' if spoken else "",
    ]
    return ". ".join(part for part in sentences if part)


def evidence_of(asked: Sequence[TextPart], media: Sequence[TextPart]) -> tuple[Evidence, ...]:
    """The evidence of all parts of the request, and of the first parts of the clip."""
    whole = (part.evidence(0, len(part.text)) for part in (*asked, *media[:MAX_PLACES]))
    return tuple(dict.fromkeys(whole))


def joined_attributes(sources: Iterable[TextSource]) -> dict[str, Attribute]:
    """The attributes of a finding with evidence in several parts."""
    speech: dict[str, Attribute] = {"speech": True} if TextSource.SPEECH in sources else {}
    return {**speech, "source": SOURCE, "cross_modal": True}
