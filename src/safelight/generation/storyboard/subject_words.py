"""Words for subjects, in English and simplified Chinese, and nouns that contain such a word but mean another
thing.

English entries are regular expressions that match whole words. A Chinese word of one character counts only
between characters that cannot form a longer word with it (see `noun_phrases`).
"""

from __future__ import annotations

from safelight.generation.storyboard.subject_kinds import SubjectKind as Kind

#: The more special a word, the earlier its entry: the first entry that matches a place in the prompt wins.
KINDS: dict[Kind, tuple[str, str]] = {
    Kind.WELDER: (r"welders?", "焊工|电焊工"),
    Kind.BARBER: (r"barbers?|hair ?dressers?|hair ?stylists?", "理发师|美发师|剃头匠|发型师"),
    Kind.MINER: (r"(?:coal |gold )?miners?", "矿工"),
    Kind.LUMBERJACK: (r"lumber ?jacks?|wood ?cutters?|loggers?", "伐木工人|伐木工|樵夫"),
    Kind.DENTIST: (r"dentists?", "牙医|牙科医生"),
    Kind.VET: (r"vets?|veterinarians?", "兽医"),
    Kind.BARISTA: (r"baristas?", "咖啡师"),
    Kind.BARTENDER: (r"bar ?tenders?|bar ?m[ae]n|bar ?maids?|mixologists?", "调酒师|酒保"),
    Kind.CASHIER: (
        r"cashiers?|shop ?keepers?|shop assistants?|sales ?(?:clerks?|wom[ae]n|m[ae]n)|grocers?",
        "收银员|店员|售货员|老板娘|营业员",
    ),
    Kind.BAKER: (r"bakers?|pastry (?:chefs?|cooks?)", "面包师傅|面包师|糕点师|烘焙师"),
    Kind.BUTCHER: (r"butchers?", "肉贩|屠夫|卖肉的"),
    Kind.FLORIST: (r"florists?|flower sellers?", "花店老板|花店店员|花艺师|卖花人|卖花姑娘"),
    Kind.PHARMACIST: (
        r"pharmacists?|chemists?(?= in (?:a|the|her|his) (?:pharmacy|shop))|druggists?",
        "药剂师|药师",
    ),
    Kind.SCIENTIST: (
        r"(?:\w+ )?scientists?|chemists?|biologists?|physicists?|lab(?:oratory)? (?:technicians?|"
        r"workers?|assistants?)|researchers?",
        "科学家|化学家|研究员|实验员|生物学家",
    ),
    Kind.TAILOR: (r"tailors?|seamstress(?:es)?|dress ?makers?", "裁缝师傅|裁缝|缝纫工"),
    Kind.COBBLER: (r"cobblers?|shoe ?makers?|shoe ?menders?", "修鞋匠|鞋匠|补鞋匠"),
    Kind.POSTMAN: (
        r"post ?(?:m[ae]n|wom[ae]n)|mail ?(?:m[ae]n|carriers?)|letter carriers?|couriers?",
        "邮递员|邮差|快递员",
    ),
    Kind.POLICE_OFFICER: (
        r"police ?(?:officers?|m[ae]n|wom[ae]n)|traffic (?:police|cops?|wardens?)",
        "警察|交警|警员|民警",
    ),
    Kind.ELECTRICIAN: (r"electricians?|line(?:sm[ae]n|m[ae]n)", "电工|水电工"),
    Kind.PLUMBER: (r"plumbers?", "水管工|管道工"),
    Kind.WINDOW_CLEANER: (r"window (?:cleaners?|washers?)", "擦窗工人|擦窗工|洗窗工人"),
    Kind.HOUSE_PAINTER: (
        r"(?:house |wall )painters?(?! at an easel)|decorators?",
        "油漆工人|油漆工|粉刷工人|粉刷工",
    ),
    Kind.OFFICE_WORKER: (
        r"(?:computer )?programmers?|software (?:engineers?|developers?)|coders?|office (?:workers?|"
        r"clerks?)|secretar(?:y|ies)|accountants?|typists?|journalists?|writers?|novelists?|"
        r"receptionists?",
        "程序员|上班族|秘书|会计|记者|作家|办公室职员|职员|白领",
    ),
    Kind.JUDGE: (r"judges?", "法官"),
    Kind.CONDUCTOR: (r"(?:orchestra )?conductors?", "指挥家|乐队指挥"),
    Kind.DRUMMER: (r"drummers?", "鼓手"),
    Kind.SCULPTOR: (r"sculptors?|stone ?(?:masons?|carvers?)", "雕塑家|雕刻家|雕刻师|石匠"),
    Kind.BEEKEEPER: (r"bee ?keepers?", "养蜂人"),
    Kind.SHEPHERD: (r"shepherds?(?! dogs?)|shepherdess(?:es)?|goat ?herds?", "牧羊人|牧羊女"),
    Kind.LIBRARIAN: (r"librarians?", "图书管理员|图书馆员"),
    Kind.RICE_FARMER: (
        r"(?:rice )?farmers?(?= plant(?:s|ing)? rice)|rice farmers?",
        "农夫(?=在?[^，。]{0,4}插秧)|农民(?=在?[^，。]{0,4}插秧)",
    ),
    Kind.FIREFIGHTER: (r"fire ?fighters?|firem[ae]n", "消防员|消防队员"),
    Kind.BLACKSMITH: (r"blacksmiths?|smiths?", "铁匠"),
    Kind.FISHERMAN: (r"fisherm[ae]n|anglers?", "渔夫|渔民"),
    Kind.FARMER: (r"farmers?|peasants?", "农夫|农民|老农"),
    Kind.TEACHER: (r"teachers?|professors?|lecturers?", "老师|教师|教授"),
    Kind.DOCTOR: (r"doctors?|nurses?|surgeons?|physicians?", "医生|医师|护士|护理师|护理人员|大夫"),
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
    Kind.DANCER: (r"dancers?|ballerinas?", "舞者|舞蹈家|舞蹈演员|芭蕾"),
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
    Kind.CRANE: (r"(?:construction|tower|building) cranes?", "塔吊|起重机|吊车|塔式起重机"),
    Kind.TREEHOUSE: (r"tree ?houses?", "树屋"),
    Kind.WATER_TOWER: (r"water ?towers?", "水塔"),
    Kind.GREENHOUSE: (r"green ?houses?|glass ?houses?|hot ?houses?", "温室|花房"),
    Kind.PETROL_STATION: (r"(?:petrol|gas|filling|service|fuel) stations?", "加油站"),
    Kind.STATION: (
        r"(?:train|railway|railroad|tube|metro|subway|tram) stations?|stations?",
        "火车站|高铁站|地铁站|车站|捷运站",
    ),
    Kind.SCHOOL: (
        r"schools?|school ?houses?|kindergartens?|universit(?:y|ies)|college buildings?",
        "学校|小学|中学|大学|幼儿园|校舍|教学楼",
    ),
    Kind.HOSPITAL: (r"hospitals?(?! (?:corridor|room|bed|ward))|clinics?", "医院|诊所|卫生所"),
    Kind.FACTORY: (
        r"factor(?:y|ies)|power (?:plants?|stations?)|mills?|industrial plants?",
        "工厂|厂房|发电厂",
    ),
    Kind.SKYSCRAPER: (
        r"(?:glass )?skyscrapers?(?! (?:of|in) (?:the )?background)|office towers?|high-?rises?",
        "摩天大楼|摩天楼|高楼大厦|大厦",
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
        "商店|小店|面包店|书店|花店|杂货店|便利店|咖啡店|咖啡馆|餐馆|餐厅|茶馆|店铺",
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
    Kind.FIRE_ENGINE: (r"fire (?:engines?|trucks?)", "消防车"),
    Kind.BUS: (r"(?:school |city |double-decker )?bus(?:es)?|coach(?:es)?",
        "公交车|公车|公共汽车|游览车|巴士|大巴|校车|客车"),
    Kind.TRAM: (r"trams?|trolleys?|streetcars?|trolley cars?", "电车|有轨电车"),
    Kind.TRUCK: (r"(?:delivery )?(?:trucks?|lorry|lorries|vans?)", "卡车|货车"),
    Kind.TRACTOR: (r"tractors?", "拖拉机"),
    Kind.MOTORCYCLE: (r"motor ?(?:cycles?|bikes?)|motorcyclists?|mopeds?", "摩托车|机车|摩托"),
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
    Kind.STEAM_TRAIN: (r"steam (?:trains?|locomotives?|engines?)", "蒸汽火车|蒸汽机车"),
    Kind.TRAIN: (r"trains?|locomotives?|railway|subway", "火车|列车|高铁|地铁|捷运|动车"),
    Kind.CAR: (r"cars?|taxis?|cabs?|convertibles?|automobiles?",
        "汽车|轿车|出租车|跑车|小汽车|计程车|的士|赛车"),
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
    r"hot dogs?|guinea pigs?|prairie dogs?|flying fox(?:es)?|cat ?fish|"
    r"praying mantis|teddy bears?|gummy bears?|rocking horses?|hobby horses?|robot (?:dogs?|cats?|"
    r"horses?|birds?)|"
    r"snowm[ae]n|paper cranes?|rubber ducks?|sand ?castles?|ice cream (?:trucks?|vans?)|bird ?houses?|"
    r"dog ?houses?|"
    r"bouncy castles?|toy (?:horses?|bears?|lions?)|bird feeders?|horse ?fl(?:y|ies)|lion dances?|"
    r"chess (?:knights?|kings?|queens?)|polar lights|mine ?carts?|shopping carts?|"
    r"(?:electricity|cooling|radio|eiffel|control|cell) towers?",
    "火山|冰山|假山|机器狗|机器猫|机器人|雪人|马桶|马戏|马拉松|牛奶|牛排|牛仔|牛仔裤|犀牛角|马铃薯|马赛克|鸭舌帽|"
    "鱼缸|鱼竿|鱼钩|人参|人偶|木马|马蹄|马厩|狗窝|鸟巢|鸟笼|鸡蛋|鸡尾酒|羊肉|羊毛|蛇果|木偶|稻草人|美人鱼|鱿鱼|甲鱼|"
    "船长|船坞|象棋|桥牌|桥洞|飞碟|飞船|太空船|塔罗|铁塔|埃菲尔铁塔|沙堡|恐龙|火龙|龙舟|鹿角|虎鲸鱼|狮身人面像|"
    "舞狮|熊蜂|鲸落|蟹黄|矿车|推车|手推车|购物车",
)
