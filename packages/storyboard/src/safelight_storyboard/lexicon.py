"""Vocabulary of the storyboard, in English and basic Chinese."""

from __future__ import annotations

from enum import StrEnum

#: The notice in every frame and in the file's metadata.
CAPTION = "storyboard, not a generated video"


class Environment(StrEnum):
    SEA = "sea"
    BEACH = "beach"
    LAKE = "lake"
    MOUNTAINS = "mountains"
    FOREST = "forest"
    CITY = "city"
    STREET = "street"
    DESERT = "desert"
    MEADOW = "meadow"
    ROOM = "room"


class TimeOfDay(StrEnum):
    DAWN = "dawn"
    DAY = "day"
    GOLDEN = "golden hour"
    DUSK = "dusk"
    NIGHT = "night"


class Weather(StrEnum):
    CLEAR = "clear"
    RAIN = "rain"
    SNOW = "snow"
    FOG = "fog"
    STORM = "storm"
    CLOUDY = "cloudy"


RAINY = frozenset({Weather.RAIN, Weather.STORM})


class CameraMove(StrEnum):
    STATIC = "static"
    DOLLY_IN = "dolly in"
    DOLLY_OUT = "dolly out"
    PAN_LEFT = "pan left"
    PAN_RIGHT = "pan right"
    CRANE_UP = "crane up"
    CRANE_DOWN = "crane down"
    ORBIT = "orbit"
    TRACKING = "tracking"


class SubjectAction(StrEnum):
    STAND = "stand"
    WALK = "walk"
    RUN = "run"
    FLY = "fly"
    DANCE = "dance"
    SIT = "sit"
    SLEEP = "sleep"


class Style(StrEnum):
    WATERCOLOR = "watercolor"
    NOIR = "noir"
    ANIME = "anime"
    VINTAGE = "vintage"


class Mood(StrEnum):
    CALM = "calm"
    JOYFUL = "joyful"
    MELANCHOLY = "melancholy"
    TENSE = "tense"
    EPIC = "epic"


class Tint(StrEnum):
    WARM = "warm"
    COLD = "cold"
    PASTEL = "pastel"
    VIVID = "vivid"
    AUTUMN = "autumn"
    BLOSSOM = "blossom"


class Sound(StrEnum):
    WIND = "wind"
    WAVES = "waves"
    RAIN = "rain"
    BIRDS = "birds"
    CITY = "city"
    CRICKETS = "crickets"
    MUSIC = "music"
    THUNDER = "thunder"
    SILENCE = "silence"


#: English entries are regular expressions that match whole words. Chinese entries match anywhere.
SETTINGS: dict[Environment, tuple[str, str]] = {
    Environment.BEACH: (r"beach(?:es)?|shore|seaside|coast|tropical island", "海滩|沙滩|海边|海岸|岩岸"),
    Environment.SEA: (
        r"sea|ocean|harbou?r|port|waves|at sea|open water|bay|under ?water|under the sea|coral|reef|sea ?bed",
        "大海|海洋|海面|海上|港口|港湾|水下|水里|水中|海底|珊瑚|海(?![马豹狮象星鸥龟豚獭绵带鲜报拔棠])",
    ),
    Environment.LAKE: (r"lakes?|pond|river|fjord|canal|stream", "湖|池塘|河|溪|运河"),
    Environment.MOUNTAINS: (
        r"mountains?|mountainous|mountainsides?|alps|alpine|peaks?|cliffs?|valley|himalayas?|hilltop",
        "山脉|雪山|高山|山谷|山路|山间|山腰|山顶|山",
    ),
    Environment.FOREST: (
        r"forests?|woods|woodland|jungle|trees|pines?|bamboo|grove|taiga",
        "森林|树林|竹林|丛林",
    ),
    Environment.STREET: (
        r"streets?|alley|sidewalk|avenue|road|market(?: square)?|square|plaza|shops?|caf[eé]|town|"
        r"neon sign|highway|motorway|freeway|bar",
        "街道|街头|小巷|巷子|巷口|马路|集市|夜市|市场|广场|路口|街",
    ),
    Environment.CITY: (
        r"city|cities|cityscape|skyline|skyscrapers?|downtown|rooftops?|urban|metropolis|"
        r"tokyo|new york|shanghai",
        "城市|都市|天际线|屋顶|高楼|上海|东京",
    ),
    Environment.DESERT: (r"deserts?|dunes?|sahara|canyon", "沙漠|沙丘|戈壁|公路"),
    Environment.MEADOW: (
        r"meadows?|fields?|grass(?:land)?|prairie|hills?|farm|garden|park|countryside|savannah?s?|plains?|"
        r"steppe|lawn|(?:country|rural|dirt|gravel|farm) (?:roads?|lanes?|tracks?)|villages?|"
        r"orchard|vineyard|paddy|snowfield",
        "草地|草原|草丛|田野|稻田|麦田|农田|菜田|花田|田间|田里|茶园|果园|花园|公园|山坡|乡村|乡间|农村|村庄|村子|村里|原野|雪地",
    ),
    Environment.ROOM: (
        r"room|indoors?|interior|living room|bedroom|office|library|in (?:a|the|his|her|their) house|"
        r"kitchen|on stage|stage|theat(?:re|er)|ballroom|(?:empty |concert |large )?hall|"
        r"window(?: ?sill)?|studio|home|classroom|workshop|armchair|sofa|couch|fireplace|"
        r"on (?:a|the|his|her) bed",
        "房间|室内|客厅|卧室|厨房|舞台|剧院|音乐厅|礼堂|窗边|窗台|窗前|办公室|图书馆|家里|沙发|床上|壁炉|教室|黑板|工作室|作坊",
    ),
}

