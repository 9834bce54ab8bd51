"""Which of four answers the evidence about a file supports. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.provenance.fingerprints.picture_comparison import Comparison


class Answer(StrEnum):
    """The answer to "does this file come from here?"."""

    UNCHANGED = "from_here_unchanged"
    #: A watermark, and a picture that resembles that of the marked video. Not a proof: see `conclude`.
    CHANGED = "from_here_changed"
    NOT_FOUND = "not_found_here"
    CANNOT_TELL = "cannot_tell"

    @property
    def is_from_here(self) -> bool:
        return self in (Answer.UNCHANGED, Answer.CHANGED)


class Ground(StrEnum):
    """The evidence that decided the answer."""

    #: The registry has exactly these bytes.
    EXACT_FILE = "exact_file"
    #: A valid manifest of this installation.
    MANIFEST = "manifest"
    #: A watermark of this installation, and the picture agrees with that of the marked video.
    MARK_AND_PICTURE = "mark_and_picture"
    #: A watermark, but the picture could not be compared, or it shows other moments of the same scene.
    MARK_NOT_COMPARED = "mark_not_compared"
    #: A watermark on another picture than that of the marked video.
    MARK_COPIED = "mark_copied"
    #: The picture agrees with that of a registered video, but no watermark was read.
    PICTURE_ONLY = "picture_only"
    #: The search for a watermark did not end, or is not possible here.
    NOT_SEARCHED = "not_searched"
    NOTHING = "nothing"
    #: The id of a video was given, and no file.
    ID_ONLY = "id_only"


class MarkSearch(StrEnum):
    """The result of the search for a watermark of this installation."""

    READ = "read"
    NOT_READ = "not read"
    #: Without the key, or ended before the search was complete.
    NOT_SEARCHED = "not searched"


@dataclass(frozen=True, kw_only=True)
class OriginEvidence:
    """What was found out about a file."""

    #: The registry has exactly these bytes.
    is_exact: bool = False
    #: The file has a manifest of this installation that fits its picture and sound.
    has_own_manifest: bool = False
    mark: MarkSearch = MarkSearch.NOT_READ
    #: The picture against that of the video which the watermark names.
    marked_picture: Comparison = Comparison.NOT_COMPARABLE
    #: The picture agrees, but the file shows other moments than the marked video: another part of its film.
    has_other_moments: bool = False
    #: The picture agrees with that of a registered video.
    has_similar: bool = False


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    answer: Answer
    ground: Ground


def conclude(evidence: OriginEvidence) -> Conclusion:
    """The answer that the evidence supports.

    A mark alone never proves the origin, because it can be copied onto another picture, also onto another
    part of the same film. A similar picture alone proves it neither: both may show the same third one. Both
    together do not prove it either, because a mark can be copied onto the same scene.
    """
    if evidence.is_exact:
        return Conclusion(answer=Answer.UNCHANGED, ground=Ground.EXACT_FILE)
    if evidence.has_own_manifest:
        return Conclusion(answer=Answer.UNCHANGED, ground=Ground.MANIFEST)
    if evidence.mark is MarkSearch.READ:
        if evidence.marked_picture is Comparison.AGREES and evidence.has_other_moments:
            return _MARKED[Comparison.NOT_COMPARABLE]
        return _MARKED[evidence.marked_picture]
    if evidence.has_similar:
        return Conclusion(answer=Answer.CANNOT_TELL, ground=Ground.PICTURE_ONLY)
    if evidence.mark is MarkSearch.NOT_SEARCHED:
        return Conclusion(answer=Answer.CANNOT_TELL, ground=Ground.NOT_SEARCHED)
    return Conclusion(answer=Answer.NOT_FOUND, ground=Ground.NOTHING)


_MARKED = {
    Comparison.AGREES: Conclusion(answer=Answer.CHANGED, ground=Ground.MARK_AND_PICTURE),
    Comparison.NOT_COMPARABLE: Conclusion(answer=Answer.CANNOT_TELL, ground=Ground.MARK_NOT_COMPARED),
    Comparison.DIFFERS: Conclusion(answer=Answer.NOT_FOUND, ground=Ground.MARK_COPIED),
}
