"""Who a voice says it is: claims of identity in speech, in English and Chinese. Reads transcripts only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from safelight.detectors.protocol import Capability, DetectorPlugin, RunLocation, TextContent
from safelight.detectors.text.entities import EntityKind, Named, shipped, table
from safelight.detectors.text.normalise import read_as
from safelight.detectors.text.phrase_index import PhraseTable
from safelight.policy.categories import Category
from safelight.policy.findings import Finding, Modality, TextSpan

NAME, VERSION = "identity-claims", "1"
#: Attribute `kind` of what is found here.
CLAIM = "identity-claim"
FIELD = "transcript"
#: A claim is no deception by itself: it is said, and nobody verified it.
OFFICE, PERSON, FORMAL, NAME_ONLY = 0.45, 0.45, 0.42, 0.2
_MOST = 20

_OFFICES = (
    r"(?:vice[- ])?president|prime minister|chancellor|pope|head of state|foreign minister|minister of \w+"
    r"|(?:us |u\.s\. )?senator|governor|mayor|attorney general|chief of police|police chief|secretary of \w+"
    r"|director of (?:the )?(?:fbi|cia|who|cdc)|ceo|chief executive(?: officer)?"
)
_BODIES = (
    r"(?:police|fbi|irs|tax office|tax authority|social security(?: administration)?|immigration"
    r"|election (?:commission|office)|bank)"
)
_ZH_OFFICES = (
    r"(?:国家|美国|法国|俄罗斯|韩国|我国|中国)?(?:副)?(?:总统|主席|总理|首相|国王|教皇|外交部长|国防部长|省长|州长|市长"
    r"|警察局长|公安局长|首席执行官|总裁)"
)
_ZH_BODIES = r"(?:公安局|公安|警察局|税务局|社保局|银行|法院|检察院|派出所|选举委员会)"
_TITLES = r"(?:president|prime minister|chancellor|senator|governor|pope|king|queen|dr\.?|mr\.?|mrs\.?|ms\.?)"
_NOT = r"(?<!if )(?<!like )(?<!that )(?<!pretend )(?<!pretending )(?<!wish )(?<!think )(?<!when )"

#: What a voice says before its own name.
_SELF = rf"{_NOT}\b(?:i am|i'm|i’m|my name is|this is|you are listening to|you're listening to)\s+"
_OFFICE = re.compile(
    rf"(?:{_NOT}\b(?:i am|i'm|i’m)\s+(?:now\s+)?(?:your|the|our)|\b(?:this is|speaking as|as)\s+your)"
    rf"\s+(?:new\s+)?(?:{_OFFICES})\b(?!'s|’s|\s+of the (?:class|club|school|fan))"
)
_BODY = re.compile(
    rf"\b(?:i am|i'm|i’m|we are|we're|this is)\s+(?:\w+\s+){{0,2}}?(?:calling|speaking)\s+(?:to you\s+)?"
    rf"(?:from|for|on behalf of)\s+(?:your|the)\s+{_BODIES}\b"
    rf"|\bthis is\s+(?:your\s+{_BODIES}\b|the\s+{_BODIES}\s+(?:calling|speaking|department)\b)"
)
_FORMAL = re.compile(
    r"\b(?:this is|i am|i'm|i’m|my name is)\s+(?P<name>[a-z][a-z'’-]+(?:\s+[a-z][a-z'’-]+){1,2}?)[,\s]+"
    r"(?:speaking|reporting|with breaking news|live from|from the white house)\b"
)
_INTRODUCED = re.compile(r"\bmy name is\s+[a-z][a-z'’-]+")
_ZH_OFFICE = re.compile(
    rf"(?<!不)(?<!如果)(?<!假如)(?:我是|我就是|本人是|我作为)(?:你们的|现任|新任)?{_ZH_OFFICES}(?!的|府)"
)
_ZH_BODY = re.compile(
    rf"(?:我是|我们是|我这边是)(?:你的|您的|你们的)?[\u4e00-\u9fff]{{0,4}}?{_ZH_BODIES}"
    rf"|这里是[\u4e00-\u9fff]{{0,4}}?{_ZH_BODIES}(?:客服|来电|的来电)"
)
_ZH_FORMAL = re.compile(r"(?:我是|这里是)(?:本台|前方|特派)?(?:记者|主播|主持人)[\u4e00-\u9fff]{2,4}")
_ZH_INTRODUCED = re.compile(r"(?:我叫|我的名字是)[\u4e00-\u9fff]{1,4}")
_BEFORE = re.compile(_SELF + rf"(?:{_TITLES}\s+)?$")
_ZH_BEFORE = re.compile(rf"(?:我是|我就是|本人是|我叫)(?:{_ZH_OFFICES})?$")
#: What follows a name that is not the speaker's: "I'm Obama's neighbour", "this is Obama Street".
_OTHERS = re.compile(
    r"^(?:['’]s\b|['’]|\s+(?:fan|supporter|street|avenue|tower|museum|world|era|style)\b|的|迷|粉)"
)

_SAID: tuple[tuple[re.Pattern[str], float, str], ...] = (
    (_OFFICE, OFFICE, "A voice says that it holds a public office."),
    (_ZH_OFFICE, OFFICE, "A voice says that it holds a public office."),
    (_BODY, OFFICE, "A voice says that it speaks for an authority, a bank or the like."),
    (_ZH_BODY, OFFICE, "A voice says that it speaks for an authority, a bank or the like."),
    (_FORMAL, FORMAL, "A voice names itself as a speaker or a reporter does."),
    (_ZH_FORMAL, FORMAL, "A voice names itself as a speaker or a reporter does."),
    (_INTRODUCED, NAME_ONLY, "A voice says its name."),
    (_ZH_INTRODUCED, NAME_ONLY, "A voice says its name."),
)


class ClaimDetector:
    """A `TextDetector` for transcripts: whoever it is that speaks, nobody compared the voice."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = (
        Capability(category=Category.DECEPTION_SPEECH.value, modality=Modality.AUDIO),
    )

    def __init__(self, people: PhraseTable[Named]) -> None:
        self._people = people

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per claim, with the words of the claim as its evidence."""
        if content.field != FIELD:
            return []
        view = read_as(content.views, "folded")
        found: dict[tuple[int, int], tuple[float, str]] = {}
        for start, end, who in self._people_claimed(view.text):
            found[start, end] = (PERSON, f"A voice says that it is {who}.")
        for pattern, score, sentence in _SAID:
            for match in pattern.finditer(view.text):
                if not any(start < match.end() and match.start() < end for start, end in found):
                    found[match.span()] = (score, sentence)
        return [
            self._finding(content, view.span(start, end), score, sentence)
            for (start, end), (score, sentence) in sorted(found.items())[:_MOST]
        ]

    def _people_claimed(self, text: str) -> Iterable[tuple[int, int, str]]:
        for named, _phrase, start, end in self._people.find(text):
            before = text[max(start - 60, 0) : start]
            claimed = _BEFORE.search(before) or _ZH_BEFORE.search(before)
            if claimed and not _OTHERS.search(text[end : end + 12]):
                yield start - len(before) + claimed.start(), end, named.entity.name

    def _finding(self, content: TextContent, span: tuple[int, int], score: float, sentence: str) -> Finding:
        return Finding(
            category=Category.DECEPTION_SPEECH.value,
            score=score,
            modality=Modality.AUDIO,
            detector=NAME,
            version=VERSION,
            reason=f"{sentence} Nobody verified whose voice it is.",
            evidence=(TextSpan(field=content.field, start=span[0], end=span[1]),),
            attributes={"kind": CLAIM, "speech": True, "named": score == PERSON},
        )


def _load(_options: dict[str, Any]) -> ClaimDetector:
    living = (EntityKind.LIVING, EntityKind.HISTORICAL)
    return ClaimDetector(table(one for one in shipped() if one.kind in living))


PLUGIN = DetectorPlugin(
    name=NAME, version=VERSION, place=RunLocation.GATEWAY, capabilities=ClaimDetector.capabilities, load=_load
)
