"""Words for subjects, in English and simplified Chinese, and nouns that contain such a word but mean another
thing.

English entries are regular expressions that match whole words. A Chinese word of one character counts only
between characters that cannot form a longer word with it (see `noun_phrases`).
"""

from __future__ import annotations

from safelight_storyboard.people_words import PEOPLE_WORDS
from safelight_storyboard.subject_kinds import SubjectKind as Kind

#: Of words that overlap, the longest is meant; of equally long ones, that of the earlier entry.
KINDS: dict[Kind, tuple[str, str]] = {
    **PEOPLE_WORDS,
    Kind.CRANE: (r"(?:construction|tower|building) cranes?", "塔吊|起重机|吊车|塔式起重机"),
    Kind.TREEHOUSE: (r"tree ?houses?", "树屋"),
    Kind.WATER_TOWER: (r"water ?towers?", "水塔"),
    Kind.GREENHOUSE: (r"green ?houses?|glass ?houses?|hot ?houses?", "温室|花房"),
    Kind.PETROL_STATION: (r"(?:petrol|gas|filling|service|fuel) stations?", "加油站"),
    Kind.STATION: (
        r"(?:train|railway|railroad|tube|metro|subway|tram) stations?|stations?",
        "火车站|高铁站|地铁站|车站|捷运站",
    ),
    Kind.TEA_HOUSE: (
        r"tea ?houses?|(?:traditional |old |ancient )?chinese (?:inns?|buildings?|pavilions?)",
        "茶楼|茶馆|茶室|酒楼|客栈|楼阁|古建筑|老街屋|古楼",
    ),
    Kind.SCHOOL: (
        r"schools?(?! of\b)|school ?houses?|kindergartens?|universit(?:y|ies)|college buildings?",
        "学校|小学|中学|大学|幼儿园|校舍|教学楼",
    ),
    Kind.HOSPITAL: (r"hospitals?(?! (?:corridor|room|bed|ward))|clinics?", "医院|诊所|卫生所"),
    Kind.FACTORY: (
        r"factor(?:y|ies)|power (?:plants?|stations?)|mills?|industrial plants?",
        "工厂|厂房|发电厂",
    ),
    Kind.SKYSCRAPER: (
        r"(?:glass |modern )*office buildings?|glass buildings?|"
        r"(?:glass )?skyscrapers?(?! (?:of|in) (?:the )?background)|office towers?|high-?rises?",
        "玻璃大楼|办公大楼|办公楼|商业大楼|大楼|摩天大楼|摩天楼|高楼大厦|大厦",
    ),
    Kind.APARTMENTS: (
        r"apartment (?:blocks?|buildings?|houses?)|tower blocks?|blocks? of flats|hotels?|"
        r"residential (?:buildings?|blocks?)",
        "公寓楼|公寓|居民楼|住宅楼|宿舍楼|旅馆|酒店|饭店",
    ),
    Kind.MOSQUE: (r"mosques?", "清真寺"),
    Kind.STADIUM: (r"stadiums?|stadia|(?:sports |football )?arenas?", "体育场|运动场|球场|体育馆"),
    Kind.SHOP: (
        r"(?:small |corner |book |flower |coffee |village |little |souvenir )?(?:shop|"
        r"store)(?! (?:window|sign|assistant|owner))|bakery|restaurant|caf[eé]|book ?shop|book ?store|"
        r"pub|diner",
        "商店|小店|面包店|书店|花店|杂货店|便利店|咖啡店|咖啡馆|餐馆|餐厅|店铺|面馆|小吃店|杂货铺|"
        "柑仔店",
    ),
    Kind.COLUMNED_HALL: (
        r"(?:art |history )?museums?|court ?houses?|parliaments?|town halls?|city halls?|(?:stone |"
        r"public |old |national )librar(?:y|ies)|opera houses?|(?:greek|roman) temples?|parthenon|"
        r"bank buildings?",
        "博物馆|美术馆|法院|市政厅|图书馆大楼|歌剧院|议会大厦|希腊神庙|帕特农神庙",
    ),
    Kind.SILO: (r"(?:grain )?silos?", "粮仓|筒仓"),
    Kind.IGLOO: (r"igloos?", "冰屋|雪屋"),
    Kind.YURT: (r"yurts?|gers?", "蒙古包|毡房"),
    Kind.ARCH: (
        r"(?:stone |triumphal |brick )?arch(?:es)?|arc de triomphe|(?:city |old |stone )gates?",
        "凯旋门|石拱门|拱门|牌坊|城门|牌楼",
    ),
    Kind.RUINS: (r"(?:ancient |roman |greek |old |stone )?ruins?", "遗迹|废墟|遗址"),
    Kind.OBSERVATORY: (r"observator(?:y|ies)|planetariums?", "天文台|天文馆"),
    Kind.DAM: (r"dams?", "水坝|大坝"),
    Kind.AQUEDUCT: (r"aqueducts?|viaducts?", "高架渠|引水渠|渡槽|高架桥"),
    Kind.EIFFEL_TOWER: (
        r"eiffel tower",
        "埃菲尔铁塔|艾菲尔铁塔|巴黎铁塔",
    ),
    Kind.TAIPEI_101: (
        r"taipei 101",
        "台北101大楼|台北101|台北一零一|101大楼",
    ),
    Kind.LIGHTHOUSE: (r"light ?houses?", "灯塔"),
    Kind.WINDMILL: (r"windmills?", "风车"),
    Kind.CASTLE: (r"castles?|fortress(?:es)?|citadels?", "城堡|古堡|要塞"),
    Kind.PAGODA: (r"pagodas?", "古塔|宝塔|佛塔|石塔|木塔|塔"),
    Kind.TEMPLE: (r"(?:buddhist |chinese |japanese )?temples?|shrines?|palaces?",
        "妈祖庙|寺庙|寺院|古寺|庙宇|宫殿|神庙|(?:庙)|(?:寺)|故宫|紫禁城|皇宫|神社|道观"),
    Kind.CHURCH: (r"church(?:es)?|chapels?|cathedrals?", "教堂"),
    Kind.BARN: (r"barns?", "谷仓|牛棚|马棚"),
    Kind.TOWER: (r"clock ?towers?|bell ?towers?|towers?", "钟楼|塔楼|鼓楼"),
    Kind.PYRAMID: (r"pyramids?", "金字塔"),
    Kind.TENT: (r"tents?", "帐篷"),
    Kind.BRIDGE: (r"(?:stone )?bridges?", "石桥|拱桥|木桥|大桥|小桥|桥梁|古桥|(?:桥)"),
    Kind.HOUSE: (
        r"farm ?houses?|town ?houses?|villas?|bungalows?|mansions?|family homes?|houses?",
        "房子|房屋|平房|砖房|瓦房|民房|农舍|别墅|洋房|住宅|透天厝|老屋|民居|农家",
    ),
    Kind.VILLAGE: (
        r"(?:mountain |fishing |small |little |quiet |old )?villages?",
        "小村庄|村庄|山村|渔村|村落|小山村|村子",
    ),
    Kind.COURTYARD_HOUSE: (
        r"courtyard (?:houses?|homes?)|siheyuan|sanheyuan|traditional chinese (?:house|home|"
        r"residence)s?",
        "三合院|四合院|古厝|老宅|大宅院|土楼|大院|宗祠|祠堂",
    ),
    Kind.GREAT_WALL: (
        r"great wall(?: of china)?",
        "万里长城|长城",
    ),
    Kind.CABIN: (
        r"(?:log |wooden |small |tiny )?(?:cabins?|cottages?|huts?|chalets?)|(?:wooden|"
        r"tiny) houses?|sheds?",
        "小木屋|木屋|小屋|茅屋|草屋|石屋|山屋|木房子",
    ),
    Kind.GARBAGE_TRUCK: (
        r"(?:garbage|rubbish|refuse|bin|trash|dust) ?(?:trucks?|lorry|lorries|carts?)",
        "垃圾车",
    ),
    Kind.AMBULANCE: (r"ambulances?", "救护车"),
    Kind.POLICE_CAR: (r"police (?:cars?|cruisers?)|patrol cars?", "警车|巡逻车"),
    Kind.PICKUP: (r"pick-?up(?: trucks?)?s?", "皮卡车|皮卡"),
    Kind.BULLDOZER: (r"bulldozers?", "推土机"),
    Kind.EXCAVATOR: (r"excavators?|diggers?|backhoes?", "挖掘机|挖土机|怪手"),
    Kind.COMBINE: (r"combine(?: harvester)?s?|harvesters?", "联合收割机|收割机"),
    Kind.FORKLIFT: (r"fork-?lifts?(?: trucks?)?", "叉车|堆高机"),
    Kind.CEMENT_MIXER: (
        r"(?:cement|concrete) (?:mixers?|trucks?)(?: trucks?)?",
        "水泥搅拌车|混凝土搅拌车|搅拌车|水泥车",
    ),
    Kind.CARRIAGE: (
        r"(?:horse[- ]drawn |horse )(?:carriages?|carts?|wagons?)|carriages?|stage ?coach(?:es)?|"
        r"wagons?",
        "马车",
    ),
    Kind.SLED: (r"(?:dog )?sleds?|(?:dog )?sledges?|sleighs?", "雪橇|狗拉雪橇"),
    Kind.CABLE_CAR: (r"cable ?cars?|gondola lifts?|ski lifts?|aerial tramways?", "缆车"),
    Kind.DRONE: (
        r"drones?(?! (?:shots?|views?|footage|cameras?|video|flight|perspective))",
        "无人机(?!航拍|视角|镜头|拍摄|俯拍)",
    ),
    Kind.GLIDER: (r"gliders?|sail ?planes?", "滑翔机"),
    Kind.BIPLANE: (r"biplanes?|propeller planes?", "双翼飞机|螺旋桨飞机"),
    Kind.SPEEDBOAT: (r"(?:speed|motor) ?boats?|jet skis?", "快艇|摩托艇|汽艇"),
    Kind.RICKSHAW: (r"(?:cycle |auto )?rickshaws?|pedicabs?|tuk-?tuks?", "三轮车|人力车|黄包车"),
    Kind.SCHOOL_BUS: (
        r"(?:yellow )?school (?:bus(?:es)?|vans?)",
        "校车",
    ),
    Kind.DOUBLE_DECKER: (
        r"double[- ]deckers?(?: bus(?:es)?)?|(?:red )?london bus(?:es)?",
        "双层巴士|双层公交车|双层公车|双层公共汽车|双层观光巴士",
    ),
    Kind.TAXI: (
        r"(?:taxi|yellow) ?cabs?|taxis?|cabs?",
        r"计程车|出租车|的士(?!兵)|小黄(?=[，。、！？\s]|计程|停在|驶|$)|(?<=辆)小黄",
    ),
    Kind.DRAGON_BOAT: (
        r"dragon boats?",
        "龙舟|龙船",
    ),
    Kind.CARGO_SHIP: (
        r"(?:cargo|container|freight) (?:ships?|vessels?|boats?)|freighters?|(?:oil )?tankers?",
        "货轮|货柜船|集装箱船|货柜轮|货船|油轮",
    ),
    Kind.SCOOTER: (
        r"(?:motor ?|electric )?scooters?|mopeds?|vespas?",
        "机车|摩托机车|电动车|电瓶车",
    ),
    Kind.FIRE_ENGINE: (r"fire (?:engines?|trucks?)", "消防车"),
    Kind.BUS: (r"(?:city |tour |tourist |public |electric )?bus(?:es)?|coach(?:es)?",
        "公交车|公车|公共汽车|游览车|巴士|大巴|客车|观光巴士|公交"),
    Kind.TRAM: (r"trams?|trolleys?|streetcars?|trolley cars?", "电车|有轨电车"),
    Kind.TRUCK: (r"(?:delivery )?(?:trucks?|lorry|lorries|vans?)", "卡车|货车"),
    Kind.TRACTOR: (r"tractors?", "拖拉机"),
    Kind.MOTORCYCLE: (r"motor ?(?:cycles?|bikes?)|motorcyclists?", "摩托车|摩托|重机"),
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
    Kind.BOAT: (
        r"(?:sail(?:ing )?)?boats?|sailing ships?|yachts?|schooners?|junks?",
        "帆船|渔船|游艇|船",
    ),
    Kind.SHIP: (
        r"(?:steam)?ships?|steamers?|ferry|ferries|ocean liners?|liners?|cruise ships?",
        "邮轮|轮船|游轮|渡轮|大船|客轮",
    ),
    Kind.BICYCLE: (r"bicycles?|bikes?|cyclists?|cycling", "自行车|单车|脚踏车|骑车"),
    Kind.STEAM_TRAIN: (r"steam (?:trains?|locomotives?|engines?)", "蒸汽火车|蒸汽机车"),
    Kind.TRAIN: (
        r"(?:(?:high[- ]speed|bullet|express|commuter|metro|subway|passenger|freight) )?trains?|"
        r"locomotives?|railway|subway|metro|shinkansen",
        "火车|列车|高铁列车|高铁|地铁列车|地铁|捷运列车|捷运|动车组|动车|子弹列车|轻轨|新干线|台铁",
    ),
    Kind.CAR: (r"(?:sports? |race |racing )?cars?|convertibles?|automobiles?",
        "汽车|轿车|跑车|小汽车|赛车|小轿车|老爷车"),
    Kind.HOT_AIR_BALLOON: (r"hot[- ]air balloons?", "热气球"),
    Kind.BALLOON: (r"balloons?", "气球"),
    Kind.RAINBOW: (r"rainbows?", "彩虹|霓虹桥"),
    Kind.TORNADO: (r"tornado(?:e?s)?|twisters?|whirlwinds?", "龙卷风|旋风"),
    Kind.SEAHORSE: (r"sea ?horses?", "海马"),
    Kind.STARFISH: (r"star ?fish(?:es)?|sea stars?", "海星"),
    Kind.SEAL: (r"seals?|sea lions?|walrus(?:es)?", "海豹|海狮|海象"),
    Kind.LOBSTER: (r"lobsters?|crayfish|crawfish|prawns?|shrimps?", "龙虾|小龙虾|虾"),
    Kind.HEDGEHOG: (r"hedgehogs?|porcupines?", "刺猬|豪猪"),
    Kind.MOUSE: (r"mouse|mice|rats?|hamsters?|gerbils?", "老鼠|田鼠|仓鼠|小鼠"),
    Kind.KANGAROO: (r"kangaroos?|wallab(?:y|ies)", "袋鼠"),
    Kind.KOALA: (r"koalas?(?: bears?)?", "考拉|无尾熊|树袋熊"),
    Kind.LLAMA: (r"llamas?|alpacas?", "羊驼|草泥马|骆马"),
    Kind.GORILLA: (r"gorillas?|chimpanzees?|apes?", "大猩猩|黑猩猩|猩猩"),
    Kind.CROCODILE: (r"crocodiles?|alligators?|caimans?", "鳄鱼"),
    Kind.LIZARD: (r"lizards?|geckos?|iguanas?|chameleons?", "蜥蜴|壁虎|变色龙"),
    Kind.BAT: (r"(?:fruit )?bats?(?! and ball)", "蝙蝠"),
    Kind.SNAIL: (r"snails?", "蜗牛"),
    Kind.SPIDER: (r"spiders?|tarantulas?", "蜘蛛"),
    Kind.LADYBIRD: (r"lady ?(?:birds?|bugs?)|beetles?", "瓢虫|甲虫"),
    Kind.PARROT: (r"parrots?|macaws?|cockatoos?|parakeets?|budgerigars?", "鹦鹉"),
    Kind.PEACOCK: (r"peacocks?|peafowls?", "孔雀"),
    Kind.TURKEY: (r"turkeys?", "火鸡"),
    Kind.OSTRICH: (r"ostrich(?:es)?|emus?", "鸵鸟"),
    Kind.LION: (r"lions?|lioness(?:es)?", "狮子|雄狮|母狮|狮"),
    Kind.TIGER: (r"tigers?|tigress(?:es)?", "老虎|白虎|虎"),
    Kind.LEOPARD: (r"(?:snow )?leopards?|cheetahs?|jaguars?|panthers?", "豹子|猎豹|花豹|雪豹|豹"),
    Kind.WOLF: (r"wolf|wolves|coyotes?", "野狼|灰狼|狼"),
    Kind.FOX: (r"(?:arctic )?fox(?:es)?", "北极狐|狐狸"),
    Kind.DEER: (r"deer|stags?|fawns?|moose|elks?|reindeer|antelopes?|gazelles?",
        "梅花鹿|小鹿|麋鹿|驯鹿|羚羊|鹿"),
    Kind.BUFFALO: (
        r"(?:water |african )?buffalo(?:e?s)?|bisons?|yaks?|wildebeests?",
        "水牛|牦牛|野牛|犀角牛",
    ),
    Kind.COW: (r"cows?|bulls?|cattle|ox(?:en)?|calf|calves",
        "奶牛|乳牛|黄牛|公牛|母牛|小牛|牛群|牛"),
    Kind.GOAT: (r"(?:mountain )?goats?", "山羊"),
    Kind.SHEEP: (r"sheep|lambs?|ewes?", "绵羊|羊羔|小羊|羊"),
    Kind.PIG: (r"pigs?|piglets?|boars?", "小猪|野猪|猪"),
    Kind.PANDA: (r"(?:giant |baby )?pandas?", "大熊猫|熊猫|大猫熊|猫熊"),
    Kind.BEAR: (
        r"(?:brown |black |polar |grizzly )?bears?|grizzl(?:y|ies)",
        "北极熊|棕熊|台湾黑熊|黑熊|灰熊|白熊|狗熊|熊",
    ),
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
    Kind.SEA_TURTLE: (
        r"(?:green )?sea turtles?",
        "海龟|绿蠵龟|玳瑁",
    ),
    Kind.TURTLE: (r"turtles?|tortoises?", "乌龟|陆龟|象龟|龟"),
    Kind.FROG: (r"frogs?|toads?", "青蛙|蟾蜍|蛙"),
    Kind.SNAKE: (r"snakes?|pythons?|cobras?", "蟒蛇|小蛇|毒蛇|蛇"),
    Kind.PENGUIN: (r"penguins?", "企鹅"),
    Kind.ROOSTER: (r"roosters?|cockerels?|hens?|chickens?", "公鸡|母鸡|小鸡|雄鸡"),
    Kind.WADER: (r"flamingo(?:e?s)?|herons?|egrets?|storks?|crane(?= (?:standing|wading|stands|wades|"
        r"in))", "火烈鸟|红鹤|白鹭鸶|白鹭|鹭鸶|苍鹭|仙鹤|丹顶鹤|白鹤|白鹳|鹳"),
    Kind.SWAN: (r"swans?", "天鹅"),
    Kind.DUCK: (r"ducks?|ducklings?|mallards?", "鸭子|小鸭|野鸭|鸳鸯|鸭"),
    Kind.BALD_EAGLE: (
        r"bald eagles?|american eagles?",
        "白头鹰|白头海雕|白头雕",
    ),
    Kind.EAGLE: (
        r"(?:golden |sea )?eagles?|hawks?|falcons?|buzzards?|vultures?|kites?(?= (?:soar|circl|hunt|"
        r"hover)\w*)|birds? of prey",
        "老鹰|苍鹰|猎鹰|金雕|雄鹰|大冠鹫|凤头苍鹰|秃鹰|雕|鹰",
    ),
    Kind.HUMMINGBIRD: (
        r"humming ?birds?",
        "蜂鸟",
    ),
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
        r"birds?|seagulls?|gulls?|crows?|ravens?|swallows?|doves?|pigeons?|cranes|geese|goose|"
        r"sparrows?|robins?|magpies?|starlings?|finch(?:es)?",
        "小鸟|海鸥|燕子|鸽子|大雁|麻雀|喜鹊|乌鸦|蓝鹊|白鸽|候鸟|飞鸟|鸟儿|鸟群|鸟|雁",
    ),
    Kind.DOG: (
        r"dogs?|pupp(?:y|ies)|(?:golden )?retrievers?|huskies|husky|corgis?|hounds?|labradors?|"
        r"beagles?|poodles?|"
        r"(?:german )?shepherd dogs?|german shepherds?|border collies?|collies?|shibas?(?: inus?)?|"
        r"samoyeds?|"
        r"dalmatians?|terriers?|bulldogs?|dachshunds?",
        "小狗|狗狗|金毛犬|金毛|黄金猎犬|拉布拉多|柯基犬|柯基|柴犬|哈士奇|萨摩耶|贵宾犬|流浪狗|黑狗|"
        "白狗|黄狗|土狗|狗|犬",
    ),
    Kind.CAT: (r"cats?|kittens?|kitty", "小猫|猫咪|橘猫|黑猫|白猫|灰猫|虎斑猫|三花猫|花猫|猫"),
    Kind.HORSE: (
        r"horses?|pon(?:y|ies)|stallions?|mares?",
        "马匹|骏马|马儿|白马|黑马|棕马|红马|野马|小马|马群|马",
    ),
    Kind.WHALE: (r"whales?|orcas?", "鲸鱼|座头鲸|蓝鲸|虎鲸|鲸"),
    Kind.FISH: (
        r"fish(?:es)?|koi|salmon|goldfish|clownfish|trout",
        "金鱼|锦鲤|鲤鱼|小鱼|鱼群|热带鱼|鱼",
    ),
}  # fmt: skip

