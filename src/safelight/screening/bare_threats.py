"""Bare threats: words in the picture or in the speech of a clip that threaten people with death and fill it.

In a prompt, such words are those of a figure in a scene. In a clip without such a scene, the viewer is their
reader.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from safelight.detectors.protocol import MediaText
from safelight.detectors.text.indicators import DEPICTION, shipped
from safelight.policy.findings import (
    THREAT,
    Attribute,
    Basis,
    Category,
    Finding,
    FrameRange,
    Match,
    Modality,
    TimeRange,
    is_threat,
)

from .requested_text import added_text
from .text_parts import MAX_PLACES, TextPart, TextSource, parts_of

DETECTOR, VERSION = "bare-threats", "1"
#: Above the thresholds of the rules for harassment (`ha-4`).
SCORE = 0.75
#: Share of the words of a picture or of the speech that the threat must have to be bare.
_MIN_SHARE = 0.5
#: Lettering fills a clip if it covers this part of the picture, or is shown for this part of the time.
_MIN_AREA, _MIN_TIME = 0.05, 0.5
#: A request describes a scene if it has this many words besides the threat and the words about lettering.
_MIN_SCENE_WORDS = 3
#: Words in a picture or a speech of more characters are not bare.
_MAX_CHARACTERS = 1000
#: Words of the sentence after a threat that belong to it.
_MAX_TAIL_WORDS = 6

#: OCR loses the spaces between words.
_GAP = r"[\W_]*"
_KILL = (
    r"(?:kill|murder|slaughter|massacre|behead|butcher|strangle|stab|execute|exterminate|gun\W*down|hang"
    r"|wipe\W*out|burn|shoot|bomb|drown|hunt\W*down)"
)
_PEOPLE = (
    r"(?:famil(?:y|ies)|children|kids?|sons?|daughters?|babies|wi(?:fe|ves)|husbands?|mothers?|fathers?"
    r"|parents?|brothers?|sisters?|friends?|neighbou?rs?|people|persons?|teachers?|classmates?|students?|pupils?"
    r"|police|cops?|officers?|soldiers?|judges?|doctors?|nurses?|women|men|girls?|boys?|jews?|muslims?"
    r"|traitors?|infidels?|christians?|immigrants?|foreigners?|refugees?|migrants?|gays?|blacks?|whites?|voters?|politicians?)"
)
_ALL = r"(?:(?:each|all|every|any)(?:\W*(?:last|single))?(?:\W*one)?(?:\W*of)?)"
_THEM = (
    rf"(?:{_ALL}{_GAP}(?:you|them|us)|(?:you|them|him|her|everyone|everybody|anyone)(?:{_GAP}all)?"
    rf"|(?:{_ALL}{_GAP})?(?:the|your|my|his|her|their|our|these|those|all|every){_GAP}(?:\w+\s+)?{_PEOPLE}\b(?!'))(?:\b|(?=all|tonight|now))"
)
#: A verb that also has harmless meanings needs more: shoot them all, burn them alive, hang the judges.
_CERTAIN = (
    rf"(?:(?!burn|shoot|hang|bomb|drown){_KILL}{_GAP}{_THEM}|slit\W*(?:your|his|her|their)\W*throats?"
    rf"|{_KILL}{_GAP}(?:{_ALL}{_GAP}(?:you|them)|{_THEM}{_GAP}(?:all|alive|dead|down)|everyone|everybody)\b"
    rf"|hang\W+(?:the|all)\W+{_PEOPLE}\b(?!'))"
)
_INTENT = (
    rf"\b(?:i|we){_GAP}(?:'?ll|will|must|shall|wanna|want\W*to|(?:'?m|am|'?re|are){_GAP}(?:going\W*to|gonna)"
    rf"|(?:'?m|am|'?re|are){_GAP}coming\W*to|gonna|swear\W*(?:to|i\W*will)){_GAP}"
)
_PLACE = (
    r"(?:school|university|college|kindergarten|station|airport|metro|subway|train|bus|mosque|church"
    r"|synagogue|temple|hospital|clinic|mall|market|office|concert|stadium|parade|city\W*hall|embassy|court)"
)
_DAY = (
    r"(?:by\W*)?(?:tonight|today|tomorrow|now|soon|next\W*week"
    r"|(?:on\W*)?(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
)
_WHEN = rf"(?:{_DAY}|at\W*\w+)"
_ATTACK = (
    r"(?:shoot\W*up|bomb|blow\W*up|burn\W*down|attack|set\W*fire\W*to)\W+(?:the|your|this|that|a)"
    rf"\W+(?:\w+\W+)?{_PLACE}\b"
)
_DIE = (
    r"(?:die|be\W*(?:dead(?!\W*(?:tired|serious|sure|set|right|wrong|last|on\b))|killed|shot|slaughtered)"
    r"|burn\W*alive|bleed\W*(?:out|to\W*death))"
)
_YOU = rf"(?:you|they|everyone|everybody|{_ALL}\W*(?:you|them)|(?:your|their){_GAP}{_PEOPLE})"
_ONE = (
    rf"(?:he|him|she|(?:{_YOU}|(?:the|all|these|those){_GAP}{_PEOPLE})"
    r"(?:\W+(?:at|in|on)\W+(?:the|this)\W+\w+)?)"
)
_HOME = r"(?:house|home|flat|apartment|car|shop|store|office|school|church|mosque|synagogue|temple)"
#: The words before a threat that address its reader: you have 24 hours before I ..., we know you and we ...
_ADDRESS = r"(?:\b(?:you|we|i)\b\W+(?:[\w']+\W+){1,6}?(?=(?:and|before|or|until)\W+(?:i|we)\b))"
_START = (
    rf"(?:^|(?<=[.!?:;,\n\"“])|{_ADDRESS}?\b(?:and|so|now|then|please|go|let'?s|just|must|(?:before|or|until)\W+(?:i|we))\b)"
    rf"\W*(?:{_WHEN}\W*|then\W*|go\W*|just\W*|let'?s\W*)?"
)
_NOT_MEANT = (
    r"(?!\W*(?:with\W*(?:kindness|love|laughter|charm|style|a\W*smile)|softly|laughing|of\W*laughter"
    r"|trying|hard\b))"
)

_ZH_KILL = (
    r"(?<![秒抹狼人暗扑撲笑爱愛想])(?:杀|殺|弄死|打死|砍死|砍|捅死|捅|宰|勒死|枪毙|槍斃|射死|烧死|燒死|炸死|毒死|屠|干掉|幹掉|灭|滅)"
    r"(?:了|死|光|掉|尽|盡)*"
)
_ZH_THEM = (
    r"(?:[你妳您他她它](?:们|們)?(?:的)?(?:全家|家人|父母|孩子|老婆|老公|所有人)?|(?:所有|全部|每一个|每一個|这些|這些|那些)(?:的)?人"
    r"|(?:所有|全部)?(?:老师|老師|同学|同學|警察|学生|學生|女人|男人|孩子|邻居|鄰居|外国人|外國人)|全家)"
)
_ZH_WHEN = (
    r"(?:今天晚上|今晚|今夜|今天|明天晚上|明天|明晚|后天|後天|现在|現在|马上|馬上|很快"
    r"|(?:本|这|這|下)?(?:周|週|星期|礼拜|禮拜)[一二三四五六日天])"
)
_ZH_PLACE = (
    r"(?:学校|學校|车站|車站|地铁|地鐵|捷运|捷運|机场|機場|商场|商場|医院|醫院|教堂|清真寺|寺庙|寺廟"
    r"|幼儿园|幼兒園|法院|市政府|大使馆|大使館)"
)
_THREATS = re.compile(
    "|".join(
        (
            rf"{_START}{_CERTAIN}{_NOT_MEANT}",
            rf"(?:{_ADDRESS}(?:and|or)\W+)?{_INTENT}(?:\w+\W+){{0,2}}?{_CERTAIN}{_NOT_MEANT}",
            rf"{_INTENT}(?:burn|blow\W*up|torch){_GAP}(?:down{_GAP})?(?:your|his|her|their){_GAP}{_HOME}\b",
            rf"{_INTENT}shoot{_GAP}(?:you|him|her)\b(?=\W*(?:[.!?,;]|$|dead|down|and|in\W*the\W*(?:head|face|back)|{_WHEN}))",
            rf"(?:{_INTENT}|{_START})(?:\w+\W+){{0,1}}?{_ATTACK}\W+{_WHEN}",
            rf"{_WHEN}\W+(?:i|we)\W+{_ATTACK}",
            rf"{_START}{_YOU}{_GAP}(?:all{_GAP})?(?:will|'?ll|must|shall|should|deserve\W*to|(?:'?re|are){_GAP}(?:all\W*)?"
            rf"(?:going\W*to|gonna)){_GAP}(?:all{_GAP})?{_DIE}{_NOT_MEANT}",
            rf"{_START}you{_GAP}(?:'re|are){_GAP}(?:all{_GAP})?dead{_GAP}(?:all\W*of\W*you|tonight|tomorrow|soon)",
            rf"{_START}(?:(?:nobody|no\W*one|none\W*of\W*(?:you|them)){_GAP}(?:will\W*)?"
            rf"|{_YOU}{_GAP}(?:will\W*(?:not|never)|won't|are\W*not\W*going\W*to)\W*)"
            rf"(?:leaves?|gets?\W*out|walks?\W*out|makes?\W*it\W*(?:out|home|back))"
            rf"\W*(?:\w+\W+){{0,3}}?alive\b(?!\W+with\b)",
            rf"{_START}(?:leave|let){_GAP}(?:nobody|no\W*one|none(?:\W*of\W*them)?){_GAP}(?:alive|live)\b",
            rf"{_START}{_ONE}{_GAP}(?:all{_GAP})?(?:(?:will|'?ll|must|shall){_GAP}(?:all{_GAP})?{_DIE}|dies?){_GAP}{_DAY}{_NOT_MEANT}",
            rf"{_DAY}\W+{_ONE}{_GAP}(?:all{_GAP})?(?:(?:will|'?ll|must|shall){_GAP}(?:all{_GAP})?)?dies?\b{_NOT_MEANT}",
            rf"{_START}death{_GAP}to{_GAP}{_THEM}",
            rf"(?:我|我们|我們|咱们|咱們)[^。！？]{{0,8}}?{_ZH_KILL}{_ZH_THEM}",
            rf"(?:[敢不再][^。！？]{{0,8}}?)?就{_ZH_KILL}{_ZH_THEM}",
            rf"把{_ZH_THEM}[^。！？]{{0,6}}?{_ZH_KILL}",
            rf"(?:^|[。！？，\s])(?:今晚|今天|明天|现在|現在|给我|給我|去|全部|统统|統統)*{_ZH_KILL}{_ZH_THEM}",
            rf"{_ZH_WHEN}?(?:就)?[你妳他她](?:们|們|全家)*(?:{_ZH_WHEN}就?|全都|全部|通通|统统|統統|都|全家|一定)*"
            r"(?:得死|必死|要死|会死|會死|必须死|必須死|该死|該死|去死|死定了|不得好死)(?!心)",
            rf"{_ZH_WHEN}(?:全部|全都|通通|统统|統統|所有人|大家|每个人|每個人|全家|一个个|一個個)都?(?:得死|必死|必须死|必須死|去死|死定了)",
            r"(?:谁|誰|一个|一個)都?(?:别想|別想|不能|不会|不會)(?:活着|活著)(?:离开|離開|走|出去)",
            rf"(?:去|到|在)?{_ZH_PLACE}(?:砍人|杀人|殺人|开枪|開槍|引爆|放炸弹|放炸彈)",
            rf"(?:明天|今晚|今天|后天|後天|我要|我们要|我們要|我会|我會)[^。！？]{{0,4}}?(?:炸|烧|燒)(?:掉|了|毁|毀|平|光)+.{{0,3}}?{_ZH_PLACE}",
        )
    )
)
#: I will kill John Smith: the words before the name, and the name.
_PRIVATE_NAME = re.compile(
    rf"((?i:{_INTENT}{_KILL}\s+))(?!(?:All|The|Your|Every)\b)[A-Z][a-z]+\s[A-Z][a-z]+\b"
)
#: Before a threat, these words turn it into a rule, a question or a report.
_NEGATED = re.compile(
    r"(?:\b(?:not|never|don'?t|won'?t|cannot|can'?t|stop|how\W*to|nobody\W*will|who|if)\W*|[不别別勿]|禁止|不要|不可|休想|如何|怎么|怎麼)\Z"
)
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
#: Punctuation in a row, of which the first counts.
_PUNCTUATION = re.compile(r"([^\w\s'])(?:\s*[^\w\s])*")
_SENTENCE_END = re.compile(r"[.!?,;:。！？，；：]")
#: Words of a request about lettering and its ground.
_LETTERING = frozenset(
    """
    a an the in on of with and that which is are reads reading says saying say show shows showing display
    text words word letters lettering title caption captions subtitle message slogan sign font bold big large
    huge plain simple solid background screen black white red blue yellow green grey gray dark bright video
    clip centered centre center full voice narrator speaks speaking
    白 黑 红 紅 蓝 藍 字 底 文 背 景 屏 幕 画 畫 面 上 的 写 寫 着 著 显 顯 示 大 标 標 题 題 色 一 个 個 行
    语 語 音 说 說
    """.split()  # noqa: SIM905 - a list of 100 words
)


def find_bare_threats(
    on_screen: Sequence[MediaText],
    transcript: Sequence[MediaText],
    texts: Mapping[str, str],
    *,
    clip_s: float,
    people: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """Threats that are most of the words in the picture, and fill it, or most of the words in the speech.

    A threat is not reported if the request (`texts`) describes a scene in which such words are usual (a film,
    a stage, a newspaper), or if it asks for these words in a scene. A threat to one of `people`, the names of
    living public figures in the texts, is reported in any scene. `clip_s`: the length of the clip.
    """
    found = []
    for source, parts in (
        (TextSource.SCREEN, parts_of({}, on_screen, ())),
        (TextSource.SPEECH, parts_of({}, (), transcript)),
    ):
        threat = _bare_threat(parts, people)
        if threat is None or (source is TextSource.SCREEN and not _fills(threat, on_screen, clip_s)):
            continue
        names_person = any(name in _folded(part.text) for part in threat for name in people)
        if names_person or not _belongs_to_scene(threat, texts):
            found.append(_finding(threat, source))
    return tuple(found)


def without_lines_of_scenes(findings: Iterable[Finding], texts: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings in the words of a clip without those of the reader of threats, if the request describes a
    scene: it cannot tell the words of a figure from those of the writer.
    """
    return tuple(one for one in findings if not (is_threat(one) and _describes_scene(texts)))


