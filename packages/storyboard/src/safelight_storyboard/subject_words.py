"""The kinds of subjects that are drawn, their words in English and simplified Chinese, and nouns that contain
such a word but mean another thing.

English entries are regular expressions that match whole words. A Chinese word of one character counts only
between characters that cannot form a longer word with it (see `noun_phrases`).
"""

from __future__ import annotations

from enum import StrEnum


class SubjectKind(StrEnum):
    PERSON = "person"
    WOMAN = "woman"
    CHILD = "child"
    BIRD = "bird"
    DOG = "dog"
    CAT = "cat"
    HORSE = "horse"
    BOAT = "boat"
    CAR = "car"
    TRAM = "tram"
    BICYCLE = "bicycle"
    BRIDGE = "bridge"
    LIGHTHOUSE = "lighthouse"


PEOPLE = frozenset({SubjectKind.PERSON, SubjectKind.WOMAN, SubjectKind.CHILD})
#: Vehicles that get a road or rails where the place has none.
ON_ROADS = frozenset({SubjectKind.CAR, SubjectKind.BICYCLE, SubjectKind.TRAM})

#: People who are drawn as a plain person, without what marks them. They are also listed as not drawn.
PLAIN_PEOPLE = (
    r"monks?|king|queen|princess|bride|actress(?:es)?|actors?|knights?|samurai|detectives?|musicians?|"
    r"surfers?|explorers?|sailors?|wizards?|cowboys?|chefs?|bakers?|dancers?|ballerinas?|nurses?|doctors?|"
    r"surgeons?|teachers?|professors?|farmers?|fisherm[ae]n|fire ?fighters?|firem[ae]n|police ?(?:officers?|"
    r"m[ae]n|wom[ae]n)|painters?|photographers?|gardeners?|carpenters?|builders?|vendors?|waiters?|"
    r"waitress(?:es)?|violinists?|guitarists?|pianists?|drummers?|scientists?|(?:construction |office )?"
    r"workers?|couriers?|soldiers?",
    "厨师|大厨|舞者|护士|护理师|医生|医师|老师|教师|教授|农夫|农民|渔夫|渔民|消防员|警察|画家|摄影师|园丁|木匠|小贩|摊贩|"
    "服务员|科学家|工人|快递员|外送员|外卖员|士兵|老师傅|师傅|新娘",
)

