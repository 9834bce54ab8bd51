"""Words for subjects, in English and simplified Chinese, and nouns that contain such a word but mean another
thing.

English entries are regular expressions that match whole words. A Chinese word of one character counts only
between characters that cannot form a longer word with it (see `noun_phrases`).
"""

from __future__ import annotations

from safelight.generation.storyboard.lexicon import SubjectKind as Kind

#: The more special a word, the earlier its entry: the first entry that matches a place in the prompt wins.
KINDS: dict[Kind, tuple[str, str]] = {
    Kind.RICE_FARMER: (
        r"(?:rice )?farmers?(?= plant(?:s|ing)? rice)|rice farmers?",
        "农夫(?=在?[^，。]{0,4}插秧)|农民(?=在?[^，。]{0,4}插秧)",
    ),
    Kind.FIREFIGHTER: (r"fire ?fighters?|firem[ae]n", "消防员|消防队员"),
    Kind.BLACKSMITH: (r"blacksmiths?|smiths?", "铁匠"),
    Kind.FISHERMAN: (r"fisherm[ae]n|anglers?", "渔夫|渔民"),
    Kind.FARMER: (r"farmers?|peasants?", "农夫|农民|老农"),
    Kind.TEACHER: (r"teachers?|professors?|lecturers?", "老师|教师|教授"),
    Kind.DOCTOR: (r"doctors?|nurses?|surgeons?|physicians?", "医生|护士|大夫"),
    Kind.PAINTER: (r"painters?", "画家"),
    Kind.PHOTOGRAPHER: (r"photographers?", "摄影师"),
    Kind.BUILDER: (r"builders?|construction workers?|bricklayers?", "建筑工人|工人"),
    Kind.CARPENTER: (r"carpenters?|woodworkers?", "木匠|木工"),
    Kind.GARDENER: (r"gardeners?", "园丁|花匠"),
    Kind.VIOLINIST: (r"violinists?|fiddlers?", "小提琴手|小提琴家"),
    Kind.GUITARIST: (r"guitarists?|guitar players?", "吉他手"),
    Kind.PIANIST: (r"pianists?|piano players?", "钢琴家|钢琴师"),
    Kind.WAITER: (r"waiters?|waitress(?:es)?", "服务员|侍者"),
    Kind.SWEEPER: (r"(?:street )?(?:sweepers?|cleaners?)|janitors?", "清洁工|环卫工人"),
    Kind.POTTER: (r"potters?", "陶艺师|陶匠"),
    Kind.CHEF: (r"chefs?|cooks?(?! \w)|bakers?", "厨师|面包师"),
    Kind.DANCER: (r"dancers?|ballerinas?", "舞者|舞蹈家|芭蕾"),
    Kind.ASTRONAUT: (r"astronauts?|cosmonauts?", "宇航员|太空人|航天员"),
    Kind.CHILD: (
        r"child|children|kids?|boys?|girls?|toddlers?|grandsons?|granddaughters?|sons?|daughters?|bab(?:y|ies)",
        "孩子|儿童|小孩|男孩|女孩|小朋友|孙子|孙女|婴儿|宝宝",
    ),
    Kind.WOMAN: (
        r"wom[ae]n|lady|ladies|mother|grandmother|queen|princess|bride|actress",
        "女人|女士|女子|妈妈|奶奶|姑娘|老奶奶|母亲|女性",
    ),
    Kind.PERSON: (
        r"persons?|people|m[ae]n|travell?ers?|hikers?|runners?|somebody|someone|figures?|workers?|couple|"
        r"friends|crowd|father|grandfather|grandparents?|parents?|brothers?|sisters?|joggers?|wanderers?|adults?|family|strangers?|pedestrians?|"
        r"students?|passengers?|tourists?|neighbou?rs?|commuters?|"
        r"monks?|king|knights?|samurai|detectives?|musicians?|surfers?|explorers?|sailors?|wizards?|cowboys?|"
        r"actors?",
        "男人|老人|行人|人们|男子|旅人|爸爸|爷爷|父亲|学生|游客|路人|情侣|人",
    ),
    Kind.LIGHTHOUSE: (r"light ?houses?", "灯塔"),
    Kind.WINDMILL: (r"windmills?", "风车"),
    Kind.CASTLE: (r"castles?|fortress(?:es)?|citadels?", "城堡|古堡|要塞"),
    Kind.PAGODA: (r"pagodas?", "古塔|宝塔|佛塔|石塔|木塔|塔"),
    Kind.TEMPLE: (r"(?:buddhist |chinese |japanese )?temples?|shrines?|palaces?",
        "寺庙|寺院|古寺|庙宇|宫殿|神庙|庙|寺"),
    Kind.CHURCH: (r"church(?:es)?|chapels?|cathedrals?", "教堂"),
    Kind.BARN: (r"barns?|farmhouses?", "谷仓|农舍"),
    Kind.TOWER: (r"clock ?towers?|bell ?towers?|towers?", "钟楼|塔楼|鼓楼"),
    Kind.PYRAMID: (r"pyramids?", "金字塔"),
    Kind.TENT: (r"tents?", "帐篷"),
    Kind.BRIDGE: (r"(?:stone )?bridges?", "石桥|拱桥|木桥|大桥|小桥|桥梁|桥"),
    Kind.CABIN: (
        r"(?:log |wooden |small |tiny )?(?:cabins?|cottages?|huts?)|(?:little|small|wooden|tiny|old|lonely|"
        r"red|white) houses?|houses?(?= (?:on|in|by|near|at|stands?|under|beside) )|sheds?",
        "木屋|小屋|小木屋|茅屋|草屋|房子|石屋|房屋",
    ),
    Kind.FIRE_ENGINE: (r"fire (?:engines?|trucks?)", "消防车"),
    Kind.BUS: (r"(?:school |city |double-decker )?bus(?:es)?|coach(?:es)?",
        "公交车|公共汽车|巴士|大巴|校车|客车"),
    Kind.TRAM: (r"trams?|trolleys?|streetcars?|trolley cars?", "电车|有轨电车"),
    Kind.TRUCK: (r"(?:delivery )?(?:trucks?|lorry|lorries|vans?)", "卡车|货车"),
    Kind.TRACTOR: (r"tractors?", "拖拉机"),
    Kind.MOTORCYCLE: (r"motor ?(?:cycles?|bikes?)|motorcyclists?|scooters?|mopeds?", "摩托车|机车|摩托"),
    Kind.AEROPLANE: (r"(?:air|aero)?planes?|airliners?|aircraft|jets?|airplanes?", "飞机|客机"),
    Kind.HELICOPTER: (r"helicopters?|choppers?", "直升机|直升飞机"),
    Kind.ROCKET: (r"rockets?", "火箭"),
    Kind.AIRSHIP: (r"airships?|zeppelins?|blimps?", "飞艇"),
    Kind.KITE: (r"kites?", "风筝"),
    Kind.LANTERN: (r"(?:paper |sky )?lanterns?", "灯笼|孔明灯|天灯"),
    Kind.PAPER_BOAT: (r"paper (?:boats?|ships?)", "纸船|纸折的船"),
    Kind.SUBMARINE: (r"submarines?", "潜艇|潜水艇"),
    Kind.ROWING_BOAT: (
        r"row(?:ing)? ?boats?|canoes?|kayaks?|gondolas?|rafts?|dinghy|dinghies",
        "小船|划艇|皮划艇|独木舟|木船|小舟|竹筏",
    ),
    Kind.BOAT: (r"(?:sail(?:ing )?)?boats?|sailing ships?|yachts?|schooners?|junks?", "帆船|渔船|游艇|船"),
    Kind.SHIP: (
        r"(?:steam)?ships?|steamers?|ferry|ferries|ocean liners?|liners?|cruise ships?|cargo ships?",
        "邮轮|轮船|游轮|货轮|渡轮|大船|货船|客轮",
    ),
    Kind.BICYCLE: (r"bicycles?|bikes?|cyclists?|cycling", "自行车|单车|脚踏车|骑车"),
    Kind.TRAIN: (r"trains?|locomotives?|railway|subway", "火车|列车|高铁|地铁|动车"),
    Kind.CAR: (r"cars?|taxis?|cabs?|convertibles?|automobiles?",
        "汽车|轿车|出租车|跑车|小汽车|计程车|的士|赛车"),
    Kind.HOT_AIR_BALLOON: (r"hot[- ]air balloons?", "热气球"),
    Kind.BALLOON: (r"balloons?", "气球"),
    Kind.RAINBOW: (r"rainbows?", "彩虹|霓虹桥"),
    Kind.TORNADO: (r"tornado(?:e?s)?|twisters?|whirlwinds?", "龙卷风|旋风"),
    Kind.LION: (r"lions?|lioness(?:es)?", "狮子|雄狮|母狮|狮"),
    Kind.TIGER: (r"tigers?|tigress(?:es)?", "老虎|白虎|虎"),
    Kind.LEOPARD: (r"leopards?|cheetahs?|jaguars?|panthers?", "豹子|猎豹|花豹|雪豹|豹"),
    Kind.WOLF: (r"wolf|wolves|coyotes?", "野狼|灰狼|狼"),
    Kind.FOX: (r"fox(?:es)?", "狐狸"),
    Kind.DEER: (r"deer|stags?|fawns?|moose|elks?|reindeer|antelopes?|gazelles?",
        "梅花鹿|小鹿|麋鹿|驯鹿|羚羊|鹿"),
    Kind.COW: (r"cows?|bulls?|cattle|ox(?:en)?|buffalo(?:es)?|bisons?|calf|calves",
        "奶牛|水牛|黄牛|公牛|母牛|牦牛|牛"),
    Kind.GOAT: (r"(?:mountain )?goats?", "山羊"),
    Kind.SHEEP: (r"sheep|lambs?|ewes?", "绵羊|羊羔|小羊|羊"),
    Kind.PIG: (r"pigs?|piglets?|boars?", "小猪|野猪|猪"),
    Kind.PANDA: (r"(?:giant )?pandas?", "大熊猫|熊猫"),
    Kind.BEAR: (r"(?:brown |black |polar |grizzly )?bears?|grizzl(?:y|ies)", "北极熊|棕熊|黑熊|狗熊|熊"),
    Kind.ELEPHANT: (r"elephants?", "大象|小象|象群"),
    Kind.RHINOCEROS: (r"rhino(?:cero(?:s|ses))?s?", "犀牛"),
    Kind.HIPPOPOTAMUS: (r"hippo(?:potamus(?:es)?)?s?", "河马"),
    Kind.GIRAFFE: (r"giraffes?", "长颈鹿"),
    Kind.ZEBRA: (r"zebras?", "斑马"),
    Kind.DONKEY: (r"donkeys?|mules?", "毛驴|驴子|驴"),
    Kind.CAMEL: (r"camels?", "骆驼"),
    Kind.RABBIT: (r"rabbits?|bunny|bunnies|hares?", "兔子|小兔|白兔|野兔|兔"),
    Kind.SQUIRREL: (r"squirrels?|chipmunks?", "松鼠"),
    Kind.MONKEY: (r"monkeys?", "猴子|金丝猴|猕猴|猴"),
    Kind.TURTLE: (r"(?:sea )?turtles?|tortoises?", "乌龟|海龟|陆龟|龟"),
    Kind.FROG: (r"frogs?|toads?", "青蛙|蟾蜍|蛙"),
    Kind.SNAKE: (r"snakes?|pythons?|cobras?", "蟒蛇|小蛇|毒蛇|蛇"),
    Kind.PENGUIN: (r"penguins?", "企鹅"),
    Kind.ROOSTER: (r"roosters?|cockerels?|hens?|chickens?", "公鸡|母鸡|小鸡|雄鸡"),
    Kind.WADER: (r"flamingo(?:e?s)?|herons?|egrets?|storks?|crane(?= (?:standing|wading|stands|wades|"
        r"in))", "火烈鸟|白鹭|仙鹤|丹顶鹤|白鹤"),
    Kind.SWAN: (r"swans?", "天鹅"),
    Kind.DUCK: (r"ducks?|ducklings?|mallards?", "鸭子|小鸭|野鸭|鸳鸯|鸭"),
    Kind.OWL: (r"owls?", "猫头鹰"),
    Kind.SHARK: (r"(?:tiger |white )?sharks?", "鲨鱼|大白鲨"),
    Kind.DOLPHIN: (r"dolphins?", "海豚"),
    Kind.JELLYFISH: (r"jelly ?fish(?:es)?", "水母"),
    Kind.OCTOPUS: (r"octopus(?:es)?", "章鱼"),
    Kind.CRAB: (r"crabs?", "螃蟹|蟹"),
    Kind.BEE: (r"(?:bumble|honey)?bees?", "蜜蜂"),
    Kind.DRAGONFLY: (r"dragonfl(?:y|ies)", "蜻蜓"),
    Kind.BUTTERFLY: (r"butterfl(?:y|ies)|moths?", "蝴蝶|飞蛾"),
    Kind.BIRD: (
        r"birds?|seagulls?|gulls?|eagles?|crows?|ravens?|swallows?|doves?|pigeons?|cranes|geese|goose|hawks?|"
        r"falcons?|sparrows?|robins?",
        "小鸟|海鸥|老鹰|燕子|鸽子|大雁|麻雀|喜鹊|乌鸦|鸟儿|鸟群|鸟|雁|鹰",
    ),
    Kind.DOG: (
        r"dogs?|pupp(?:y|ies)|retrievers?|huskies|husky|corgis?|hounds?|labradors?|shepherd dogs?",
        "小狗|狗狗|金毛犬|金毛|柯基|哈士奇|狗|犬",
    ),
    Kind.CAT: (r"cats?|kittens?|kitty", "小猫|猫咪|橘猫|猫"),
    Kind.HORSE: (r"horses?|pon(?:y|ies)|stallions?|mares?", "马匹|骏马|马儿|白马|黑马|小马|马群|马"),
    Kind.WHALE: (r"whales?|orcas?", "鲸鱼|座头鲸|蓝鲸|虎鲸|鲸"),
    Kind.FISH: (r"fish(?:es)?|koi|salmon|goldfish|clownfish|trout", "金鱼|锦鲤|鲤鱼|小鱼|鱼群|热带鱼|鱼"),
}  # fmt: skip

