"""Words for people and people at work, in English and simplified Chinese; see `subject_words`."""

from __future__ import annotations

from safelight_storyboard.subject_kinds import SubjectKind as Kind

PEOPLE_WORDS: dict[Kind, tuple[str, str]] = {
    Kind.VENDOR: (
        r"(?:street |market |fruit |vegetable |food )?(?:vendors?|hawkers?|peddlers?)|"
        r"stall ?(?:holders?|keepers?|owners?)|green ?grocers?|fruit sellers?|(?:(?:old|elderly|"
        r"young) )?(?:m[ae]n|wom[ae]n|lady|grandmother|grandma|farmers?)(?= sell(?:s|"
        r"ing)? (?:[\w-]+ )?(?:fruits?|vegetables?|oranges|apples|mangoe?s))",
        "小贩|摊贩|商贩|摊主|菜贩|水果贩|(?:阿嬷|阿公|阿婆|奶奶|爷爷|老奶奶|老爷爷|老婆婆|老太太|"
        "老人家|老人|大妈|大婶|大叔|阿姨|妇人|妇女|女人|男人|老板娘|"
        "老板)(?=在?[^，。]{0,8}卖[^，。]{0,4}[果菜瓜蕉橘柑柿])",
    ),
    Kind.NOODLE_MAKER: (
        r"noodle (?:makers?|chefs?|masters?|cooks?)|ramen (?:chefs?|cooks?|masters?)|(?:chefs?|"
        r"cooks?|m[ae]n|wom[ae]n)(?= (?:pull|mak|stretch|cook)(?:s|es|ing)? (?:[\w-]+ )?(?:noodles|"
        r"ramen))",
        "拉面师傅|面点师|面馆师傅|(?:老?师傅|厨师|大厨|厨子)(?=在?[^，。]{0,8}(?:拉面|面条|做面|"
        "煮面|抻面|擀面|下面))",
    ),
    Kind.NURSE: (
        r"nurses?",
        "护士|护理师|护理人员|护理员",
    ),
    Kind.TEA_PICKER: (
        r"tea (?:pickers?|farmers?|growers?)|(?:farmers?|wom[ae]n|workers?|m[ae]n)(?= (?:pick|"
        r"harvest)(?:s|ing)? tea)",
        "茶农|采茶女|采茶工人|采茶工|采茶人|采茶姑娘|(?:农夫|农民|妇女|女人|"
        "姑娘)(?=在?[^，。]{0,6}采茶)",
    ),
    Kind.COURIER: (
        r"couriers?|delivery (?:m[ae]n|wom[ae]n|persons?|people|guys?|drivers?|workers?)|"
        r"parcel (?:m[ae]n|carriers?)",
        "快递员|快递小哥|送货员|宅配员|物流员",
    ),
    Kind.DELIVERY_RIDER: (
        r"(?:food )?delivery (?:riders?|couriers?|cyclists?)|takeaway riders?",
        "外送员|外卖员|外卖骑手|外卖小哥|骑手|送餐员",
    ),
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
        r"post ?(?:m[ae]n|wom[ae]n)|mail ?(?:m[ae]n|carriers?)|letter carriers?",
        "邮递员|邮差",
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
    Kind.DOCTOR: (r"doctors?|surgeons?|physicians?", "医生|医师|大夫"),
    Kind.PAINTER: (r"painters?", "画家"),
    Kind.PHOTOGRAPHER: (r"photographers?", "摄影师"),
    Kind.BUILDER: (
        r"builders?|(?:construction|building) workers?|(?:brick ?lay|ma)(?:ers?|sons?)",
        "建筑工人|建筑工|泥瓦匠|泥水工|砌砖工|瓦工|工地工人",
    ),
    Kind.CARPENTER: (r"carpenters?|woodworkers?", "木匠|木工"),
    Kind.GARDENER: (r"gardeners?", "园丁|花匠"),
    Kind.VIOLINIST: (r"violinists?|fiddlers?", "小提琴手|小提琴家"),
    Kind.GUITARIST: (r"guitarists?|guitar players?", "吉他手"),
    Kind.PIANIST: (r"pianists?|piano players?", "钢琴家|钢琴师"),
    Kind.WAITER: (r"waiters?|waitress(?:es)?", "服务员|侍者"),
    Kind.SWEEPER: (
        r"(?:street )?(?:sweepers?|cleaners?)|janitors?",
        "清洁工人|清洁工|环卫工人|环卫工|清道夫|清洁队员",
    ),
    Kind.POTTER: (r"potters?", "陶艺师|陶匠"),
    Kind.CHEF: (
        r"chefs?|cooks?(?! \w)|bakers?",
        "厨师|大厨|厨子|总铺师|老师傅(?=[^，。]{0,8}(?:煮|炒|做菜|做饭|蒸|烤|厨房|料理))",
    ),
    Kind.DANCER: (r"dancers?|ballerinas?", "舞者|舞蹈家|舞蹈演员|芭蕾"),
    Kind.ASTRONAUT: (r"astronauts?|cosmonauts?", "宇航员|太空人|航天员"),
    Kind.CHILD: (
        r"child|children|kids?|boys?|girls?|toddlers?|grandsons?|granddaughters?|sons?|daughters?|"
        r"bab(?:y|ies)",
        "孩子|儿童|小孩|男孩|女孩|小朋友|孙子|孙女|婴儿|宝宝",
    ),
    Kind.WOMAN: (
        r"(?:(?:old|elderly) )?(?:wom[ae]n|lady|ladies)|mother|grandmothers?|grandma|queen|princess|"
        r"bride|actress",
        "女人|女士|女子|妈妈|奶奶|姑娘|老奶奶|母亲|女性|阿嬷|阿婆|老婆婆|老太太|外婆|祖母|妇女|妇人|"
        "大妈|阿姨|新娘",
    ),
    Kind.PERSON: (
        r"persons?|people|(?:(?:old|elderly) )?m[ae]n|travell?ers?|hikers?|runners?|somebody|"
        r"someone|figures?|workers?|couple|"
        r"friends|crowd|father|grandfathers?|grandpa|grandparents?|parents?|brothers?|sisters?|"
        r"joggers?|wanderers?|adults?|family|strangers?|pedestrians?|"
        r"students?|passengers?|tourists?|neighbou?rs?|commuters?|"
        r"monks?|king|knights?|samurai|detectives?|musicians?|surfers?|explorers?|sailors?|wizards?|"
        r"cowboys?|"
        r"actors?",
        "男人|老人家|老人|老爷爷|行人|人们|男子|旅人|爸爸|爷爷|阿公|外公|祖父|大叔|父亲|学生|游客|"
        "路人|情侣|夫妻|老师傅|师傅|工人|人",
    ),
}  # fmt: skip