#: Places that are drawn only as the setting of which their words are; they are also listed as not drawn.
PLAIN_PLACES = (
    r"kitchen|stage|theat(?:re|er)|ballroom|hall|under ?water|under the sea|coral|reef|sea ?bed|"
    r"outer space|(?<=in )space|galaxy|planets?|cosmos|aurora|northern lights",
    "厨房|舞台|剧院|音乐厅|礼堂|水下|海底|珊瑚|太空|宇宙|银河|星球|极光",
)

HOURS: dict[TimeOfDay, tuple[str, str]] = {
    TimeOfDay.DAWN: (
        r"dawn|sunrise|daybreak|early morning|first light|morning",
        "黎明|日出|朝霞|晨曦|清晨|早晨|早上",
    ),
    TimeOfDay.GOLDEN: (
        r"golden[- ]hour|sunset|late afternoon|golden light|sundown",
        "日落|夕阳|金色|落日|晚霞|余晖",
    ),
    TimeOfDay.DUSK: (r"dusk|twilight|evening|blue hour|nightfall", "黄昏|傍晚|暮色"),
    TimeOfDay.NIGHT: (
        r"night(?:time)?|midnight|moon(?:light|lit)?|full moon|stars|starry|starlit|neon|aurora|"
        r"northern lights|(?:outer |in )space|galaxy|planets?|cosmos",
        "夜晚|夜|月光|月亮|满月|圆月|明月|月下|星空|霓虹|极光|太空|宇宙|银河|星球",
    ),
    TimeOfDay.DAY: (
        r"day(?:light|time)?|noon|midday|sunny|bright|sunlit|bright sun|afternoon|blue sky",
        "明亮|白天|中午|正午|下午|午后|晴天|阳光",
    ),
}

WEATHERS: dict[Weather, tuple[str, str]] = {
    Weather.STORM: (
        r"storm(?:y|s)?|thunder ?(?:storms?)?|lightning(?: storms?| strikes?)?|typhoons?|hurricanes?|"
        r"tornado(?:e?s)?|hail(?:storms?)?|tempest",
        "暴风雨|雷雨|雷阵雨|雷暴雨|雷暴|风暴|打雷|闪电|雷电|台风|飓风|龙卷风|冰雹",
    ),
    Weather.RAIN: (
        r"(?:heavy |light |pouring )?rain(?:y|s|ing|fall|storms?|drops?|showers?)?|drizzl(?:e|es|ing|y)|"
        r"down ?pours?|umbrella|monsoon|sleet(?:ing|s)?",
        "下雨|雨点|雨滴|细雨|大雨|小雨|暴雨|阵雨|毛毛雨|梅雨|雨夹雪|冻雨|雨(?![后过林伞衣刷棚靴鞋])",
    ),
    Weather.SNOW: (
        r"(?:heavy )?snow(?:y|s|ing|fall|flakes?|storms?|(?! leopard))|blizzards?|winter",
        "下雪|雪花|冬天|飘雪|大雪|小雪|初雪|暴风雪|暴雪|风雪|雪(?!山|豹|白|橇|人|糕|屋|地靴)",
    ),
    Weather.FOG: (r"fog(?:gy)?|mist(?:y)?|haze|hazy", "大雾|浓雾|薄雾|雾气|雾"),
    Weather.CLOUDY: (
        r"clouds|cloudy|overcast(?: sky)?|(?:grey|gray) sk(?:y|ies)|(?:dark|storm|rain) clouds",
        "多云|阴天|乌云|云层|白云|阴云|云朵",
    ),
    Weather.CLEAR: (r"clear sky|clear|sunny|cloudless", "晴"),
}

