"""The texts of a clip and its request, in the order in which a viewer meets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from safelight.detectors.protocol import MediaText
from safelight.detectors.text.chinese import is_mostly_chinese
from safelight.detectors.text.media_text import assemble_passages
from safelight.policy.findings import Attribute, Evidence, TextSpan

SOURCE = "cross_modal"
#: Maximum places of a clip in the evidence of one finding.
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
    #: When it is shown or spoken. The request comes before everything.
    start_s: float
    #: The request field, for spans in it.
    field: str = ""
    place: Evidence | None = None

    def evidence(self, start: int, end: int) -> Evidence:
        """The place of characters `start` to `end` of this part."""
        return self.place or TextSpan(field=self.field, start=start, end=end)


def parts_of(
    texts: Mapping[str, str], on_screen: Sequence[MediaText], transcript: Sequence[MediaText]
) -> tuple[TextPart, ...]:
    """The parts in order: the request, then OCR text and transcript by time."""
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
    """The clip as a description of one or two sentences: the classifiers were trained on such texts."""
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
    """The places of all parts of the request and the clip; of a long clip only the first ones."""
    whole = (part.evidence(0, len(part.text)) for part in (*asked, *media[:MAX_PLACES]))
    return tuple(dict.fromkeys(whole))


def joined_attributes(sources: Iterable[TextSource]) -> dict[str, Attribute]:
    """The attributes of a finding that rests on several parts."""
    speech: dict[str, Attribute] = {"speech": True} if TextSource.SPEECH in sources else {}
    return {**speech, "source": SOURCE, "cross_modal": True}
