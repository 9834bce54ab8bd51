"""Pre-submission checklist: ten points about a prompt, derived from its findings and its words.

Creators share these points about the filters of providers. The checklist is advice, not a verdict: it never
suggests an untrue purpose or age, and claims no success rate for any point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from safelight.policy.findings import (
    SEXUAL_CATEGORIES,
    Category,
    Cell,
    Finding,
    Group,
    Modality,
    TextSpan,
    categories_of,
)

from .form_table import is_inside_word
from .provider_rules import MIN_SCORE

# Regular expressions of the checklist, in English and Chinese. They never affect a verdict.

PEOPLE = (
    r"\b(?:m[ae]n|wom[ae]n|people|persons?|girls?|boys?|guys?|lad(?:y|ies)|gentlem[ae]n|couples?"
    r"|famil(?:y|ies)|friends?|crowds?"
    r"|dancers?|singers?|chefs?|cooks?|doctors?|nurses?|teachers?|students?|workers?|soldiers?"
    r"|athletes?|runners?|players?"
    r"|photographers?|artists?|musicians?|drivers?|farmers?|fisherm[ae]n|actors?|actress(?:es)?"
    r"|models?|brides?|grooms?|tourists?"
    r"|scientists?|engineers?|astronauts?|pilots?|sailors?|surfers?|skiers?|monks?|priests?|somebody"
    r"|someone|anyone|he|she|they"
    r"|mothers?|fathers?|mum|dad|grandm\w+|grandf\w+|parents?|husbands?|wi(?:fe|ves)|widow(?:er)?s?|sisters?"
    r"|brothers?|sons?|daughters?|uncles?|aunts?|nieces?|nephews?|cousins?|siblings?|twins|lovers?|newlyweds"
    r"|neighbou?rs?|strangers?|colleagues?|guests?|passengers?|pedestrians?|commuters?|customers?|shoppers?"
    r"|audience|spectators?|dentists?|surgeons?|paramedics?|patients|vets?|veterinarians?|pharmacists?"
    r"|firefighters?|police|(?:police ?)?officers?|cops?|detectives?|guards?|lawyers?|judges?|prisoners?"
    r"|veterans?|boxers?|wrestlers?|swimmers?|divers?|climbers?|hikers?|cyclists?|riders?|joggers?|skaters?"
    r"|gymnasts?|goalkeepers?|referees?|ballerinas?|wait(?:er|ress)(?:es|s)?|bakers?|barbers?"
    r"|baristas?|bartenders?|butchers?|tailors?|potters?|blacksmiths?|carpenters?|plumbers?|electricians?"
    r"|mechanics?|welders?|miners?|gardeners?|shepherds?|hunters?|vendors?|couriers?|cleaners?|librarians?"
    r"|professors?|researchers?|painters?|sculptors?|writers?|poets?|pianists?|violinists?|drummers?"
    r"|guitarists?|conductors?|magicians?|clowns?|knights?|kings?(?! (?:penguin|crab|cobra))|queens?(?! bee)"
    r"|princes?|princess(?:es)?|pirates?|cowboys?|vikings?|samurai|ninjas?|wizards?|refugees?|pilgrims?|nuns?|characters?"
    r"|(?:police|fire|business|sports|sales|crafts|camera|horse|spokes)(?:m[ae]n|wom[ae]n|people|persons?))\b"
    r"|[病男女老行路客工诗詩猎獵军軍旁众眾]人|人[们們群]|人物|人|[男女](?:子|士|孩|生|性)|小孩|孩子|新娘|新郎|厨师|廚師|医生|醫生"
    r"|护士|護士|老师|老師|学生|學生|拳[击擊]?手|[选選歌骑騎水]手|[寡孕][妇婦]|警[察官]|[消救][防护護][员員]|[律画畫厨廚]师|[律畫廚]師"
    r"|法官|司机|司機|士兵|[店职職演船飞飛][员員]|工匠|牧童|丈夫|妻子|夫[妻妇婦]|兄弟|姐妹|姊妹|邻居|鄰居|乘客|[观觀]众|觀眾|舞者|演员|演員|家庭|朋友|情侣|情侶|母亲|母親|父亲|父親|妈妈|媽媽|爸爸|奶奶|爷爷|爺爺"
)
ADULTS = (
    r"\b(?:adults?|grown[- ]?ups?|grown (?:m[ae]n|wom[ae]n)|m[ae]n|wom[ae]n|gentlem[ae]n|lad(?:y|ies)"
    r"|middle[- ]aged|elderly|senior|retired|mature"
    r"|grandm\w+|grandf\w+|mother|father|businessm[ae]n|businesswom[ae]n|bride|groom"
    r"|in (?:his|her|their) (?:twenties|thirties|forties|fifties|sixties|seventies|[2-9]0s)"
    r"|(?:1[89]|[2-9]\d)[- ]years?[- ]olds?)\b"
    r"|成年|成人|中年|老人|老年|男人|女人|先生|女士|母亲|母親|父亲|父親"
)
CHILDREN = (
    r"\b(?:child|children|kids?|toddlers?|bab(?:y|ies)|infants?|teen(?:ager)?s?|minors?|schoolgirls?"
    r"|schoolboys?|girls?|boys?|youths?)\b"
    r"|孩子|儿童|兒童|小孩|孩童|婴儿|嬰兒|宝宝|寶寶|幼儿|幼兒|少年|少女|女孩|男孩|[男女学學]童|小朋友|小女生|小男生|女儿|女兒|儿子|兒子"
)
#: Words of school, youth, swimwear, undress or sex. Beside one of these, no age of a person is advised.
NO_AGE_ADVICE = (
    r"\b(?:schools?|school\w+|students?|pupils?|classrooms?|class ?mates?|kindergartens?|campus|college"
    r"|homework|cheerleaders?|graduation|prom|young\w*|youth\w*|youngsters?|teen\w*|juveniles?|adolescen\w+|underage"
    r"|bikinis?|swim\w*|swam|pools?|beach\w*|lingerie|underwear|panties|bras?|thongs?|boxers|briefs|towels?"
    r"|shirtless|topless|bottomless|barefoot|bare|naked|nud\w+|undress\w*|unclothed|strip\w*|showers?|bath\w*"
    r"|sex\w*|erotic\w*|sensual\w*|seductive\w*|intima\w+|lewd|kiss\w*|bedrooms?|massag\w+|transparent"
    r"|see-through|sheer|cleavage|leotards?|cosplay\w*|uniforms?|girlish|boyish|petite|innocent)\b"
    r"|学|學|校|教室|课堂|課堂|班上|作业|作業|毕业|畢業|青春|青少|年轻|年輕|年幼|未成年|稚|萝莉|蘿莉|正太"
    r"|泳|游泳|沙滩|沙灘|海滩|海灘|泳池|比基尼|内衣|內衣|内裤|內褲|胸罩|丁字|浴|洗澡|淋浴|毛巾"
    r"|裸|光着|光著|赤脚|赤腳|赤身|上身|脱|脫|性感|性爱|性愛|色情|情色|挑逗|诱惑|誘惑|吻|床|卧室|臥室|按摩"
    r"|透明|透视|透視|制服|水手服"
)
HARM = (
    r"\b(?:fights?|fighting|fought|attacks?|attacking|kill(?:s|ed|ing)?|blood(?:y|ied)?|bleed(?:s"
    r"|ing)?|injur\w+|wounds?|weapons?|guns?"
    r"|kni(?:fe|ves)|swords?|battles?|wars?|die[sd]?|dying|deaths?|dead|hurts?|pain(?:ful)?|crash(?:es"
    r"|ed|ing)?|collisions?|explo\w+"
    r"|shoot(?:s|ing)?|stab\w*|punch\w*|drown\w*|chok\w+|hang(?:s|ing|ed)|falls?|falling|cuts?|cutting)\b"
    r"|打架|战斗|戰鬥|攻击|攻擊|[杀殺](?:死|人|害)|杀|殺|血(?![橙月型壓压糖管])|伤口|傷口|武器|枪|槍|刀|战争|戰爭|死|爆炸|坠落|墜落|跌落"
)
DISTRESS = (
    r"\b(?:despair\w*|desperat\w+|suffer\w*|agony|hopeless\w*|giv(?:es?|ing) up|tears|cry(?:ing)?"
    r"|cries|weep\w*|sobb?\w*|grief|mourn\w*"
    r"|alone|lonel\w+|isolated|depress\w+|anguish\w*|terrified|scream\w*|panic\w*|miserable|heartbroken)\b"
    r"|绝望|絕望|痛苦|孤独|孤獨|哭|眼泪|眼淚|悲伤|悲傷|恐惧|恐懼|崩溃|崩潰"
)
FILM = (
    r"\b(?:shots?|close-?ups?|wide[- ]angle|dolly|tracking|pan(?:s|ning)?|tilt(?:s|ing)?|zoom\w*|crane"
    r"|steadicam|handheld|aerial|drone"
    r"|establishing|slow[- ]motion|time[- ]?lapse|golden hour|backlit|backlight|bokeh|depth of field"
    r"|cinematic|camera|lens|\d{2}mm|lighting|framing|montage)\b"
    r"|镜头|鏡頭|特写|特寫|远景|遠景|推轨|推軌|航拍|慢动作|慢動作|延时|延時|逆光|景深|运镜|運鏡"
)
STYLE = (
    r"\b(?:in the style of|style|watercolou?r|oil painting|anime|cartoon|animated|animation|claymation"
    r"|stop[- ]motion|pixel art|sketch|ink"
    r"|impressionis\w+|minimalis\w+|noir|retro|vintage|photorealistic|documentary style|illustration"
    r"|3d render|low[- ]poly|paper[- ]cut)\b"
    r"|风格|風格|水彩|油画|油畫|动画|動畫|卡通|插画|插畫|写实|寫實|复古|復古"
)
POSITIVE = (
    r"\b(?:heartwarming|inspiring|joy\w*|uplifting|peaceful|serene|cheerful|happy|happily|smil\w+"
    r"|laugh\w*|warm|gentle|playful|calm|friendly"
    r"|celebrat\w+|hopeful|cosy|cozy|delight\w*|proud)\b|温暖|溫暖|快乐|快樂|微笑|开心|開心|平静|平靜|宁静|寧靜|欢笑|歡笑"
)
PURPOSE = (
    r"\b(?:for (?:a|an|our|the) (?:\w+ ){0,3}(?:commercial|advert\w*|campaign|lesson|course|training"
    r"|presentation|documentary|music video|film|trailer|exhibition|museum|report)"
    r"|as part of (?:a|an|our)|educational|training video|documentary|public service|awareness)\b"
    r"|宣传片|宣傳片|广告|廣告|教学|教學|纪录片|紀錄片|公益|培训|培訓"
)
_SENTENCES = re.compile(r"[.!?;。！？；]+")
_HARM_CATEGORIES = categories_of(Group.VIOLENCE, Group.SELF_HARM) - {Category.SELF_HARM_INTENT.value}
#: A finding of these, however weak, excludes advice on the age of people.
_AGE_CATEGORIES = SEXUAL_CATEGORIES | categories_of(Group.MINORS)
_MAX_CHARACTERS, _MAX_SENTENCES, _MAX_SPANS = 900, 8, 12


@cache
def pattern(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)


def find_spans(words: str, text: str) -> tuple[tuple[int, int], ...]:
    """Character ranges of the matches in a text; at most `_MAX_SPANS`.

    A single Chinese character is a match only if it is a word.
    """
    found: list[tuple[int, int]] = []
    for match in pattern(words).finditer(text):
        if is_inside_word(text, *match.span()):
            continue
        found.append(match.span())
        if len(found) >= _MAX_SPANS:
            break
    return tuple(found)


def count_sentences(text: str) -> int:
    return sum(1 for part in _SENTENCES.split(text) if part.strip())


class ChecklistTopic(StrEnum):
    FACES_IN_IMAGES = "faces_in_images"
    NAMES = "names"
    HARM_WORDS = "harm_words"
    EXPLICIT_ADULTS = "explicit_adults"
    DISTRESS = "distress"
    FILM_LANGUAGE = "film_language"
    STYLE = "style"
    POSITIVE_TONE = "positive_tone"
    CONTEXT = "context"
    SIMPLIFY = "simplify"


class ChecklistState(StrEnum):
    FINE = "fine"
    #: The creator should check this point; it is not a problem by itself.
    LOOK = "look"
    #: Our detectors found it, and some provider is likely to refuse it.
    PROBLEM = "problem"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, kw_only=True)
class ChecklistItem:
    topic: ChecklistTopic
    state: ChecklistState
    message: str
    #: Character ranges in the text of the field as the caller submitted it.
    spans: tuple[TextSpan, ...] = ()
    #: Which of several messages this is, if a state of the topic has more than one.
    case: str = ""

    @property
    def message_key(self) -> str:
        """The key of the translated message."""
        return "_".join(filter(None, (self.topic.value, self.state.value.replace(" ", "_"), self.case)))

    def as_wire(self) -> dict[str, Any]:
        return {
            "topic": self.topic.value,
            "state": self.state.value,
            "message": self.message,
            "spans": [{"field": s.field, "start": s.start, "end": s.end} for s in self.spans],
        }


@dataclass(frozen=True, kw_only=True)
class _Prompt:
    text: str
    field: str
    findings: tuple[Finding, ...]
    cells: tuple[Cell, ...]
    references: int

    def findings_in(self, *categories: str, modality: Modality | None = Modality.TEXT) -> tuple[Finding, ...]:
        return tuple(
            finding
            for finding in self.findings
            if finding.category in categories
            and finding.score >= MIN_SCORE
            and (modality is None or finding.modality is modality)
            and not finding.attributes.get("negated")
        )

    def spans(self, vocabulary: str) -> tuple[TextSpan, ...]:
        return tuple(
            TextSpan(field=self.field, start=start, end=end)
            for start, end in find_spans(vocabulary, self.text)
        )

    def quoted(self, spans: Iterable[TextSpan]) -> str:
        named = dict.fromkeys(self.text[s.start : s.end] for s in spans if s.field == self.field)
        return ", ".join(f"“{word}”" for word in list(named)[:6])


def checklist(
    texts: Mapping[str, str],
    findings: Iterable[Finding],
    *,
    cells: Iterable[Cell] = (),
    references: int = 0,
    shown: Iterable[Finding] | None = None,
) -> tuple[ChecklistItem, ...]:
    """All ten checklist items for this prompt, always in the same order. Pure.

    `shown`: the findings whose text may be disclosed (default: all). The spans of other findings are left
    out.
    """
    prompt = _Prompt(
        text=texts.get("prompt", ""),
        field="prompt",
        findings=tuple(findings),
        cells=tuple(cells),
        references=references,
    )
    disclosed = prompt.findings if shown is None else tuple(shown)
    first = (
        _faces(prompt),
        _names(prompt, disclosed),
        _harm(prompt, disclosed),
        _adults(prompt),
        _distress(prompt),
    )
    at_risk = any(item.state in (ChecklistState.LOOK, ChecklistState.PROBLEM) for item in first)
    return (
        *first,
        _film(prompt, at_risk=at_risk),
        _style(prompt, at_risk=at_risk),
        _tone(prompt, at_risk=at_risk),
        _context(prompt, at_risk=at_risk),
        _simplify(prompt, sum(item.state in (ChecklistState.LOOK, ChecklistState.PROBLEM) for item in first)),
    )


def _faces(prompt: _Prompt) -> ChecklistItem:
    check = ChecklistTopic.FACES_IN_IMAGES
    if not prompt.references:
        return ChecklistItem(
            topic=check, state=ChecklistState.NOT_APPLICABLE, message="There is no reference image."
        )
    if prompt.findings_in("likeness", modality=Modality.IMAGE):
        return ChecklistItem(
            topic=check,
            state=ChecklistState.PROBLEM,
            message="A face is visible in a reference. Many providers refuse real people there; "
            "use a picture without faces, or one that is clearly drawn.",
        )
    checked = any(
        cell.category == "likeness" and cell.modality is Modality.IMAGE and cell.ran and cell.complete
        for cell in prompt.cells
    )
    if checked:
        return ChecklistItem(
            topic=check, state=ChecklistState.FINE, message="No face was found in the reference."
        )
    return ChecklistItem(
        topic=check,
        state=ChecklistState.LOOK,
        message="The reference was not checked for faces; check it yourself.",
    )


def _names(prompt: _Prompt, disclosed: tuple[Finding, ...]) -> ChecklistItem:
    people = prompt.findings_in("likeness")
    works = prompt.findings_in("ip/character", "ip/brand")
    if not people and not works:
        return ChecklistItem(
            topic=ChecklistTopic.NAMES,
            state=ChecklistState.FINE,
            message="The prompt names no celebrity, character or brand from our lists.",
        )
    spans = _spans(finding for finding in (*people, *works) if finding in disclosed)
    what = prompt.quoted(spans)
    named = f"The prompt names {what}." if what else "The prompt names a person, character or brand."
    rest = (
        "Do not name real people; describe what matters in the scene instead."
        if people
        else "Describe one of your own; a description of the same character or brand changes nothing."
    )
    return ChecklistItem(
        topic=ChecklistTopic.NAMES,
        state=ChecklistState.PROBLEM if people or prompt.findings_in("ip/character") else ChecklistState.LOOK,
        message=f"{named} {rest}",
        spans=spans,
    )


def _harm(prompt: _Prompt, disclosed: tuple[Finding, ...]) -> ChecklistItem:
    found = prompt.findings_in(*_HARM_CATEGORIES)
    spans = prompt.spans(HARM)
    if found:
        return ChecklistItem(
            topic=ChecklistTopic.HARM_WORDS,
            state=ChecklistState.PROBLEM,
            message="The scene reads as violence or harm. "
            "If no injury is meant, describe the action without one.",
            spans=_spans(finding for finding in found if finding in disclosed) or spans,
        )
    if spans:
        return ChecklistItem(
            topic=ChecklistTopic.HARM_WORDS,
            state=ChecklistState.LOOK,
            message=f"{prompt.quoted(spans)} may be taken for harm by filters that match single words. "
            "Use another word if one has the same meaning.",
            spans=spans,
        )
    return ChecklistItem(
        topic=ChecklistTopic.HARM_WORDS,
        state=ChecklistState.FINE,
        message="The prompt has no word of violence or harm.",
    )


def _adults(prompt: _Prompt) -> ChecklistItem:
    check = ChecklistTopic.EXPLICIT_ADULTS
    children = prompt.spans(CHILDREN)
    if children or prompt.findings_in("minors-present", "sexual/minors"):
        return ChecklistItem(
            topic=check,
            state=ChecklistState.LOOK,
            message="The prompt mentions a child or a young person. Our policy allows ordinary scenes; some "
            "providers refuse all of them. Never call a child an adult.",
            spans=children,
            case="child",
        )
    people = prompt.spans(PEOPLE)
    if not people:
        return ChecklistItem(
            topic=check,
            state=ChecklistState.NOT_APPLICABLE,
            message="We found no word for a person in the prompt.",
        )
    if _no_age_advice(prompt):
        return ChecklistItem(
            topic=check, state=ChecklistState.NOT_APPLICABLE, message="This point does not apply."
        )
    if prompt.spans(ADULTS):
        return ChecklistItem(
            topic=check, state=ChecklistState.FINE, message="The prompt states that the people are adults."
        )
    return ChecklistItem(
        topic=check,
        state=ChecklistState.LOOK,
        message=f"{prompt.quoted(people)}: the prompt states no age. If you mean adults, state it.",
        spans=people,
    )


def _no_age_advice(prompt: _Prompt) -> bool:
    """Whether a statement of age must not be advised, because the prompt has a sign of youth or sex."""
    # A part of a word is enough here.
    return bool(pattern(NO_AGE_ADVICE).search(prompt.text)) or any(
        finding.category in _AGE_CATEGORIES and not finding.attributes.get("negated")
        for finding in prompt.findings
    )


def _distress(prompt: _Prompt) -> ChecklistItem:
    spans = prompt.spans(DISTRESS)
    if prompt.findings_in("self-harm/intent"):
        return ChecklistItem(
            topic=ChecklistTopic.DISTRESS,
            state=ChecklistState.LOOK,
            message="This reads like your own distress rather than a scene. Help lines are listed with "
            "the result.",
        )
    if spans:
        return ChecklistItem(
            topic=ChecklistTopic.DISTRESS,
            state=ChecklistState.LOOK,
            message=f"{prompt.quoted(spans)}: filters often take strong distress for self-harm. "
            "Remove it if the scene does not need it.",
            spans=spans,
        )
    return ChecklistItem(
        topic=ChecklistTopic.DISTRESS,
        state=ChecklistState.FINE,
        message="The prompt has no words of distress.",
    )


def _film(prompt: _Prompt, *, at_risk: bool) -> ChecklistItem:
    return _wanted(
        prompt.spans(FILM),
        ChecklistTopic.FILM_LANGUAGE,
        "The prompt describes the camera.",
        "The prompt does not describe the camera. A shot size, a camera move or the lighting makes "
        "clearer what you want to see.",
        at_risk=at_risk,
    )


def _style(prompt: _Prompt, *, at_risk: bool) -> ChecklistItem:
    spans = prompt.spans(STYLE)
    if prompt.findings_in("likeness", "ip/character", "ip/brand") and spans:
        return ChecklistItem(
            topic=ChecklistTopic.STYLE,
            state=ChecklistState.LOOK,
            message="The prompt names a style together with a person, character or brand. Name the technique "
            "(watercolour, stop motion), not its maker.",
            spans=spans,
        )
    return _wanted(
        spans,
        ChecklistTopic.STYLE,
        "The prompt names a style.",
        "The prompt names no style. A drawn or painted style cannot be mistaken for a recording of "
        "real people.",
        at_risk=at_risk,
    )


def _tone(prompt: _Prompt, *, at_risk: bool) -> ChecklistItem:
    return _wanted(
        prompt.spans(POSITIVE),
        ChecklistTopic.POSITIVE_TONE,
        "The prompt has a friendly tone.",
        "The prompt sets no tone. If the scene is friendly, say so; do not say so if it is not.",
        at_risk=at_risk,
    )


def _context(prompt: _Prompt, *, at_risk: bool) -> ChecklistItem:
    return _wanted(
        prompt.spans(PURPOSE),
        ChecklistTopic.CONTEXT,
        "The prompt states the purpose of the video. Keep it only if it is true.",
        "The prompt states no purpose. If there is one, state it; do not invent one.",
        at_risk=at_risk,
    )


def _wanted(
    spans: tuple[TextSpan, ...], topic: ChecklistTopic, present: str, missing: str, *, at_risk: bool
) -> ChecklistItem:
    """The item of a topic that a prompt should name: its absence matters only if another point does."""
    return ChecklistItem(
        topic=topic,
        state=ChecklistState.LOOK if at_risk and not spans else ChecklistState.FINE,
        message=present if spans else missing,
        spans=spans,
    )


def _simplify(prompt: _Prompt, stacked: int) -> ChecklistItem:
    if stacked >= 3:
        return ChecklistItem(
            topic=ChecklistTopic.SIMPLIFY,
            state=ChecklistState.LOOK,
            message=f"{stacked} points above apply together, and filters add up such signals. "
            "Start with the core of the scene and add one element at a time.",
        )
    if len(prompt.text) > _MAX_CHARACTERS or count_sentences(prompt.text) > _MAX_SENTENCES:
        return ChecklistItem(
            topic=ChecklistTopic.SIMPLIFY,
            state=ChecklistState.LOOK,
            message="The prompt is long. If it is refused, start with its core "
            "and add one element at a time.",
        )
    return ChecklistItem(
        topic=ChecklistTopic.SIMPLIFY, state=ChecklistState.FINE, message="The prompt is short enough."
    )


def _spans(findings: Iterable[Finding]) -> tuple[TextSpan, ...]:
    return tuple(
        dict.fromkeys(
            place for finding in findings for place in finding.evidence if isinstance(place, TextSpan)
        )
    )[:12]
