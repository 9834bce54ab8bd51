"""The parts of a text that state its purpose, its genre, or who the writer is. Pure.

Such a statement cannot be verified, so it must not make a text look more harmless than what it shows.
"""

from __future__ import annotations

import re

_SIGNS = r".!?;,:()\[\]\n\"“”—–。！？；，：（）、…"
#: A clause, and the signs after it.
_CLAUSE = re.compile(rf"([^{_SIGNS}]+)[{_SIGNS}\s]*")
_END = re.compile(rf"[{_SIGNS}\s]+$")
#: What a video is made for.
_USE = (
    r"(?:films?|movies?|documentar(?:y|ies)|dramas?|thrillers?|novels?|stor(?:y|ies)|books?|scripts?|screenplays?"
    r"|series|episodes?|trailers?|campaigns?|ads?|adverts?|advertisements?|psas?|announcements?|videos?|clips?"
    r"|lessons?|class(?:es)?|courses?|lectures?|workshops?|training|tutorials?|demonstrations?|research"
    r"|stud(?:y|ies)|thesis|dissertation|projects?|assignments?|homework|exhibitions?|installations?|museums?"
    r"|festivals?|art|artworks?|games?|songs?|lyrics|plays?|education|awareness|prevention|satire|parody|fiction"
    r"|purposes?|clients?|schools?|universit(?:y|ies)|students?|journalism|news|reports?|therapy|portfolio)"
)
_OCCUPATION = (
    r"(?:nurse|doctor|teacher|director|film-?maker|student|researcher|officer|therapist|lawyer|journalist|artist"
    r"|writer|author|historian|survivor|parent|mother|father|trainer|coach|veteran|paramedic|psychologist"
    r"|professor|scientist|activist|advocate|producer|editor|animator|expert|professional|novelist|vet)"
)
#: A clause that is nothing else.
_STATEMENT = re.compile(
    r"(?:and |but |so |also |all )?(?:this|it|that|everything|the (?:video|clip|film|scene|footage|result))"
    rf"(?:['’]s| is| will be| was)? (?:[\w'’-]+ ){{0,3}}?(?:for|of|from|as|in|to) .*\b{_USE}\b.*"
    rf"|(?:only |just |purely |strictly |made |meant |intended |created |used )*"
    rf"(?:for|as part of|in the context of) (?:[\w'’-]+ ){{0,6}}?{_USE}\b.*"
    r"|(?:an? |the |my |our )?(?:[\w-]+ ){0,2}"
    r"(?:film|movie|documentary|drama|thriller|psa|music video|short story|novel|screenplay|campaign|advert"
    r"|trailer|lyrics|song|fiction|satire|parody)(?: (?:scene|clip|shot|style))?"
    r"|(?:this is |it is |it['’]s )?(?:purely |entirely |all |just )?"
    r"(?:fictional|fiction|satire|art|not real)"
    r"|(?:and |but |because |since )?(?:i am|i['’]?m|we are|we['’]re|i work|we work|i teach|we teach) .*"
    rf"|(?:speaking )?as an? (?:[\w-]+ ){{0,3}}?{_OCCUPATION}\b.*"
    r"|(?:in order )?to (?:raise|educate|teach|warn|train|inform|prevent|illustrate|demonstrate|promote"
    r"|show (?:people|students|viewers|kids|others)) .*"
    r"|(?:nobody|no one|no (?:real )?(?:person|people|animals?)) (?:is|are|was|were|gets|will be) .*"
    r"(?:harmed|hurt).*"
    r"|(?:for )?(?:educational|training|research|artistic|journalistic|awareness|fictional|satirical|medical"
    r"|academic|scientific|historical)(?: and \w+)? (?:purposes?|use|content|material|only)\b.*"
    r"|.{0,6}(?:用于|用於|为了|為了|供|作为|作為|用作|给|給|是).{0,16}"
    r"(?:片|电影|電影|视频|視頻|教育|教学|教學|培训|培訓|宣传|宣傳|宣导|宣導|课程|課程|课|課|研究|教材|小说|小說|艺术|藝術|创作|創作"
    r"|项目|專案|公益|广告|廣告|用途|剧本|劇本|作品|展览|展覽|游戏|遊戲|歌词|歌詞|论文|論文|虚构|虛構)(?:的|而已|使用|之用)?"
    r"|(?:我|我们|我們|本人)(?:是|从事|從事).{0,20}"
    r"|(?:一部|一个|一個)?.{0,6}(?:恐怖片|纪录片|紀錄片|电影|電影|宣传片|宣傳片|教育片|短片|广告|廣告|预告片|預告片)",
    re.IGNORECASE,
)
#: The end of a clause that shows something.
_ENDING = re.compile(
    r"\s(?:for|as part of) (?:(?:an?|my|our|the|this) )?(?:[\w-]+ ){0,3}"
    r"(?:films?|movies?|documentar(?:y|ies)|campaigns?|psas?|lessons?|courses?|thesis|exhibitions?|projects?"
    r"|music videos?|training videos?|awareness videos?|novels?|advert(?:isement)?s?)"
    r"(?: (?:about|on|against) .*)?$",
    re.IGNORECASE,
)


def without_purposes(text: str) -> str:
    """The text with spaces in place of these parts, so that positions stay the same."""
    letters = list(text)
    for clause in _CLAUSE.finditer(text):
        words = clause[1].rstrip()
        if _STATEMENT.fullmatch(words.lstrip()):
            start, end = clause.span()
        elif ending := _ENDING.search(words):
            start, end = clause.start() + ending.start(), clause.end(1)
        else:
            continue
        letters[start:end] = " " * (end - start)
    return "".join(letters)


def bare_texts(text: str) -> tuple[str, ...]:
    """The text without these parts, with and without the sign at its end, which encoders read too. Empty if
    the text has none, or nothing else.
    """
    bare = without_purposes(text)
    if bare.strip() in ("", text.strip()):
        return ()
    words = _END.sub("", bare)
    return tuple(dict.fromkeys((bare, words.ljust(len(text)))))