def _belongs_to_scene(threat: Sequence[TextPart], texts: Mapping[str, str]) -> bool:
    if not _describes_scene(texts):
        return False
    if any(DEPICTION in shipped().find(text) for text in texts.values()):
        return True
    lines = [MediaText(text=part.text, confidence=1.0) for part in threat]
    return not added_text(lines, texts.values())


def _finding(threat: Sequence[TextPart], source: TextSource) -> Finding:
    spoken = source is TextSource.SPEECH
    attributes: dict[str, Attribute] = {"source": "transcript" if spoken else "on_screen", "kind": THREAT}
    return Finding(
        category=Category.HARASSMENT,
        score=SCORE,
        modality=Modality.AUDIO if spoken else Modality.TEXT,
        detector=DETECTOR,
        version=VERSION,
        basis=Basis.COMPOSED,
        reason="A threat to kill is most of what is said in the clip."
        if spoken
        else "A threat to kill fills the picture of the clip.",
        evidence=tuple(dict.fromkeys(part.evidence(0, len(part.text)) for part in threat[:MAX_PLACES])),
        attributes={**attributes, "speech": True} if spoken else attributes,
    )


def named_people(findings: Iterable[Finding]) -> frozenset[str]:
    """The names of living public figures that the text detectors found, as `find_bare_threats` reads them."""
    return frozenset(
        _folded(one.entry)
        for finding in findings
        if finding.category == Category.LIKENESS
        and finding.attributes.get("public_figure") is True
        and not finding.attributes.get("historical")
        for one in finding.evidence
        if isinstance(one, Match)
    )


