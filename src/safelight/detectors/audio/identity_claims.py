"""Detects identity claims of a speaker in transcripts ("this is your president"), in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from safelight.detectors.protocol import Capability, DetectorPlugin, PluginOptions, RunLocation, TextContent
from safelight.detectors.text.entities import EntityKind, EntityName, build_table, shipped
from safelight.detectors.text.normalise import view_of_kind
from safelight.detectors.text.phrase_index import PhraseTable
from safelight.policy.findings import Basis, Category, Finding, Modality, TextSpan

NAME, VERSION = "identity-claims", "1"
#: Value of the attribute `kind` in the findings of this detector.
CLAIM = "identity-claim"
FIELD = "transcript"
#: Scores by kind of claim. They are low, because a claim alone is an unverified statement and not deception.
OFFICE_SCORE, PERSON_SCORE, FORMAL_SCORE, NAME_ONLY_SCORE = 0.45, 0.45, 0.42, 0.2
_MAX_FINDINGS = 20

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
_NOT_CONDITIONAL = r"(?<!if )(?<!like )(?<!that )(?<!pretend )(?<!pretending )(?<!wish )(?<!think )(?<!when )"

#: Phrases that come before a speaker's own name.
_SELF_INTRODUCTION = (
    rf"{_NOT_CONDITIONAL}\b(?:i am|i'm|i’m|my name is|this is|you are listening to|you're listening to)\s+"
)
_OFFICE = re.compile(
    rf"(?:{_NOT_CONDITIONAL}\b(?:i am|i'm|i’m)\s+(?:now\s+)?(?:your|the|our)"
    r"|\b(?:this is|speaking as|as)\s+your)"
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
_BEFORE_NAME = re.compile(_SELF_INTRODUCTION + rf"(?:{_TITLES}\s+)?$")
_ZH_BEFORE_NAME = re.compile(rf"(?:我是|我就是|本人是|我叫)(?:{_ZH_OFFICES})?$")
#: Text after a name that shows that the name is not the speaker's: "I'm Obama's neighbour", "this is Obama
#: Street".
_NOT_THE_SPEAKER = re.compile(
    r"^(?:['’]s\b|['’]|\s+(?:fan|supporter|street|avenue|tower|museum|world|era|style)\b|的|迷|粉)"
)

_CLAIM_PATTERNS: tuple[tuple[re.Pattern[str], float, str], ...] = (
    (_OFFICE, OFFICE_SCORE, "A voice claims a public office."),
    (_ZH_OFFICE, OFFICE_SCORE, "A voice claims a public office."),
    (_BODY, OFFICE_SCORE, "A voice claims to speak for an authority, a bank or a similar body."),
    (_ZH_BODY, OFFICE_SCORE, "A voice claims to speak for an authority, a bank or a similar body."),
    (_FORMAL, FORMAL_SCORE, "A voice introduces itself in the manner of a speaker or a reporter."),
    (_ZH_FORMAL, FORMAL_SCORE, "A voice introduces itself in the manner of a speaker or a reporter."),
    (_INTRODUCED, NAME_ONLY_SCORE, "A voice gives its own name."),
    (_ZH_INTRODUCED, NAME_ONLY_SCORE, "A voice gives its own name."),
)


class IdentityClaimDetector:
    """A `TextDetector` for transcripts. It checks only the words and does not compare voices."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = (
        Capability(category=Category.DECEPTION_SPEECH.value, modality=Modality.AUDIO),
    )

    def __init__(self, people: PhraseTable[EntityName]) -> None:
        self._people = people

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding for each claim. The words of the claim are the evidence."""
        if content.field != FIELD:
            return []
        view = view_of_kind(content.views, "folded")
        found: dict[tuple[int, int], tuple[float, str]] = {}
        for start, end, who in self._find_claimed_names(view.text):
            found[start, end] = (PERSON_SCORE, f"A voice claims to be {who}.")
        for pattern, score, sentence in _CLAIM_PATTERNS:
            for match in pattern.finditer(view.text):
                if not any(start < match.end() and match.start() < end for start, end in found):
                    found[match.span()] = (score, sentence)
        return [
            self._finding(content, view.span(start, end), score, sentence)
            for (start, end), (score, sentence) in sorted(found.items())[:_MAX_FINDINGS]
        ]

    def _find_claimed_names(self, text: str) -> Iterable[tuple[int, int, str]]:
        for named, _phrase, start, end in self._people.find(text):
            before = text[max(start - 60, 0) : start]
            claimed = _BEFORE_NAME.search(before) or _ZH_BEFORE_NAME.search(before)
            if claimed and not _NOT_THE_SPEAKER.search(text[end : end + 12]):
                yield start - len(before) + claimed.start(), end, named.entity.name

    def _finding(self, content: TextContent, span: tuple[int, int], score: float, sentence: str) -> Finding:
        return Finding(
            category=Category.DECEPTION_SPEECH.value,
            score=score,
            modality=Modality.AUDIO,
            detector=NAME,
            version=VERSION,
            basis=Basis.MATCHED,
            reason=f"{sentence} The identity of the voice was not verified.",
            evidence=(TextSpan(field=content.field, start=span[0], end=span[1]),),
            attributes={"kind": CLAIM, "speech": True, "named": score == PERSON_SCORE},
        )


@cache
def _shipped_detector() -> IdentityClaimDetector:
    """The detector with the shipped names. It is built once per process."""
    living = (EntityKind.LIVING, EntityKind.HISTORICAL)
    return IdentityClaimDetector(build_table(one for one in shipped() if one.kind in living))


def _load(_options: PluginOptions) -> IdentityClaimDetector:
    return _shipped_detector()


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    location=RunLocation.GATEWAY,
    capabilities=IdentityClaimDetector.capabilities,
    load=_load,
)
