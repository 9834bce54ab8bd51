"""Finds what a prompt names: its noun phrases, each with its head noun, in English and simplified Chinese.

The rules are few, so that a result can be explained. An English phrase begins at an article, a number, a
possessive, or the start of the prompt, and ends before a preposition, a verb or a comma; its head is its last
word. A Chinese phrase begins at a number with a measure word, or at the start of the prompt,
and ends before a verb or a preposition; what stands before 的 describes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest

from safelight_storyboard import lexicon
from safelight_storyboard.function_words import (
    ADJECTIVES,
    BREAKS,
    NOT_PARTICIPLES,
    PLURALS,
    PREPOSITIONS,
    SINGULAR,
    STARTS,
)
from safelight_storyboard.subject_words import KINDS, OTHER_NOUNS
from safelight_storyboard.word_tables import compiled

#: Most words of an English phrase.
LONGEST = 8
HAN = r"\u3400-\u9fff"

#: Nouns that name no visible subject, or something that every scene of its kind has.
_IGNORED = re.compile(
    r"shots?|views?|scenes?|videos?|clips?|films?|movies?|cameras?|close-?ups?|portraits?|pictures?|images?|"
    r"photos?|photographs?|paintings?|drawings?|animations?|footage|timelapses?|panoramas?|styles?|moods?|"
    r"backgrounds?|foregrounds?|distance|horizon|sky|skies|sun|suns|sunlight|light|lights|air|wind|breeze|"
    r"clouds?|moon|stars?|ground|floor|grass|trees?|leaf|leaves|flowers?|sand|rocks?|water|waves?|shadows?|"
    r"reflections?|dust|wall|walls|curtains?|windows?|lamps?|time|times|day|days|morning|afternoon|evening|"
    r"night|nights|moment|minutes?|seconds?|hours?|year|years|way|side|sides|edge|middle|center|centre|top|"
    r"bottom|front|back|corner|end|start|lot|pair|group|herd|flock|school|swarm|crowd|couple|row|series|kind|"
    r"part|piece|world|place|places|day|plain|shore|surface|slope|peace|silence|sound|sounds|music|voice|"
    r"background|season|rest|others?|right|left|motion|movement|speed|pace|colou?rs?|tones?|hands?|head|eyes?|"
    r"face|arms?|legs?|feet|back|hair|tail|wings?|nose|coats?|dress(?:es)?|jackets?|shirts?|t-shirts?|hats?|"
    r"scar(?:f|ves)|suits?|sweaters?|capes?|hoodies?|robes?|raincoats?|umbrellas?|gowns?|kimonos?|skirts?|sign|"
    r"signs|signboard|banner|poster|billboard|board|label|title|text|caption|words|word|letters|window "
    r"?sills?|"
    r"ambience|dolly|pan|zoom|crane|drone|tripod|lens|frame|frames|fps|work|test|prompt|nothing|something|"
    r"storyboard|safelight-test|seeds?|wire|earth|life|nature|peak|peaks|summit|bank|path|trail"
)
#: Participles that do not end in -ing or -ed.
_IRREGULAR = frozenset(
    {"seen", "built", "lit", "shown", "shot", "taken", "made", "drawn", "hung", "held", "worn"}
)
_TOKEN = re.compile(r"[a-z][a-z'’-]*|\d+|[^\sa-z\d]")
_WORD = re.compile(r"[a-z][a-z'’-]*")
_MEASURED = re.compile(
    r"(?:[一二两三四五六七八九十几数\d]+|许多|整)(?:[只个位名辆架艘座栋幢间条头匹群朵棵把台张块片颗道阵场对双家轮盏口根团束"
    r"支件本部列尊堵株扇匣副杯碗盘瓶壶所顶枚串])(?:[小大]?)"
)
_PLACE_BEFORE = re.compile(
    rf"^[{HAN}]{{1,8}}?(?:上面|下面|里面|前面|旁边|中间|之间|之上|之下|上|里|中|下|边|旁|前|后|间|内)的"
)
#: Characters with which a verb, a preposition or a conjunction begins, and that end a noun phrase.
_HAN_BREAKS = (
    "在正从向往于被把将和与跟同及或而且是有无着了过地得站坐走跑飞游吃喝看望睡躺趴穿戴拿骑开驾驶弹拉吹唱跳划爬升落笼吹放"
    "卧停靠照映闪立矗伸沿追抱背推提抬挂漂浮飘滚转旋打敲修写画讲教做煮炒烤切洗扫种采收钓捕撒织踢投掷举挥俯仰冲掠穿"
    "伴随朝对给为让使等要会能可以已也都还又就才刚慢缓静默轻独默悄替帮砍割搬扛剪擦刷焊缝补亮闪席盘整护卖买"
)
#: Nouns that contain one of these characters.
_WITH_BREAKS = "土地|大地|陆地|工地|场地|湿地|盆地|空地|会议|会场|对联|照片|照相机|开关|包裹|行李"
_HAN_BEFORE = (
    "一二两三四五六七八九十几数只个位名辆架艘座栋幢间条头匹群朵棵把台张的大小老幼白黑"
    "红黄灰花棕蓝绿金银橘胖瘦野孤骑喂看追牵遛抱养和与跟着了到见像在古"
)
_HAN_AFTER = _HAN_BREAKS + "的们群儿，。、！？；：上里中下边旁前后"
_HAN_IGNORED = re.compile(
    r"天空|夜空|太阳|阳光|云层|云朵|白云|云海|云|天|星星|树|大树|树木|草|花|花朵|石头|水|水面|地面|地上|远处|画面|镜头|"
    r"视频|场景|背景|风景|风光|景色|特写|近景|远景|影子|倒影|落叶|树叶|波浪|海浪|浪花|风|时间|时分|时候|下午|午后|声音|音乐|"
    r"冰面|雨后|山顶|窗户|一切|世界|氛围|故事|测试|人群|气氛"
)


@dataclass(frozen=True, kw_only=True)
class NounPhrase:
    """A noun phrase of a prompt. `words` is what it names, without article and adjectives."""

    start: int
    end: int
    words: str
    #: Whether it follows a preposition and only says where or with what.
    attached: bool


def han_word(word: str) -> str:
    """A pattern for a Chinese word. One of a single character must stand between function characters."""
    if not re.fullmatch(f"[{HAN}]", word):
        return word
    return rf"(?:(?<![{HAN}])|(?<=[{_HAN_BEFORE}])){word}(?=[{_HAN_AFTER}]|[^{HAN}]|$)"


def noun_phrases(text: str) -> list[NounPhrase]:
    """The noun phrases of a lower-case prompt with simplified characters, in order."""
    found = _english(text) + _chinese(text)
    return sorted(found, key=lambda phrase: phrase.start)


def _english(text: str) -> list[NounPhrase]:
    tokens = list(_TOKEN.finditer(text))
    known_ends = _known_ends(text)
    found: list[NounPhrase] = []
    # `linked`: "" after a noun that counts, "?" after one that is ignored, "of" if "of" follows that one.
    index, opening, before, linked = 0, True, "", ""
    while index < len(tokens):
        word = tokens[index].group()
        starts = word in STARTS or word.isdigit()
        begins = starts or (
            (opening or linked == "of") and _WORD.fullmatch(word) is not None and word not in BREAKS
        )
        if not begins:
            if word in PREPOSITIONS:
                before = word
            elif word not in ADJECTIVES:
                before = ""
            linked = "of" if linked and word == "of" else ""
            opening = opening and word in BREAKS
            index += 1
            continue
        opening, linked = False, ""
        index += starts
        taken, nouns = _take(
            tokens[index : index + LONGEST], known_ends, singular=word in SINGULAR, participles=starts
        )
        index += len(taken) or (0 if starts else 1)
        if nouns and not _IGNORED.fullmatch(nouns[-1].group()):
            found.append(
                NounPhrase(
                    start=taken[0].start(),
                    end=nouns[-1].end(),
                    words=text[nouns[0].start() : nouns[-1].end()],
                    attached=before not in ("", "of"),
                )
            )
        elif nouns:
            linked = "?"
        before = ""
    return found


def _take(
    tokens: list[re.Match[str]], known_ends: frozenset[int], *, singular: bool, participles: bool
) -> tuple[list[re.Match[str]], list[re.Match[str]]]:
    """The words of the phrase at the start of `tokens`, and the nouns among them."""
    taken: list[re.Match[str]] = []
    nouns: list[re.Match[str]] = []
    plural = False
    for token, following in zip_longest(tokens, tokens[1:]):
        word = token.group()
        if _WORD.fullmatch(word) is None or word in BREAKS or word in STARTS or _is_adverb(word):
            break
        many = word.endswith("s") and not word.endswith(("ss", "us", "is"))
        if nouns:
            # No noun is followed by an article: "the keeper climbs the stairs".
            known = (
                nouns[-1].end() in known_ends
                or _IGNORED.fullmatch(nouns[-1].group()) is not None
                or (following is not None and following.group() in STARTS)
            )
            verb = _is_participle(word) or (is_action(word) and token.end() not in known_ends)
            after_one = many and (singular or (known and not plural))
            if verb or after_one or (plural and not many):
                break
        taken.append(token)
        if word in ADJECTIVES or (not nouns and participles and _is_participle(word)):
            continue
        nouns.append(token)
        plural = not singular and (many or word in PLURALS)
    return taken, nouns


def _is_adverb(word: str) -> bool:
    return word.endswith("ly") and not re.fullmatch(r"\w*fly|family|lily|jelly|belly|assembly|lonely", word)


def _is_participle(word: str) -> bool:
    return word in _IRREGULAR or (
        word.endswith(("ing", "ed")) and len(word) > 4 and word not in NOT_PARTICIPLES
    )


def is_action(word: str) -> bool:
    """Whether an English word names an action, and is no noun as well."""
    return any(compiled(english).fullmatch(word) for english, _ in lexicon.ACTIONS.values()) and word not in (
        "fly", "rest", "run", "march", "dance", "speed",
    )  # fmt: skip


@cache
def english_subjects() -> re.Pattern[str]:
    """One or more English words for subjects, one after the other."""
    word = "|".join(english for english, _ in KINDS.values())
    return re.compile(rf"\b(?:{word})(?:\s+(?:{word}))*\b")


def _known_ends(text: str) -> frozenset[int]:
    """The places where a word of the vocabulary for subjects and scenery ends."""
    tables = (KINDS, lexicon.SETTINGS, lexicon.HOURS, lexicon.WEATHERS)
    return frozenset(
        match.end()
        for table in tables
        for english, _ in table.values()
        for match in compiled(rf"\b(?:{english})\b").finditer(text)
    )


def _chinese(text: str) -> list[NounPhrase]:
    found: list[NounPhrase] = []
    for clause in re.finditer(rf"[{HAN}\d]+", text):
        if not re.search(f"[{HAN}]", clause.group()):
            continue
        measured = list(_MEASURED.finditer(clause.group()))
        opening = not text[: clause.start()].strip(" ，。,.")
        begins = [m.end() for m in measured]
        if not measured and opening:
            place = _PLACE_BEFORE.match(clause.group())
            begins = [place.end() if place else 0]
        if not begins:
            continue
        for begin, until in zip(begins, [*begins[1:], len(clause.group())], strict=True):
            phrase = _han_phrase(text, clause.start() + begin, clause.start() + until)
            if phrase is not None:
                found.append(phrase)
    return found


def _han_phrase(text: str, start: int, end: int) -> NounPhrase | None:
    cut = _break_at(text, start, end)
    described = text.find("的", start, end)
    if start < described and (cut == start or described <= cut):
        start = described + 1
        again = text.find("的", start, _break_at(text, start, end))
        start = again + 1 if again >= 0 else start
        cut = _break_at(text, start, end)
    words = text[start:cut].strip("的")
    if not words or _HAN_IGNORED.fullmatch(words):
        return None
    return NounPhrase(start=start, end=cut, words=words[:10], attached=False)


def _break_at(text: str, start: int, end: int) -> int:
    """The first place at which a verb or preposition begins, outside the words of the vocabulary."""
    at = start
    while at < end:
        word = vocabulary_word(text, at, end)
        if word:
            at += word
        elif text[at] in _HAN_BREAKS:
            return at
        else:
            at += 1
    return end


def vocabulary_word(text: str, at: int, end: int) -> int:
    """The length of the longest Chinese word of the vocabulary at a position; 0 if there is none."""
    return max((len(w) for w in _HAN_WORDS.get(text[at], ()) if text.startswith(w, at, end)), default=0)


def _words_by_first_character() -> dict[str, list[str]]:
    words: dict[str, list[str]] = {}
    tables = (KINDS, lexicon.SETTINGS, lexicon.HOURS, lexicon.WEATHERS)
    for han in [*(han for table in tables for _, han in table.values()), OTHER_NOUNS[1], _WITH_BREAKS]:
        for word in re.sub(r"\(\?[^)]*\)", "", han).split("|"):
            if len(word) > 1:
                words.setdefault(word[0], []).append(word)
    return words


_HAN_WORDS = _words_by_first_character()
