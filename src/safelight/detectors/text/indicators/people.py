"""Finds names of private individuals: a given name with a family name, or a title with a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

_GIVEN_NAMES = (
    "Aaron Abby Abigail Adam Adrian Aidan Aisha Alan Albert Alex Alexander Alexandra Alice Alicia "
    "Alison Amanda Amber Amelia Amir Amy Ana Andre Andrea Andrew Andy Angela Anita Ann Anna Anne Annie "
    "Anthony Antonio Arthur Ashley Audrey Barbara Beatrice Becky Ben Benjamin Bernard Beth Betty Bill "
    "Bob Brad Brandon Brenda Brian Bridget Bruce Bryan Caitlin Callum Cameron Carl Carla Carlos Carmen "
    "Carol Caroline Catherine Cathy Cecilia Charles Charlie Charlotte Cheryl Chloe Chris Christian "
    "Christina Christine Christopher Cindy Claire Clara Clare Claudia Colin Connor Craig Cynthia Daisy "
    "Damian Dan Daniel Daniela Danny Darren Dave David Dawn Dean Deborah Debra Denise Dennis Derek "
    "Diana Diane Dominic Donald Donna Doris Dorothy Doug Douglas Duncan Dylan Edith Edward Eileen "
    "Elaine Eleanor Elena Eliza Elizabeth Ella Ellen Ellie Elsie Emily Emma Eric Erica Erik Erin Ethan "
    "Eva Evan Evelyn Faith Fatima Felix Fiona Florence Frances Francis Frank Fred Frederick Gabriel "
    "Gareth Gary Gavin Gemma Geoffrey George Georgia Gerald Gina Gloria Gordon Grace Graham Greg "
    "Gregory Hamid Hannah Harold Harriet Harry Hassan Hazel Heather Helen Henry Holly Howard Hugh Ian "
    "Ingrid Irene Isaac Isabel Isabella Ivan Ivy Jack Jackie Jacob Jade Jake James Jamie Jan Jane Janet "
    "Janice Jasmine Jason Jay Jean Jeff Jeffrey Jennifer Jenny Jeremy Jerry Jess Jesse Jessica Jill Jim "
    "Jimmy Joan Joanna Joanne Jodie Joe Joel Johan John Johnny Jon Jonas Jonathan Jordan Jose Joseph "
    "Josh Joshua Joyce Juan Judith Judy Julia Julian Julie June Justin Karen Karl Kate Katherine "
    "Kathleen Kathryn Kathy Katie Kay Keith Kelly Ken Kenneth Kevin Kim Kirsten Kristen Kyle Larry "
    "Laura Lauren Lee Leila Lena Leo Leon Leonard Leslie Lewis Liam Lily Linda Lisa Liz Logan Lorraine "
    "Louis Louise Lucas Lucy Luis Luke Lydia Lynn Madison Malcolm Mandy Marcus Margaret Maria Marie "
    "Marilyn Mario Marion Mark Marta Martha Martin Martina Mary Mason Matt Matthew Maureen Maurice Max "
    "Maya Megan Melanie Melissa Mia Michael Michelle Miguel Mike Mohammed Mohamed Molly Monica Monika "
    "Morgan Nadia Naomi Natalie Natasha Nathan Neil Nicholas Nick Nicola Nicole Nigel Nina Noah Nora "
    "Norman Oliver Olivia Omar Oscar Owen Pablo Pamela Pat Patricia Patrick Paul Paula Pauline Pedro "
    "Peggy Penny Peter Petra Phil Philip Phillip Phoebe Phyllis Rachel Ralph Raymond Rebecca Rhys "
    "Richard Rick Rita Rob Robert Roberta Robin Roger Ron Ronald Rosa Rose Rosie Ross Roy Russell Ruth "
    "Ryan Sally Sam Samantha Samuel Sandra Sara Sarah Scott Sean Sebastian Shane Shannon Sharon Shaun "
    "Sheila Shirley Simon Simone Sofia Sophia Sophie Stacey Stan Stanley Stella Stephanie Stephen Steve "
    "Steven Stuart Sue Susan Suzanne Sylvia Tanya Tara Ted Teresa Terry Theo Theresa Thomas Tim Timothy "
    "Tina Todd Tom Tommy Tony Tracey Tracy Trevor Tyler Ursula Valerie Vanessa Vera Veronica Victor "
    "Victoria Vincent Viola Violet Walter Wanda Warren Wayne Wendy Wesley William Yasmin Yusuf Yvonne "
    "Zach Zoe "
)
#: Words after a given name that show a place or a thing instead of a person: "Charlotte Street", "Victoria
#: Station".
_NOT_FAMILY_NAMES = (
    "Street|Road|Lane|Avenue|Square|Park|Station|Bridge|Hall|House|School|College|University|Hospital|Church|"
    "Farm|City|Town|Bay|Beach|Island|Lake|River|Hill|Day|Night|Show|Cup|Award|Awards|Club|Theatre|Theater|Inn|"
    "Hotel|Cafe|Bakery|The|And|Is|At|In|On|Of|For|To|From|With|Has|Was|Will|Who"
)
_TITLES = (
    "Mr|Mrs|Ms|Miss|Dr|Doctor|Judge|Justice|Officer|Constable|Sergeant|Inspector|Detective|Professor|Coach|"
    "Nurse|Councillor|Councilman|Councilwoman|Principal|Headmaster|Headmistress|Attorney|Warden|Pastor|Rabbi|Imam"
)
_ENGLISH = re.compile(
    rf"\b(?:{'|'.join(_GIVEN_NAMES.split())})\s(?!(?:{_NOT_FAMILY_NAMES})\b)[A-Z][a-z]+(?:['-][A-Z]?[a-z]+)?\b"
    rf"|\b(?:{_TITLES})\.?\s[A-Z][a-z]+\b"
    rf"|\b(?:{'|'.join(_GIVEN_NAMES.split())})\s(?:from|in)\s(?:the\s|our\s|my\s|your\s)?[\w-]+"
)
_FAMILY_NAMES = (
    "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何高林罗羅郑鄭梁谢謝宋唐许許韩韓冯馮邓鄧曹彭曾肖蕭田董袁潘于蒋蔣"
    "蔡余杜叶葉程苏蘇魏吕呂丁任沈姚卢盧姜崔钟鍾谭譚陆陸汪范金石廖贾賈夏韦韋付方白邹鄒孟熊秦邱江尹薛闫閻段雷侯龙龍史陶黎贺賀顾顧毛郝龚龔邵万萬钱錢严嚴覃武戴莫孔向汤湯"
)
_ROLES = (
    "医师|醫師|医生|醫生|老师|老師|先生|小姐|女士|太太|法官|律师|律師|记者|記者|主任|校长|校長|警官|经理|經理|主管|"
    "检察官|檢察官|教练|教練|护士|護士|阿姨|叔叔|同学|同學|议员|議員|委员|委員|局长|局長|院长|院長"
)
#: Words that are not names although they begin with the character of a family name.
_NOT_NAMES = (
    "谢谢|謝謝|马上|馬上|方便|方法|方向|任何|任意|向[前后後上下左右]|万[一分]|萬[一分]|高[兴興山速级級度手中原温溫]|白[天色米云雲雪菜]|"
    "黄[色金昏]|黃[色金昏]|金[色额額牌融秋]|石[头頭油]|江[边邊湖水]|曾经|曾經|于是|何[必时時处處况況]|毛[巾衣]|孔雀|龙[虾舟年]|龍[蝦舟年]|"
    "雷[雨电電]|汤圆|湯圓|夏[天日季夜]|周[一二三四五六日末年围圍边邊]|石板|史上|史料|常[常用]|程[序式度]|段落|范围|範圍|安全|贺[卡年]|賀[卡年]|"
    "武[术術器]|顾客|顧客|钱包|錢包|余额|餘額|严[禁重]|嚴[禁重]|莫名|向日|林[间間中]|马[路力戏戲]|馬[路力戲]|叶[子片]|葉[子片]|沈[默]|肖像|杜绝"
)
_BOUNDARY = r"[\s\d,.:;!?，。：；！？、（）()「」“”\n]"
_CHINESE = re.compile(
    rf"(?!{_NOT_NAMES})[{_FAMILY_NAMES}](?:[\u4e00-\u9fff]{{0,2}}?)(?:{_ROLES})"
    rf"|(?:^|(?<={_BOUNDARY}))(?!{_NOT_NAMES})[{_FAMILY_NAMES}][\u4e00-\u9fff]{{1,2}}(?={_BOUNDARY}|$)"
)
_ADDRESS = re.compile(
    r"\b\d{1,4}[a-z]?\s(?:[A-Z][a-z]+\s){1,2}(?:Street|St|Road|Rd|Lane|Avenue|Ave|Drive|Close|Terrace|Row)\b"
    r"|\b(?:[Ff]lat|[Aa]partment|[Aa]pt\.?)\s\d{1,4}\s?[A-Za-z]?\b"
    r"|[\u4e00-\u9fff]{2,6}(?:路|街|巷|弄)\s?[\d一二三四五六七八九十]{1,4}\s?(?:号|號|弄|楼|樓)"
)


def find_people(text: str) -> Iterator[tuple[int, int]]:
    """Character ranges of personal names in an original text. Family names alone and lower-case names do
    not count.
    """
    for pattern in (_ENGLISH, _CHINESE):
        for hit in pattern.finditer(text):
            yield hit.span()


def find_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Character ranges of a street with a number, or of a flat, in an original text."""
    for hit in _ADDRESS.finditer(text):
        yield hit.span()
