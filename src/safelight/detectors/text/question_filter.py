"""A question about something is no request to depict it."""

from __future__ import annotations

import re

_AUX = r"(?:do|does|did|can|could|should|would|will|is|are|was|were|am|may|come|many|much|long|often|old|far)"
_ASKS = re.compile(
    r"(?:(?:hi|hello|hey|please|so|ok|okay|and|but)[ ,]+)*"
    rf"(?:what(?:'?s)?|why|when|where(?:'?s)?|who(?:'?s)?|whom|whose|which|how(?:'s| {_AUX})"
    r"|(?:should|can|could|may|do|did|am|was|would) i|is it|is there|are there|does it"
    r"|(?:can|could|would|will) you (?:tell|explain|help)"
    r"|tell me (?:what|why|when|where|who|how|about)|explain)\b"
)
_DEPICTS = re.compile(
    r"\b(?:videos?|clips?|films?|movies?|scenes?|shots?|footage|animat\w+|cartoons?|show(?:s|ing|n)?|depict\w*"
    r"|portray\w*|render\w*|generat\w+|creat\w+|camera|close-?up|cinematic|pictures?|images?|photo\w*|draw\w*"
    r"|paint\w*|visuali[sz]\w*|4k|8k|frames?|montage|zoom\w*|pan(?:s|ning)?|looks? like)\b"
)
MAX_LENGTH = 400
#: What heads and lists may say at most about a mere question: seen and recorded.
SEEN = 0.5


def is_question(folded: str) -> bool:
    """Whether a folded text is one or two questions and asks for nothing to be shown."""
    text = folded.strip()
    return (
        len(text) <= MAX_LENGTH
        and text.endswith("?")
        and _ASKS.match(text) is not None
        and _DEPICTS.search(text) is None
    )