MOVES: dict[CameraMove, tuple[str, str]] = {
    CameraMove.ORBIT: (
        r"orbits? around|orbit(?:ing)? (?:shot|camera)|camera orbits?|circling shot|arc shot",
        "环绕|环绕镜头",
    ),
    CameraMove.DOLLY_OUT: (
        r"dolly[- ]out|zoom(?:s|ing)?[- ]out|pulls? (?:back|out|away)|pull[- ]back",
        "拉远|镜头拉远|拉镜头",
    ),
    CameraMove.DOLLY_IN: (
        r"dolly(?:[- ]in)?|zoom(?:s|ing)?(?:[- ]in)?|push(?:es|ing)?[- ]in|slow push|moves? closer",
        "推近|推镜头|镜头推进",
    ),
    CameraMove.PAN_LEFT: (r"pan(?:s|ning)?(?: slowly)?(?: to the)? left", "左摇|向左平移"),
    CameraMove.PAN_RIGHT: (r"pan(?:s|ning)?(?: shot)?|panorama|panoramic", "摇镜头|右摇|向右平移|平移"),
    CameraMove.CRANE_DOWN: (
        r"crane(?:s)? down|tilt(?:s)? down|camera (?:descends|lowers)|pedestal down",
        "下降|镜头下降",
    ),
    CameraMove.CRANE_UP: (
        r"crane(?: up| shot|s)?|tilt(?:s)? up|camera rises|rising shot|aerial|drone(?: shot)?|pedestal up",
        "升起|镜头上升|航拍|摇臂",
    ),
    CameraMove.TRACKING: (
        r"tracking(?: shot)?|follow(?:s|ing)? (?:shot|him|her|them|it|the)|camera follows",
        "跟拍|跟踪镜头|跟随",
    ),
    CameraMove.STATIC: (
        r"static(?: shot| camera)?|locked[- ]off|tripod|fixed camera|still shot",
        "固定镜头|静止镜头",
    ),
}

ACTIONS: dict[SubjectAction, tuple[str, str]] = {
    SubjectAction.RUN: (
        r"runs?|running|jog(?:s|ging)?|gallop(?:s|ing)?|rac(?:es|ing)|sprint(?:s|ing)?|chas(?:es|ing)|"
        r"speed(?:s|ing)|rush(?:es|ing)",
        "奔跑|跑步|跑|奔驰|飞驰|追",
    ),
    SubjectAction.WALK: (
        r"walk(?:s|ing)?|stroll(?:s|ing)?|wander(?:s|ing)?|hik(?:es|ing)|strid(?:es|ing)|march(?:es|ing)?|"
        r"driv(?:es|ing)|rid(?:es|ing)|sail(?:s|ing)|passes|passing|cross(?:es|ing)?|travels?|travell?ing",
        "走|散步|漫步|行走|开过|驶过|骑|驶|爬",
    ),
    SubjectAction.FLY: (
        r"fl(?:y|ies|ying)|soar(?:s|ing)?|glid(?:es|ing)|float(?:s|ing)?|drift(?:s|ing)?",
        "飞|飘|翱翔",
    ),
    SubjectAction.DANCE: (
        r"danc(?:e|es|ing)|twirl(?:s|ing)?|spin(?:s|ning)|waltz(?:es|ing)?|jump(?:s|ing)?",
        "跳舞|起舞|舞蹈",
    ),
    SubjectAction.SLEEP: (
        r"sleep(?:s|ing)?|asleep|nap(?:s|ping)?|curled up|snooz(?:es|ing)|doz(?:es|ing)|lying",
        "睡觉|睡着|睡|打盹|打瞌睡|趴|躺|蜷",
    ),
    SubjectAction.SIT: (
        r"sit(?:s|ting)?|seated|reading|rest(?:s|ing)?|meditat(?:es|ing)",
        "坐|休息|看书",
    ),
    SubjectAction.STAND: (
        r"stand(?:s|ing)?|wait(?:s|ing)?|watch(?:es|ing)?|look(?:s|ing)?|gaz(?:es|ing)|park(?:ed|s)|leaning|"
        r"swim(?:s|ming)?|div(?:es|ing)|cook(?:s|ing)?|bak(?:es?|ing)|stir(?:s|ring)?|chop(?:s|ping)?|fry(?:ing)?",
        "站|看着|等待|望|矗立|停在|停着|停放|停靠|靠在|游泳|潜水|做饭|烹饪|炒菜|煮",
    ),
}

STYLES: dict[Style, tuple[str, str]] = {
    Style.WATERCOLOR: (r"water ?colou?r|painting|painterly|ink wash|impressionist|gouache", "水彩|水墨|油画"),
    Style.NOIR: (r"noir|black[- ]and[- ]white|monochrome|black & white|gr[ae]yscale", "黑白|黑色电影"),
    Style.ANIME: (r"anime|cartoon|ghibli[- ]style|manga|cel[- ]shaded|animation|animated", "动漫|动画|卡通"),
    Style.VINTAGE: (
        r"vintage|retro|8 ?mm|super[- ]8|16 ?mm|old film|sepia|home video|vhs",
        "复古|老电影|怀旧",
    ),
}

