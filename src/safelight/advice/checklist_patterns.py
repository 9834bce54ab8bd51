"""Regular expressions of the checklist, in English and Chinese. They never affect a verdict."""

from __future__ import annotations

import re
from functools import cache

from .form_table import is_inside_word

PEOPLE = (
    r"\b(?:m[ae]n|wom[ae]n|people|persons?|girls?|boys?|guys?|lad(?:y|ies)|gentlem[ae]n|couples?"
    r"|famil(?:y|ies)|friends?|crowds?"
    r"|dancers?|singers?|chefs?|cooks?|doctors?|nurses?|teachers?|students?|workers?|soldiers?"
    r"|athletes?|runners?|players?"
    r"|photographers?|artists?|musicians?|drivers?|farmers?|fisherm[ae]n|actors?|actress(?:es)?"
    r"|models?|brides?|grooms?|tourists?"
    r"|scientists?|engineers?|astronauts?|pilots?|sailors?|surfers?|skiers?|monks?|priests?|somebody"
    r"|someone|anyone|he|she|they"
    r"|mother|father|mum|dad|grandm\w+|grandf\w+|characters?)\b"
    r"|[病男女老行路客工诗詩猎獵军軍旁众眾]人|人[们們群]|人物|人|[男女](?:子|士|孩|生|性)|小孩|孩子|新娘|新郎|厨师|廚師|医生|醫生"
    r"|护士|護士|老师|老師|学生|學生|舞者|演员|演員|家庭|朋友|情侣|情侶|母亲|母親|父亲|父親|妈妈|媽媽|爸爸|奶奶|爷爷|爺爺"
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


@cache
def pattern(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)


def find_spans(words: str, text: str, limit: int = 12) -> tuple[tuple[int, int], ...]:
    """Character ranges of the matches in a text; at most `limit` ranges.

    A single Chinese character is a match only if it is a word.
    """
    found: list[tuple[int, int]] = []
    for match in pattern(words).finditer(text):
        if is_inside_word(text, *match.span()):
            continue
        found.append(match.span())
        if len(found) >= limit:
            break
    return tuple(found)


def count_sentences(text: str) -> int:
    return sum(1 for part in _SENTENCES.split(text) if part.strip())
