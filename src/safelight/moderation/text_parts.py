"""The pieces of a clip that hold words, in the order somebody meets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from safelight.detectors.protocol import MediaText
from safelight.detectors.text.chinese import mostly_chinese
from safelight.detectors.text.media_text import assemble_passages
from safelight.policy.findings import Attribute, Evidence, TextSpan

SOURCE = "cross_modal"
#: Places of a clip that one finding names.
MOST_PLACES = 8


class TextSource(StrEnum):
    """Where a part of the whole stands."""

    REQUEST = "request"
    SCREEN = "picture"
    SPEECH = "speech"


@dataclass(frozen=True, kw_only=True)
class TextPart:
    """One piece of the whole text, and the way back to where it stands."""

    source: TextSource
    text: str
    #: When it is seen or heard; what was asked for comes before everything.
    start_s: float
    #: The request field, for spans in it.
    field: str = ""
    place: Evidence | None = None

    def evidence(self, start: int, end: int) -> Evidence:
        """Where characters `start` to `end` of this part are."""
        return self.place or TextSpan(field=self.field, start=start, end=end)


def parts_of(
    texts: Mapping[str, str], on_screen: Sequence[MediaText], heard: Sequence[MediaText]
) -> tuple[TextPart, ...]:
    """The pieces in the order somebody meets them: the request, then words as they are shown and said."""
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
            place=passage.place(),
        )
        for source, reads in ((TextSource.SCREEN, on_screen), (TextSource.SPEECH, heard))
        for passage in assemble_passages(reads).passages
    ]
    return (*asked, *sorted(met, key=lambda part: part.start_s))


def as_description(parts: Sequence[TextPart]) -> str:
    """The clip in a sentence or two, as a request would describe it: so the trained heads learned to read."""
    by = {source: [part.text.strip() for part in parts if part.source is source] for source in TextSource}
    asked = " ".join(by[TextSource.REQUEST]).rstrip(".。 ")
    shown, heard = (" ".join(by[source]) for source in (TextSource.SCREEN, TextSource.SPEECH))
    if mostly_chinese(asked + shown + heard):
        told = [asked, f"画面上写着“{shown}”" if shown else "", f"有人说：“{heard}”" if heard else ""]
        return "，".join(part for part in told if part)
    told = [
        asked,
        f'The words in the picture say: "{shown}"' if shown else "",
        f'A voice says: "{heard}"' if heard else "",
    ]
    return ". ".join(part for part in told if part)


def evidence_of(asked: Sequence[TextPart], media: Sequence[TextPart]) -> tuple[Evidence, ...]:
    """Where all of a request and of its clip stands; of a long clip, where it begins."""
    whole = (part.evidence(0, len(part.text)) for part in (*asked, *media[:MOST_PLACES]))
    return tuple(dict.fromkeys(whole))


def joined_attributes(sources: Iterable[TextSource]) -> dict[str, Attribute]:
    """What every finding says that rests on several parts."""
    speech: dict[str, Attribute] = {"speech": True} if TextSource.SPEECH in sources else {}
    return {**speech, "source": SOURCE, "cross_modal": True}