MOODS: dict[Mood, tuple[str, str]] = {
    Mood.MELANCHOLY: (
        r"melanchol(?:y|ic)|sad|lonely|alone|nostalgi[ac]|wistful|tears|sombre|somber",
        "忧郁|孤独|悲伤|伤感",
    ),
    Mood.TENSE: (
        r"tense|eerie|ominous|dark|scary|creepy|suspense(?:ful)?|dramatic|mysterious",
        "紧张|恐怖|神秘",
    ),
    Mood.JOYFUL: (
        r"joy(?:ful|ous)?|happy|cheerful|playful|festive|fun|laugh(?:s|ing)?|celebrat\w+",
        "快乐|欢乐|开心|喜庆",
    ),
    Mood.EPIC: (r"epic|majestic|cinematic|grand|heroic|breathtaking|awe", "史诗|壮丽|宏伟|壮观"),
    Mood.CALM: (r"calm|serene|peaceful|quiet|gentle|tranquil|dreamy|soft", "宁静|平静|安静|温柔"),
}

TINTS: dict[Tint, tuple[str, str]] = {
    Tint.AUTUMN: (r"autumn(?:al)?|in the fall|fall (?:colou?rs|leaves|foliage)|maple", "秋天|秋|枫"),
    Tint.BLOSSOM: (r"cherry blossoms?|blossoms?|sakura|spring(?:time)?|pink", "樱花|春天|粉色"),
    Tint.PASTEL: (r"pastels?|muted|soft colou?rs", "柔和"),
    Tint.VIVID: (r"vivid|neon|saturated|colou?rful|vibrant|cyberpunk", "鲜艳|霓虹|赛博朋克"),
    Tint.COLD: (r"cold|icy|frozen|blue tones?|bleak|teal", "寒冷|冷色|冰"),
    Tint.WARM: (r"warm|cozy|cosy|amber|golden", "温暖|暖色|金色"),
}

SOUNDS: dict[Sound, tuple[str, str]] = {
    Sound.SILENCE: (r"silence|silent|no sound|mute", "无声|静音"),
    Sound.WIND: (r"wind(?:y)?|breeze|gusts?", "风"),
    Sound.WAVES: (r"waves|surf", "海浪"),
    Sound.RAIN: (r"sound of rain|rain", "雨声"),
    Sound.BIRDS: (r"birdsong|birds? (?:sing\w*|chirp\w*)|chirp\w*", "鸟鸣|鸟叫"),
    Sound.CITY: (r"traffic|city (?:hum|noise)|crowd", "车声|人群"),
    Sound.CRICKETS: (r"crickets|cicadas", "蟋蟀|蝉"),
    Sound.THUNDER: (r"thunder\w*", "雷"),
    Sound.MUSIC: (r"music|piano|melody|song|strings|orchestra\w*|soundtrack", "音乐|钢琴|歌"),
}

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (200, 42, 40), "crimson": (170, 24, 46), "orange": (232, 126, 40), "yellow": (240, 200, 60),
    "gold": (224, 172, 62), "golden": (224, 172, 84), "green": (64, 140, 78), "blue": (48, 98, 184),
    "teal": (32, 134, 140), "purple": (118, 66, 158), "violet": (128, 84, 190), "pink": (238, 138, 164),
    "white": (240, 238, 232), "black": (26, 26, 30), "grey": (128, 130, 134), "gray": (128, 130, 134),
    "brown": (116, 76, 48), "silver": (184, 190, 198), "beige": (214, 192, 156),
    "红": (200, 42, 40), "橙": (232, 126, 40), "黄": (240, 200, 60), "绿": (64, 140, 78), "蓝": (48, 98, 184),
    "紫": (118, 66, 158), "粉": (238, 138, 164), "白": (240, 238, 232), "黑": (26, 26, 30),
    "金": (224, 172, 84), "橘": (232, 126, 40), "棕": (116, 76, 48), "褐": (116, 76, 48),
    "咖啡色": (116, 76, 48), "灰": (128, 130, 134), "银": (184, 190, 198),
}  # fmt: skip

NUMBERS: dict[str, int] = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "a few": 3, "several": 4,
        "many": 6, "some": 3,
    "couple of": 2, "pair of": 2, "flock of": 7, "herd of": 4, "school of": 8, "group of": 4, "crowd of": 6,
    "dozens of": 7, "hundreds of": 8, "两": 2, "双": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7,
    "八": 8, "九": 9,
    "十": 10, "几": 3, "一群": 6, "一对": 2, "许多": 6,
}  # fmt: skip
