"""Detects signs of distress. The findings make policies offer help lines; they never block a request.

All scores are below every operating point on purpose. Missing a person in need is worse than offering help to
a person who is well. Therefore the detector accepts many cues: words for suicide and self-injury in any
grammatical person, and common statements of distress if the text is in the first person.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.detectors.protocol import Capability, TextContent, TextDetector
from safelight.policy.categories import Category
from safelight.policy.findings import Basis, Finding, Modality, TextSpan

from . import ngrams
from .chinese import is_mostly_chinese
from .classifiers import Mode
from .normalise import final_views

Array: TypeAlias = npt.NDArray[np.float32]

VERSION = "1"
CAPABILITIES = (Capability(category=Category.SELF_HARM_INTENT.value, modality=Modality.TEXT),)
#: Above the score at which policies offer support, and below the operating point.
SCORE = 0.4
_MAX_SPANS = 4

#: Cues in any grammatical person: the subject alone is enough to offer help.
_TOPIC_CUES = (
    r"suicid\w*",
    r"self[- ]?(?:harm|injur|hurt|mutilat|destruct)\w*",
    r"unaliv\w*",
    r"\bkms\b",
    r"overdos\w*",
    r"\bod(?:ed|ing)?\b",
    r"\b(?:kill|hurt|harm|cut|hang|drown|end|starv|burn|choke|shoot|poison|punish|drug)(?:s|ing"
    r"|e|ed)? (?:my|him|her|one|your|them)sel(?:f|ves)\b",
    r"\b(?:end|take|took|ends|ending|taking|takes|leave|leaving)(?: \w+){0,2} (?:own )?li(?:fe"
    r"|ves)\b",
    r"\bend(?:s|ing)? it(?: all)?\b",
    r"\bend (?:all )?(?:this|the|my) (?:pain|suffering|misery)\b",
    r"\b(?:want|wants|wanted|wish|wishes|wishing|ready|decided|hoping|long|longs|plan\w*|going"
    r"|deserve\w*|try\w*|tried|prefer|rather) (?:to )?(?:\w+ ){0,2}(?:die|dead|dying|death"
    r"|disappear|vanish|not exist)\b",
    r"\b(?:how|way|ways|method|methods|means)\b.{0,24}\b(?:die|dying|to go|end it|disappear"
    r"|not wake)\b",
    r"\bpainless(?:ly)?\b",
    r"\b(?:quick|quiet|easy|gentle|peaceful)(?:est)? (?:way|death|exit|end)\b",
    r"\b(?:goodbye|farewell|suicide|last|final) (?:note|letter|message|video|words|post"
    r"|recording)s?\b",
    r"\b(?:slit|cut|cuts|cutting|slash)\w* (?:\w+ ){0,3}(?:wrist|arm|thigh|skin|vein)s?\b",
    r"\bnoose\b",
    r"\bjump(?:s|ed|ing)? (?:off|from|in front)\b",
    r"\bstep(?:s|ped|ping)? (?:off|in front)\b",
    r"\bpills?\b",
    r"\banorexi\w*",
    r"\bbulimi\w*",
    r"\bpro[- ]?(?:ana|mia)\b",
    r"\bthinspo\w*",
    r"\bpurg(?:e|ing)\b",
    r"自缢",
    r"自縊",
    r"死得",
    r"(?:只有|唯有|唯一|不如)死",
    r"死能",
    r"死嘅",
    r"冥界",
    r"自杀",
    r"自尽",
    r"自盡",
    r"自殺",
    r"轻生",
    r"輕生",
    r"寻短",
    r"尋短",
    r"自残",
    r"自殘",
    r"自伤",
    r"自傷",
    r"自虐",
    r"割腕",
    r"割脉",
    r"割脈",
    r"跳楼",
    r"跳樓",
    r"上吊",
    r"吊颈",
    r"吊頸",
    r"烧炭",
    r"燒炭",
    r"服毒",
    r"服药",
    r"服藥",
    r"吞药",
    r"吞藥",
    r"安眠药",
    r"安眠藥",
    r"卧轨",
    r"臥軌",
    r"投河",
    r"投湖",
    r"跳河",
    r"跳海",
    r"跳桥",
    r"跳橋",
    r"一了百了",
    r"想死",
    r"去死",
    r"寻死",
    r"尋死",
    r"求死",
    r"赴死",
    r"死掉",
    r"死去",
    r"死了算",
    r"死法",
    r"怎么死",
    r"怎麼死",
    r"点样死",
    r"點樣死",
    r"结束(?:自己|生命|一切|这一切|這一切|痛苦)",
    r"結束(?:自己|生命|一切|这一切|這一切|痛苦)",
    r"了结",
    r"了結",
    r"解脱",
    r"解脫",
    r"遗书",
    r"遺書",
    r"遗言",
    r"遺言",
    r"绝笔",
    r"絕筆",
    r"厌世",
    r"厭世",
    r"活不下去",
    r"活唔落去",
    r"不想活",
    r"唔想活",
    r"不想再活",
    r"伤害自己",
    r"傷害自己",
    r"弄伤自己",
    r"弄傷自己",
    r"划(?:自己|手)",
    r"割(?:自己|手)",
    r"掐自己",
    r"打自己",
    r"催吐",
    r"绝食",
    r"絕食",
    r"无痛",
    r"無痛",
    r"冇痛",
)
#: Common statements about one's own distress. They count only if the text is in the first person.
_FIRST_PERSON_CUES = (
    r"\b(?:no|any|without|not a|lost (?:\w+ )?)(?:more )?(?:reason|point|purpose|hope|meaning"
    r"|future|way out|strength)\b",
    r"\bpointless\b",
    r"\bhopeless\w*",
    r"\bworthless\w*",
    r"\bunbearable\b",
    r"\bempty inside\b",
    r"\bnumb\b",
    r"\b(?:can ?not|can'?t|cant|could ?n'?t|do ?n'?t want to|dont want to|won'?t|unable to"
    r"|too tired to|tired of|sick of|done|stop|finished|afraid to)\b.{0,24}\b(?:go on|going on"
    r"|keep going|live|living|life|alive|exist\w*|wake|waking|be here|being here|stay|hold on"
    r"|carry on|any ?more|any ?longer|breath\w*|continue|trying|fighting|cope|do this"
    r"|take (?:it|this)|everything|feel\w*|fix\w*|tomorrow|morning)\b",
    r"\b(?:better off|happier|easier|lighter|nobody|no one|no-one|anyone"
    r"|everyone)\b.{0,24}\b(?:without me|if i|i'?m gone|i am gone|i was gone|i were gone"
    r"|notice\w*|miss(?:es|ed)? me|cares?|remember\w* me|find me|know)\b",
    r"\bwithout me\b",
    r"\b(?:i'?m|i am|when i'?m|once i'?m|after i'?m|i will be|i'?ll be) (?:\w+ )?gone\b",
    r"\bnot be here\b",
    r"\bwon'?t be here\b",
    r"\b(?:sleep|asleep|close my eyes)\b.{0,32}\b(?:never|not|forever|wak\w*|for good)\b",
    r"\bnever wak\w+",
    r"\b(?:say|saying|said|says|my) (?:\w+ )?(?:goodbye|farewell)s?\b",
    r"\bgoodbye\b",
    r"\bfarewell\b",
    r"\b(?:my|the|one|for the) (?:very )?(?:last|final) (?:\w+ )?(?:day|night|time|evening"
    r"|morning|hours?|thing|wish|walk|meal|sunset|sunrise|birthday|winter|summer|autumn|spring"
    r"|week)\b",
    r"\b(?:give|gave|giving|given) (?:\w+ ){0,3}(?:away|my things)\b",
    r"\b(?:note|letter)s? (?:for|to) (?:my )?(?:mom|mum|mother|dad|father|family|parents|kids"
    r"|wife|husband|sister|brother|friends?|everyone|them|you)\b",
    r"\b(?:disappear|vanish|cease|be gone|let go|fade|sink|fall|drift away|not exist"
    r"|never (?:been )?born|stop existing|be over|all over)\b",
    r"\b(?:hate|hating|hated|disgust\w*|blame) (?:myself|me|my (?:life|body|reflection))\b",
    r"\bburden\b",
    r"\bi (?:don'?t|do not) matter\b",
    r"\b(?:nobody|no one|no-one) (?:\w+ ){0,2}(?:notice\w*|listen\w*|care\w*|understand\w*"
    r"|answer\w*|came|comes|call\w*|know\w*)\b",
    r"\b(?:ledge|rooftop|roof|bridge|railing|balcony|tracks|platform edge|cliff)\b",
    r"\brazor\w*",
    r"\bblades?\b",
    r"\bscars?\b",
    r"\bbleed\w*",
    r"\b(?:depress\w+|despair\w*|helpless|drowning|breaking point|rock bottom|dark place"
    r"|darkness|the dark|void|suffering|the pain|my pain)\b",
    r"撑不",
    r"撐不",
    r"熬不",
    r"坚持不",
    r"堅持不",
    r"走不下去",
    r"过不下去",
    r"過不下去",
    r"顶唔",
    r"頂唔",
    r"捱唔",
    r"忍不(?:住|下去)",
    r"受不了",
    r"受够",
    r"受夠",
    r"累了",
    r"好累",
    r"太累",
    r"好攰",
    r"太攰",
    r"疲惫",
    r"疲憊",
    r"没意思",
    r"沒意思",
    r"没有意义",
    r"沒有意義",
    r"没意义",
    r"冇意思",
    r"毫无意义",
    r"毫無意義",
    r"绝望",
    r"絕望",
    r"崩溃",
    r"崩潰",
    r"消失",
    r"不在了",
    r"离开(?:这个|世界|大家|人世)",
    r"離開(?:這個|呢個|世界|大家|人世)",
    r"没有我",
    r"沒有我",
    r"冇咗我",
    r"冇我",
    r"我走(?:了|后|後|咗)",
    r"我唔喺",
    r"我不在",
    r"最后一(?:次|天|晚|条|封|段|夜|餐|顿|程|面|个)",
    r"最後一(?:次|天|晚|條|封|段|夜|餐|頓|程|面|個|日)",
    r"告别",
    r"告別",
    r"永别",
    r"永別",
    r"再见",
    r"再見",
    r"再会",
    r"再會",
    r"不再醒",
    r"不要醒",
    r"别再醒",
    r"不想醒",
    r"唔想醒",
    r"醒不来",
    r"醒不來",
    r"睡过去",
    r"睡過去",
    r"长眠",
    r"長眠",
    r"一睡不",
    r"没人(?:在乎|懂|理|发现|知道|会|需要)",
    r"沒人(?:在乎|懂|理|發現|知道|會|需要)",
    r"冇人(?:在乎|明|理|知|會|需要)",
    r"拖累",
    r"负担",
    r"負擔",
    r"累赘",
    r"累贅",
    r"多余",
    r"多餘",
    r"不配",
    r"恨自己",
    r"憎自己",
    r"讨厌自己",
    r"討厭自己",
    r"撑住",
    r"痛苦",
    r"好痛",
    r"痛不欲生",
    r"抑郁",
    r"抑鬱",
    r"黑暗",
    r"深渊",
    r"深淵",
    r"天台",
    r"楼顶",
    r"樓頂",
    r"顶楼",
    r"頂樓",
    r"桥上",
    r"橋上",
    r"栏杆",
    r"欄杆",
    r"海里走",
    r"走进海",
    r"走進海",
    r"刀片",
    r"美工刀",
    r"伤痕",
    r"傷痕",
    r"流血",
    r"留给(?:家人|爸|妈|你们|大家)",
    r"留給(?:家人|爸|媽|你們|大家)",
    r"对不起(?:爸|妈|大家|你们|家人)",
    r"對不起(?:爸|媽|大家|你們|家人)",
    r"不想(?:再)?(?:继续|继續|繼續|努力|撑|撐|见|見|存在|起床|面对|面對)",
    r"唔想(?:再)?(?:繼續|捱|見|存在|起身|面對)",
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'?m|i'?ve|i'?ll|i'?d|im|ive|me|my|mine|myself)\b|我|俺|自己|本人")


_ANY_TOPIC_CUE, _ANY_FIRST_PERSON_CUE = (
    re.compile("|".join(_TOPIC_CUES)),
    re.compile("|".join(_FIRST_PERSON_CUES)),
)


class DistressCueDetector:
    """Detects many cues of distress, in English and Chinese."""

    def __init__(self, *, name: str = "distress") -> None:
        self.name = name
        self.version = VERSION
        self.capabilities: tuple[Capability, ...] = CAPABILITIES

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """At most one finding with a low score."""
        spans = [
            view.span(start, end)
            for view in final_views(content.views)
            for start, end in find_cues(view.text)
        ]
        return [distress_finding(self, content, spans[:_MAX_SPANS], basis=Basis.MATCHED)] if spans else []


@dataclass(frozen=True, kw_only=True)
class DistressClassifier:
    """Two linear classifiers, one on n-grams and one on embeddings. Help is offered if the sum of their
    scores reaches the operating point.
    """

    gram_weights: Array
    gram_bias: float
    embedding_weights: Array
    embedding_bias: float
    #: Operating points, indexed by `Mode`.
    points: Array
    sha256: str

    def matches(self, text: str, embedded: Array | None = None) -> bool:
        """Whether a folded text resembles distress. `embedded` contains the embeddings of the whole text
        and of its windows.
        """
        mode = Mode.GRAMS_CHINESE if is_mostly_chinese(text) else Mode.GRAMS
        point = self.points[mode if embedded is None else Mode.FUSED]
        return self.score(text, embedded) >= float(point)

    def score(self, text: str, embedded: Array | None = None) -> float:
        """Uncalibrated log-odds: the score of the n-grams, plus the highest score of an embedding."""
        indices, values = ngrams.features(text)
        score = float(values @ self.gram_weights[indices]) + self.gram_bias
        return (
            score
            if embedded is None
            else score + float((embedded @ self.embedding_weights).max()) + self.embedding_bias
        )


def load(data: bytes | None = None) -> DistressClassifier:
    """Load the shipped classifier, or the one in `data`. Raises `ValueError` or `KeyError` for invalid
    data.
    """
    if data is None:
        data = (files("safelight.detectors.text") / "weights" / "distress.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        if int(found["features"]) != ngrams.FEATURES:
            raise ValueError("this classifier was trained on another version of the n-gram features")
        return DistressClassifier(
            gram_weights=found["grams"].astype(np.float32),
            gram_bias=float(found["gram_bias"]),
            embedding_weights=found["line"].astype(np.float32),
            embedding_bias=float(found["line_bias"]),
            points=found["points"].astype(np.float32),
            sha256=hashlib.sha256(data).hexdigest(),
        )


def load_folder(folder: str | None) -> DistressClassifier:
    """Load the classifier that `safelight train` wrote into a folder. If there is none, load the shipped
    classifier.
    """
    path = Path(folder) / "distress.npz" if folder else None
    return load(path.read_bytes() if path is not None and path.exists() else None)


def distress_finding(
    detector: TextDetector, content: TextContent, spans: Iterable[tuple[int, int]], *, basis: Basis
) -> Finding:
    """The finding that makes policies offer help lines and that does not block."""
    return Finding(
        category=Category.SELF_HARM_INTENT.value,
        score=SCORE,
        modality=Modality.TEXT,
        detector=detector.name,
        version=detector.version,
        basis=basis,
        reason="Some of these words are also used in distress.",
        evidence=tuple(TextSpan(field=content.field, start=a, end=b) for a, b in spans),
    )


def find_cues(text: str) -> Iterator[tuple[int, int]]:
    """Character ranges of distress cues in a folded text."""
    for hit in _ANY_TOPIC_CUE.finditer(text):
        yield hit.span()
    if _FIRST_PERSON.search(text):
        for hit in _ANY_FIRST_PERSON_CUE.finditer(text):
            yield hit.span()
