"""Question filter: recognises a question about a subject, which is not a request to depict it."""

from __future__ import annotations

import re

_AUX = r"(?:do|does|did|can|could|should|would|will|is|are|was|were|am|may|come|many|much|long|often|old|far)"
_QUESTION_START = re.compile(
    r"(?:(?:hi|hello|hey|please|so|ok|okay|and|but)[ ,]+)*"
    rf"(?:what(?:'?s)?|why|when|where(?:'?s)?|who(?:'?s)?|whom|whose|which|how(?:'s| {_AUX})"
    r"|(?:should|can|could|may|do|did|am|was|would) i|is it|is there|are there|does it"
    r"|(?:can|could|would|will) you (?:tell|explain|help)"
    r"|tell me (?:what|why|when|where|who|how|about)|explain)\b"
)
_DEPICTION_WORDS = re.compile(
    r"\b(?:videos?|clips?|films?|movies?|scenes?|shots?|footage|animat\w+|cartoons?|show(?:s|ing|n)?|depict\w*"
    r"|portray\w*|render\w*|generat\w+|creat\w+|camera|close-?up|cinematic|pictures?|images?|photo\w*|draw\w*"
    r"|paint\w*|visuali[sz]\w*|4k|8k|frames?|montage|zoom\w*|pan(?:s|ning)?|looks? like)\b"
)
MAX_CHARACTERS = 400
#: Highest score that classifiers and lists give to a text that is only a question.
MAX_QUESTION_SCORE = 0.5


def is_question(folded: str) -> bool:
    """Whether a folded text consists of one or two questions and does not ask to show anything."""
    text = folded.strip()
    return (
        len(text) <= MAX_CHARACTERS
        and text.endswith("?")
        and _QUESTION_START.match(text) is not None
        and _DEPICTION_WORDS.search(text) is None
    )