def _bare_threat(parts: Sequence[TextPart], people: Iterable[str]) -> tuple[TextPart, ...] | None:
    """The parts that have the words of a threat, if these are most of the words of all parts."""
    texts = [_without_names(_folded(_PRIVATE_NAME.sub(r"\1him", part.text)), people) for part in parts]
    whole, starts = "", []
    for text in texts:
        starts.append(len(whole))
        whole += f"{text} "
    if len(whole) > _MAX_CHARACTERS:
        return None
    spans = list(_threat_spans(whole))
    words = [match.start() for match in _WORD.finditer(whole)]
    inside = [at for at in words if any(start <= at < end for start, end in spans)]
    if not inside or len(inside) < _MIN_SHARE * len(words):
        return None
    return tuple(
        part
        for part, start, text in zip(parts, starts, texts, strict=True)
        if any(first < start + len(text) and start < end for first, end in spans)
    )


def _threat_spans(text: str) -> Iterator[tuple[int, int]]:
    """The threats in a folded text, each up to the end of its sentence or `_MAX_TAIL_WORDS` words on."""
    for match in _THREATS.finditer(text):
        if _NEGATED.search(text[: match.start()].rstrip()):
            continue
        ends = _SENTENCE_END.search(text, match.end())
        tail = list(_WORD.finditer(text, match.end(), ends.start() if ends else len(text)))[:_MAX_TAIL_WORDS]
        yield match.start(), tail[-1].end() if tail else match.end()