#: People who are drawn as a plain person, without what marks their trade. They are also listed as not drawn.
PLAIN_PEOPLE = (
    r"monks?|king|queen|princess|bride|actress|knights?|samurai|detectives?|musicians?|surfers?|explorers?|"
    r"sailors?|wizards?|cowboys?|actors?"
)

#: Nouns that contain a word of the vocabulary, but mean something that is not drawn.
OTHER_NOUNS = (
    r"hot dogs?|sea ?horses?|sea lions?|guinea pigs?|prairie dogs?|flying fox(?:es)?|star ?fish|cat ?fish|"
    r"praying mantis|teddy bears?|gummy bears?|rocking horses?|hobby horses?|robot (?:dogs?|cats?|"
    r"horses?|birds?)|"
    r"snowm[ae]n|paper cranes?|rubber ducks?|sand ?castles?|ice cream (?:trucks?|vans?)|bird ?houses?|"
    r"dog ?houses?|"
    r"bouncy castles?|toy (?:horses?|bears?|lions?)|bird feeders?|horse ?fl(?:y|ies)|lion dances?|"
    r"chess (?:knights?|kings?|queens?)|polar lights|mine ?carts?|shopping carts?|cable cars?|"
    r"(?:electricity|cooling|radio|water|eiffel|control|cell) towers?",
    "火山|冰山|假山|机器狗|机器猫|机器人|雪人|海马|海狮|海星|马桶|马戏|马拉松|马车|牛奶|牛排|牛仔|牛仔裤|蜗牛|犀牛角|马铃薯|马赛克|鸭舌帽|"
    "鱼缸|鱼竿|鱼钩|人参|人偶|木马|马蹄|马厩|狗窝|鸟巢|鸟笼|鸡蛋|鸡尾酒|羊肉|羊毛|蛇果|木偶|稻草人|美人鱼|鱿鱼|鳄鱼|甲鱼|"
    "船长|船坞|象棋|桥牌|桥洞|飞碟|飞船|太空船|塔罗|塔吊|铁塔|水塔|埃菲尔铁塔|沙堡|恐龙|火龙|龙舟|鹿角|虎鲸鱼|壁虎|狮身人面像|"
    "舞狮|熊蜂|鲸落|蟹黄|缆车|矿车|推车|手推车|购物车",
)