#: Of words that overlap, the longest is meant; of equally long ones, that of the earlier entry.
KINDS: dict[SubjectKind, tuple[str, str]] = {
    SubjectKind.CHILD: (
        r"child|children|kids?|boys?|girls?|toddlers?|grandsons?|granddaughters?|sons?|daughters?|"
        r"bab(?:y|ies)",
        "孩子|儿童|小孩|男孩|女孩|小朋友|孙子|孙女|婴儿|宝宝",
    ),
    SubjectKind.WOMAN: (
        r"(?:(?:old|elderly) )?(?:wom[ae]n|lady|ladies)|mother|grandmothers?|grandma|queen|princess|"
        r"bride|actress(?:es)?|waitress(?:es)?|ballerinas?|nurses?",
        "女人|女士|女子|妈妈|奶奶|姑娘|老奶奶|母亲|女性|阿嬷|阿婆|老婆婆|老太太|外婆|祖母|妇女|妇人|"
        "大妈|阿姨|新娘|护士|护理师",
    ),
    SubjectKind.PERSON: (
        r"persons?|people|(?:(?:old|elderly) )?m[ae]n|travell?ers?|hikers?|runners?|somebody|someone|"
        r"figures?|couple|friends|crowd|father|grandfathers?|grandpa|grandparents?|parents?|brothers?|"
        r"sisters?|joggers?|wanderers?|adults?|family|strangers?|pedestrians?|students?|passengers?|"
        rf"tourists?|neighbou?rs?|commuters?|{PLAIN_PEOPLE[0]}",
        "男人|老人家|老人|老爷爷|行人|人们|男子|旅人|爸爸|爷爷|阿公|外公|祖父|大叔|父亲|学生|游客|"
        f"路人|情侣|夫妻|{PLAIN_PEOPLE[1]}|人",
    ),
    SubjectKind.LIGHTHOUSE: (r"light ?houses?", "灯塔"),
    SubjectKind.BRIDGE: (r"(?:stone )?bridges?", "石桥|拱桥|木桥|大桥|小桥|桥梁|古桥|(?:桥)"),
    SubjectKind.TRAM: (r"trams?|trolleys?|streetcars?|trolley cars?", "有轨电车|电车"),
    SubjectKind.CAR: (
        r"(?:sports? |race |racing )?cars?|convertibles?|automobiles?|taxis?|cabs?",
        "汽车|轿车|跑车|小汽车|赛车|小轿车|老爷车|计程车|出租车|的士(?!兵)",
    ),
    SubjectKind.BICYCLE: (r"bicycles?|bikes?|cyclists?|cycling", "自行车|单车|脚踏车|骑车"),
    SubjectKind.BOAT: (
        r"(?:sail(?:ing )?|fishing )?boats?|sailing ships?|yachts?|schooners?|junks?",
        "帆船|渔船|游艇|小船|船",
    ),
    SubjectKind.BIRD: (
        r"birds?|seagulls?|gulls?|crows?|ravens?|swallows?|doves?|pigeons?|cranes|geese|goose|"
        r"sparrows?|robins?|magpies?|starlings?|finch(?:es)?",
        "小鸟|海鸥|燕子|鸽子|大雁|麻雀|喜鹊|乌鸦|蓝鹊|白鸽|候鸟|飞鸟|鸟儿|鸟群|鸟|雁",
    ),
    SubjectKind.DOG: (
        r"dogs?|pupp(?:y|ies)|(?:golden )?retrievers?|huskies|husky|corgis?|hounds?|labradors?|"
        r"beagles?|poodles?|(?:german )?shepherd dogs?|german shepherds?|border collies?|collies?|"
        r"shibas?(?: inus?)?|samoyeds?|dalmatians?|terriers?|bulldogs?|dachshunds?",
        "小狗|狗狗|金毛犬|金毛|黄金猎犬|拉布拉多|柯基犬|柯基|柴犬|哈士奇|萨摩耶|贵宾犬|流浪狗|黑狗|"
        "白狗|黄狗|土狗|狗|犬",
    ),
    SubjectKind.CAT: (
        r"cats?|kittens?|kitty",
        "小猫|猫咪|橘猫|黑猫|白猫|灰猫|虎斑猫|三花猫|花猫|猫",
    ),
    SubjectKind.HORSE: (
        r"horses?|pon(?:y|ies)|stallions?|mares?",
        "马匹|骏马|马儿|白马|黑马|棕马|红马|野马|小马|马群|马",
    ),
}

#: Nouns that are not drawn, and that the rules alone would read wrongly: they contain a word of the
#: vocabulary or a character that begins a verb, or they are a weather that is drawn only in part.
OTHER_NOUNS = (
    r"hot dogs?|prairie dogs?|cat ?fish|rocking horses?|hobby horses?|toy (?:horses?|cars?)|"
    r"robot (?:dogs?|cats?|horses?|birds?)|snowm[ae]n|paper (?:cranes?|boats?)|rubber ducks?|sand ?castles?|"
    r"bird ?houses?|dog ?houses?|bird feeders?|horse ?fl(?:y|ies)|"
    r"(?:speed|motor|row(?:ing)?|dragon) ?boats?|motor ?bikes?|cable ?cars?|"
    r"drones?(?! (?:shots?|views?|footage|cameras?|video|flight|perspective))|"
    r"lightning|hail(?:storms?|stones?)?|tornado(?:e?s)?|(?:sand|dust) ?storms?|rainbows?",
    "机器狗|机器猫|机器鸟|机器人|雪人|马桶|马戏|马拉松|马铃薯|马赛克|木马|马蹄|马厩|马车|狗窝|鸟巢|鸟笼|稻草人|人参|人偶|"
    "船长|船坞|飞船|太空船|太空人|纸船|龙舟|龙船|快艇|游轮|桥牌|桥洞|桥墩|人行天桥|公共汽车|公交车|"
    "火车站|车站|加油站|火车|直升机|直升飞机|飞机|飞艇|飞碟|无人机(?!航拍|视角|镜头|拍摄|俯拍)|滑翔机|热气球|降落伞|"
    "拖拉机|推土机|收割机|起重机|过山车|教堂|要塞|灯笼|无尾熊|穿山甲|和尚|望远镜|小提琴|背包|盘子|"
    "闪电|冰雹|龙卷风|沙尘暴|沙暴|彩虹|狂风|云海",
)