def _without_names(folded: str, people: Iterable[str]) -> str:
    """The text with `him` or `他` in the place of a name, so that a threat to a named person reads as one."""
    for name in sorted(people, key=len, reverse=True):
        folded = re.sub(rf"(?<![a-z]){re.escape(name)}(?![a-z])", "him" if name.isascii() else "他", folded)
    return folded


def _fills(threat: Sequence[TextPart], lines: Sequence[MediaText], clip_s: float) -> bool:
    """Whether the lettering of a threat is large, or is shown for most of the clip."""
    shown = {part.text for part in threat}
    reads = [line for line in lines if line.text.strip() in shown]
    boxes = {line.text.strip(): line.box[2] * line.box[3] for line in reads if line.box is not None}
    spans = [part.place for part in threat if isinstance(part.place, FrameRange | TimeRange)]
    shown_s = max((span.end_s for span in spans), default=0.0) - min(
        (span.start_s for span in spans), default=0.0
    )
    return sum(boxes.values()) >= _MIN_AREA or (clip_s > 0 and shown_s >= _MIN_TIME * clip_s)


def _describes_scene(texts: Mapping[str, str]) -> bool:
    """Whether the request has more than threats and words about lettering."""
    for text in map(_folded, texts.values()):
        spans = list(_threat_spans(text))
        others = [
            match
            for match in _WORD.finditer(text)
            if match[0] not in _LETTERING and not any(start <= match.start() < end for start, end in spans)
        ]
        if len(others) >= _MIN_SCENE_WORDS:
            return True
    return False


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text[:_MAX_CHARACTERS]).casefold().replace("’", "'")
    return " ".join(_PUNCTUATION.sub(r"\1 ", folded).split())