#: People who are drawn as a plain person, without what marks their trade. They are also listed as not drawn.
PLAIN_PEOPLE = (
    r"monks?|king|queen|princess|bride|actress|knights?|samurai|detectives?|musicians?|surfers?|"
    r"explorers?|"
    r"sailors?|wizards?|cowboys?|actors?|workers?|工人|老?师傅|新娘"
)

#: Nouns that contain a word of the vocabulary, but mean something that is not drawn.
OTHER_NOUNS = (
    r"hot dogs?|red pandas?|guinea pigs?|prairie dogs?|flying fox(?:es)?|cat ?fish|"
    r"praying mantis|teddy bears?|gummy bears?|rocking horses?|hobby horses?|robot (?:dogs?|cats?|"
    r"horses?|birds?)|"
    r"snowm[ae]n|paper cranes?|rubber ducks?|sand ?castles?|ice cream (?:trucks?|vans?)|bird ?houses?|"
    r"dog ?houses?|"
    r"bouncy castles?|toy (?:horses?|bears?|lions?)|bird feeders?|horse ?fl(?:y|ies)|lion dances?|"
    r"chess (?:knights?|kings?|queens?)|polar lights|mine ?carts?|shopping carts?|"
    r"(?:electricity|cooling|radio|control|cell) towers?",
    "小熊猫|小猫熊|火山|冰山|假山|机器狗|机器猫|机器人|雪人|马桶|马戏|马拉松|牛奶|牛排|牛仔|牛仔裤|犀牛角|"
    "马铃薯|马赛克|鸭舌帽|"
    "鱼缸|鱼竿|鱼钩|人参|人偶|木马|马蹄|马厩|狗窝|鸟巢|鸟笼|鸡蛋|鸡尾酒|羊肉|羊毛|蛇果|木偶|"
    "稻草人|美人鱼|鱿鱼|甲鱼|"
    "船长|船坞|象棋|桥牌|桥洞|飞碟|飞船|太空船|塔罗|(?<![尔黎])铁塔|电视塔|明珠塔|电塔|沙堡|"
    "庙会|桥墩|人行天桥|恐龙|火龙|鹿角|虎鲸鱼|狮身人面像|"
    "舞狮|熊蜂|鲸落|蟹黄|矿车|推车|手推车|购物车",
)
