"""Ways to disguise a prompt from a word filter so that a patient reader or a model still understands it."""

from __future__ import annotations

import base64
import bisect
import json
import random
import re
import unicodedata
from collections.abc import Callable

Disguise = Callable[[str, random.Random], str]
#: what a trick changes at a time: a sign, a Latin word, a Chinese character, a longer word or Chinese phrase
SIGN, WORD, HAN, PIECE = r"[^\W_]", "[A-Za-z]+", "[\u3400-\u9fff]", "[A-Za-z]{3,}|[\u3400-\u9fff]{1,4}"
LOW = "abcdefghijklmnopqrstuvwxyz"

# ---- tables: Chinese

#: first character of each pinyin syllable: the first level of GB 2312 is sorted by reading
_ANCHORS = (
    "a啊 ai埃 an鞍 ang肮 ao凹 ba芭 bai白 ban斑 bang邦 bao苞 bei杯 ben奔 beng崩 bi逼 bian鞭 biao标 bie鳖 bin彬 bing兵 bo玻 bu哺 "
    "ca擦 cai猜 can餐 cang苍 cao操 ce厕 ceng层 cha插 chai拆 chan搀 chang昌 chao超 che车 chen郴 cheng撑 chi吃 chong充 chou抽 "
    "chu初 chuai揣 chuan川 chuang疮 chui吹 chun春 chuo戳 ci疵 cong聪 cou凑 cu粗 cuan蹿 cui摧 cun村 cuo磋 da搭 dai呆 dan耽 "
    "dang当 dao刀 de德 deng蹬 di堤 dian颠 diao碉 die跌 ding丁 diu丢 dong东 dou兜 du都 duan端 dui堆 dun墩 duo掇 e蛾 en恩 er而 "
    "fa发 fan藩 fang坊 fei菲 fen芬 feng丰 fo佛 fou否 fu夫 ga噶 gai该 gan干 gang冈 gao篙 ge哥 gei给 gen根 geng耕 gong工 gou钩 "
    "gu辜 gua刮 guai乖 guan棺 guang光 gui瑰 gun辊 guo锅 ha哈 hai骸 han酣 hang夯 hao壕 he呵 hei嘿 hen痕 heng哼 hong轰 hou喉 hu呼 "
    "hua花 huai槐 huan欢 huang荒 hui灰 hun荤 huo豁 ji击 jia嘉 jian歼 jiang僵 jiao蕉 jie揭 jin巾 jing荆 jiong炯 jiu揪 ju鞠 "
    "juan捐 jue撅 jun均 ka喀 kai开 kan刊 kang康 kao考 ke坷 ken肯 keng坑 kong空 kou抠 ku枯 kua夸 kuai块 kuan宽 kuang匡 kui亏 "
    "kun坤 kuo括 la垃 lai莱 lan蓝 lang琅 lao捞 le勒 lei雷 leng棱 li厘 lia俩 lian联 liang粮 liao撩 lie列 lin琳 ling玲 liu溜 "
    "long龙 lou楼 lu芦 lv驴 luan峦 lue掠 lun抡 luo萝 ma妈 mai埋 man瞒 mang芒 mao猫 me么 mei玫 men门 meng萌 mi眯 mian棉 miao苗 "
    "mie蔑 min民 ming明 miu谬 mo摸 mou谋 mu拇 na拿 nai氖 nan南 nang囊 nao挠 ne呢 nei馁 nen嫩 neng能 ni妮 nian蔫 niang娘 niao鸟 "
    "nie捏 nin您 ning柠 niu牛 nong脓 nu奴 nv女 nuan暖 nue虐 nuo挪 o哦 ou欧 pa啪 pai拍 pan攀 pang乓 pao抛 pei呸 pen喷 peng砰 pi坯 "
    "pian篇 piao飘 pie撇 pin拼 ping乒 po坡 pu扑 qi期 qia掐 qian牵 qiang枪 qiao橇 qie切 qin钦 qing青 qiong琼 qiu秋 qu趋 quan圈 "
    "que缺 qun裙 ran然 rang瓤 rao饶 re惹 ren壬 reng扔 ri日 rong戎 rou揉 ru茹 ruan软 rui蕊 run闰 ruo若 sa撒 sai腮 san三 sang桑 "
    "sao搔 se瑟 sen森 seng僧 sha莎 shai筛 shan珊 shang墒 shao梢 she奢 shen砷 sheng声 shi师 shou收 shu蔬 shua刷 shuai摔 "
    "shuan栓 shuang霜 shui谁 shun吮 shuo说 si斯 song松 sou搜 su嗽 suan酸 sui虽 sun孙 suo蓑 ta塌 tai胎 tan坍 tang汤 tao掏 te特 "
    "teng藤 ti梯 tian天 tiao挑 tie贴 ting厅 tong通 tou偷 tu凸 tuan湍 tui推 tun吞 tuo拖 wa挖 wai歪 wan豌 wang汪 wei威 wen瘟 "
    "weng嗡 wo挝 wu巫 xi昔 xia瞎 xian掀 xiang相 xiao萧 xie楔 xin薪 xing星 xiong兄 xiu休 xu墟 xuan轩 xue靴 xun勋 ya压 yan焉 "
    "yang殃 yao邀 ye椰 yi一 yin茵 ying英 yo哟 yong拥 you幽 yu淤 yuan鸳 yue曰 yun耘 za匝 zai栽 zan咱 zang赃 zao遭 ze责 zei贼 "
    "zen怎 zeng增 zha扎 zhai摘 zhan瞻 zhang樟 zhao招 zhe遮 zhen珍 zheng蒸 zhi芝 zhong中 zhou舟 zhu珠 zhua抓 zhuai拽 zhuan专 "
    "zhuang桩 zhui椎 zhun谆 zhuo捉 zi兹 zong鬃 zou邹 zu租 zuan钻 zui嘴 zun尊 zuo昨"
)
_NAMES = [entry[:-1] for entry in _ANCHORS.split()]
_STARTS = [int.from_bytes(entry[-1].encode("gb2312"), "big") for entry in _ANCHORS.split()]
#: readings that the sorted table gives otherwise, and frequent characters outside of it
_READ = dict(
    zip(
        "了着地还没行重都长得喵嗨", "le zhe de hai mei xing zhong dou chang de miao hai".split(), strict=False
    )
)
_PAIRS = (  # traditional, simplified
    "著着個个們们這这來来說说時时會会國国過过對对開开動动後后現现還还樣样經经頭头從从長长點点見见兩两關关門门問问間间車车馬马鳥鸟魚鱼龍龙風风飛飞雲云電电燈灯紅红綠绿藍蓝黃黄銀银鐵铁鐘钟錢钱鏡镜臉脸髮发發发裡里裏里"
    "與与為为無无書书畫画話话語语讀读寫写學学師师醫医員员兒儿孫孙媽妈爺爷婦妇親亲愛爱歡欢樂乐氣气熱热涼凉濕湿乾干淨净東东隻只雙双條条張张歲岁幾几萬万億亿數数寬宽遠远邊边處处場场廣广園园橋桥樓楼樹树葉叶蘋苹麵面"
    "飯饭湯汤雞鸡鴨鸭鵝鹅貓猫豬猪獅狮蟲虫貝贝鯨鲸機机槍枪劍剑彈弹戰战鬥斗擊击殺杀傷伤術术戲戏劇剧聲声響响聽听覺觉認认識识讓让請请謝谢誰谁談谈論论課课誌志記记許许該该調调變变讚赞賽赛買买賣卖費费貴贵質质資资賓宾"
    "貨货貼贴頁页項项順顺預预領领題题顏颜願愿類类顯显頻频飄飘餓饿館馆騎骑駕驾驚惊體体髒脏鬆松黨党齊齐齒齿龜龟牽牵給给絲丝線线細细終终結结紙纸級级練练續续總总維维編编緊紧縮缩繩绳繪绘織织羅罗義义習习聖圣聯联職职"
    "腦脑腳脚膚肤膽胆臟脏舊旧艦舰藝艺藥药蘭兰衛卫衝冲補补裝装褲裤襯衬複复製制計计訂订設设訪访評评試试詩诗詳详誠诚誤误講讲證证護护軍军軟软輕轻較较載载輛辆輪轮轉转農农運运達达違违選选遲迟適适遊游連连進进邏逻鄉乡"
    "鄰邻釘钉針针鈴铃鋼钢錄录鍋锅鎖锁閃闪閉闭閱阅陽阳陰阴陣阵際际隊队階阶隨随險险隱隐雖虽離离難难霧雾靜静韓韩頂顶倉仓側侧偉伟備备傘伞傳传債债僅仅價价儀仪優优冊册凍冻劉刘則则創创剛刚務务勝胜勞劳勢势區区協协單单"
    "卻却厲厉參参吳吴嗎吗嘆叹嚴严圍围圖图團团執执報报塊块塵尘墻墙壓压壞坏壯壮夢梦夾夹奪夺奮奋妝妆娛娱寶宝實实審审導导將将專专尋寻屬属層层島岛嶺岭帥帅帶带帳帐幣币幫帮庫库廚厨廟庙廳厅彎弯歸归徑径復复徵征恆恒悅悦"
    "慶庆態态慘惨憂忧應应懷怀戀恋戶户拋抛掃扫掛挂採采揚扬換换損损搖摇搶抢擁拥擇择擔担據据擠挤擺摆攝摄攤摊敗败敵敌晉晋暫暂曉晓曬晒極极構构榮荣槳桨標标歐欧殘残毀毁決决沒没況况淚泪淺浅減减溝沟溫温滅灭滿满漁渔漢汉"
    "潔洁潑泼濃浓灑洒灣湾災灾煙烟煩烦燒烧營营爐炉爭争牆墙狀状獨独獵猎獻献環环產产畢毕異异當当瘋疯療疗皺皱盜盗盡尽監监盤盘礎础禮礼禍祸種种稱称穩稳窮穷競竞筆笔節节範范築筑簡简籃篮籠笼糧粮紛纷純纯納纳"
)
_TO_SIMPLE = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=False))
_TO_OLD = dict(zip(_PAIRS[::-1][::2], _PAIRS[::-1][1::2], strict=False))
_TONES = (  # frequent characters of the first, second, third and fourth tone
    "一三七八他她它天生多高开山出工中东西边衣书车飞花家街刚真金新清青光交声师教听心星春秋冬空风灯高江湾刀杯窗猫鸡虾鹰歌吃喝穿说丢推拉敲拍婴滩哭飘烟灰黑枪兵军公司机妈爸哥姑孙双身胸腰包丝巾衫森沙孤阴昏深温宽粗轻"
    "先初今分间方追杀伤烧偷脱亲摸牵",
    "人男儿头鞋红黄蓝白河湖桥楼门船球绳旗鱼牛羊龙熊狼猴蝴和从来回连明晴云云雷时年前旁圆长拿提爬游骑牙服能床脖裙袍厨房房园林田泥石城岩泉河洋潮炉床台屏谁什么没还除随于同为停传学习读谈迎玩陪贫钱强柔甜咸凉团群情神"
    "魔婆爷娘童孩孩皮肥其",
    "我你有里水火雨马狗鸟海草手脚眼脸耳嘴很好小老两九五百点走跑左起请写打找许手女子主美丑暖冷早晚北古友伞纸笔酒果米饼椅碗表赶躲闪举捧指咬品洗买躺倒转选等喜苦满浅紧软短矮远久以可把使给与比鬼影景井岛岭演武舞少姐"
    "奶母祖伙总想敢感所口反",
    "二四六个大下上是这那在到过去又外后右近跳日月夜地路树叶木面饭菜帽裤袜镜箭剑炮弹爱笑坐站看见望叫唱画动慢快静亮暗热绿紫色旧坏胖瘦太要会用作做对向进入落地放抱带挂送卖弄试看问念记认护救骂恨怒怕胜败战阵队士弟妹"
    "父妇客众命病药肉血梦睡雾汽电线镇市店院",
)
_TONE_OF = {char: tone for tone, chars in enumerate(_TONES, 1) for char in chars}
_PARTS = {
    entry[0]: entry[1:]
    for entry in (  # a character and its visible parts
        "好女子 明日月 林木木 森木木木 男田力 休亻木 体亻本 们亻门 他亻也 她女也 妈女马 姐女且 妹女未 娘女良 妇女彐 婴贝贝女 孩子亥 你亻尔 伞人丨 位亻立 住亻主 信亻言 像亻象 天一大 太大丶 "
        "红纟工 绿纟录 线纟戋 蓝艹监 草艹早 花艹化 苹艹平 菜艹采 茶艹人木 海氵每 河氵可 湖氵胡 江氵工 沙氵少 洗氵先 游氵方子 泪氵目 酒氵酉 深氵罙 漂氵票 清氵青 满氵艹两 雪雨彐 雷雨田 雾雨务 "
        "云二厶 晴日青 时日寸 早日十 春三人日 晚日免 暖日爰 桥木乔 树木对 杯木不 枪木仓 椅木奇 楼木娄 打扌丁 抱扌包 拉扌立 推扌隹 拿合手 找扌戈 把扌巴 拍扌白 提扌是 抢扌仓 握扌屋 挂扌圭 "
        "跑足包 跳足兆 路足各 踢足易 吃口乞 喝口曷 叫口丩 唱口昌 听口斤 哭口口犬 吹口欠 咬口交 嘴口觜 吗口马 回口口 国囗玉 园囗元 困囗木 狗犭句 猫犭苗 狼犭良 猴犭侯 鸡又鸟 鸭甲鸟 蝴虫胡 "
        "牵大冖牛 穿穴牙 空穴工 突穴犬 窗穴囱 家宀豕 安宀女 宝宀玉 客宀各 衬衤寸 衫衤彡 裙衤君 裤衤库 袍衤包 初衤刀 被衤皮 说讠兑 话讠舌 读讠卖 请讠青 谁讠隹 记讠己 认讠人 让讠上 铁钅失 "
        "银钅艮 钟钅中 钱钅戋 镜钅竟 剑佥刂 到至刂 别另刂 刚冈刂 利禾刂 动云力 歌哥欠 欢又欠 对又寸 双又又 友又𠂇 鲜鱼羊 美羊大 着羊目 看手目 眼目艮 睡目垂 睛目青 相木目 想相心 思田心 "
        "念今心 怒奴心 悲非心 快忄夬 情忄青 怕忄白 恨忄艮 烧火尧 灯火丁 炉火户 烟火因 热执灬 黑里灬 照昭灬 灰ナ火 这文辶 过寸辶 远元辶 连车辶 送关辶 道首辶 病疒丙 疯疒风 床广木 房户方 "
        "门门字 闪门人 问门口 闻门耳 冰冫水 冲冫中 都者阝 阳阝日 阴阝月 队阝人 院阝完 地土也 城土成 坐人人土 坏土不 墙土啬 块土夬 岩山石 岛鸟山 脸月佥 脚月却 腿月退 胖月半 肥月巴 胸月匈 "
        "脱月兑 朋月月 服月𠬝 背北月 骑马奇 驾加马 骂口口马 飘票风 顶丁页 头斗丶丶 新亲斤 放方攵 救求攵 杀乂木 死歹匕 血丿皿 盆分皿 武戈止 战占戈 伤亻力 砍石欠 破石皮 弹弓单 张弓长 强弓虽 "
        "老耂匕 者耂日 名夕口 外夕卜 多夕夕 少小丿 尖小大 分八刀 公八厶"
    ).split()
}
_TWINS = {
    unicodedata.normalize("NFKC", chr(code)): chr(code)
    for code in (*range(0x2F800, 0x2FA1E), *range(0xF900, 0xFADA), *range(0x2E80, 0x2FD6))
    if unicodedata.normalize("NFKC", chr(code)) != chr(code)
}

# ---- tables: English and both

_WORDS = tuple(
    row.split()
    for row in (  # English, Spanish, German, Russian, Japanese, Chinese
        "man hombre Mann мужчина 男性 男人|woman mujer Frau женщина 女性 女人|girl chica Mädchen девушка 少女 女孩|red rojo "
        "rot красный 赤い 红|blue azul blau синий 青い 蓝|green verde grün зелёный 緑の 绿|black negro schwarz чёрный 黒い "
        "黑|white blanco weiß белый 白い 白|coat abrigo Mantel пальто コート 外套|dress vestido Kleid платье ドレス 裙子|walk "
        "caminar gehen идти 歩く 走|run correr rennen бежать 走る 跑|dog perro Hund собака 犬 狗|bridge puente Brücke "
        "мост 橋 桥|rain lluvia Regen дождь 雨 雨|snow nieve Schnee снег 雪 雪|fire fuego Feuer огонь 火 火|water agua "
        "Wasser вода 水 水|blood sangre Blut кровь 血 血|body cuerpo Körper тело 体 身体|hand mano Hand рука 手 手|face "
        "cara Gesicht лицо 顔 脸|eye ojo Auge глаз 目 眼睛|hair pelo Haar волосы 髪 头发|kiss beso Kuss поцелуй キス 吻|"
        "fight pelea Kampf драка 喧嘩 打架|gun pistola Gewehr пистолет 銃 枪|knife cuchillo Messer нож ナイフ 刀|kill "
        "matar töten убить 殺す 杀|dead muerto tot мёртвый 死んだ 死|big grande groß большой 大きい 大|old viejo alt "
        "старый 古い 老|hold sostener halten держать 持つ 牵着|eat comer essen есть 食べる 吃|night noche Nacht ночь 夜 晚上|"
        "camera cámara Kamera камера カメラ 镜头|across cruzando über через 渡って 过|with con mit с と 和|without sin "
        "ohne без なしで 没有"
    ).split("|")
)
_ENGLISH = {row[0]: row for row in _WORDS}
_CHINESE = {row[5]: row for row in sorted(_WORDS, key=lambda row: -len(row[5]))}
_EMOJI = {
    word: row[-1]
    for row in (
        entry.split()
        for entry in (
            "man 男人 🧔|woman 女人 👩|girl 女孩 👧|boy 男孩 👦|person 人 🧍|child 孩子 🧒|baby 婴儿 👶|dog 狗 🐕|cat 猫 🐈|horse 马 🐎|bird "
            "鸟 🐦|fish 鱼 🐟|walk 走 🚶|run 跑 🏃|rain 雨 🌧️|snow 雪 ❄️|fire 火 🔥|water 水 💧|bridge 桥 🌉|house 房子 🏠|car 车 🚗|"
            "tree 树 🌳|night 夜 🌃|sun 太阳 ☀️|moon 月 🌙|red 红 🟥|blue 蓝 🟦|green 绿 🟩|black 黑 ⬛|white 白 ⬜|coat 衣服 🧥|dress "
            "裙子 👗|shoe 鞋 👞|hand 手 ✋|eye 眼 👁️|mouth 嘴 👄|blood 血 🩸|kiss 吻 💋|love 爱 ❤️|fight 打 🤜|gun 枪 🔫|knife 刀 🔪|"
            "kill 杀 ☠️|dead 死 💀|bed 床 🛏️|sleep 睡 😴|cry 哭 😭|laugh 笑 😂|sea 海 🌊|camera 镜头 🎥|video 视频 🎬|beach 沙滩 🏖️|"
            "party 聚会 🎉|food 饭 🍲|beer 酒 🍺|money 钱 💰|drug 药 💊|bomb 炸弹 💣"
        ).split("|")
    )
    for word in row[:-1]
}
_HARMLESS: dict[str, list[str]] = {}
for _word in (
    "apple amber autumn butter basket breeze candle carpet copper daisy dinner dragonfly eagle easel echo "
    "feather forest fiddle garden ginger glacier harbour hazel honey island ivory iris jasmine jigsaw "
    "juniper kettle kite koala lantern lemon lily maple meadow mitten nutmeg north nectar olive orchard "
    "otter pepper pillow plum quartz quilt quiet raisin river ribbon saddle spring silver teapot tulip "
    "timber umbrella upland uncle velvet valley violin walnut willow winter xylophone xenon yellow yarn "
    "yoghurt zebra zephyr zinc"
).split():
    _HARMLESS.setdefault(_word[0], []).append(_word)

# ---- helpers


def _each(shown: str, unit: str, change: Callable[[str, random.Random], str], before: str = "") -> Disguise:
    """A disguise that changes every unit of the text by itself; `shown` becomes its docstring."""

    def disguise(text: str, rng: random.Random) -> str:
        return before + re.sub(unit, lambda hit: change(hit[0], rng), text).strip(" ")

    disguise.__doc__ = shown
    return disguise


def _letters(shown: str, target: str, before: str = "", source: str = LOW) -> Disguise:
    """A disguise that exchanges letters by a table (pieces separated by spaces, or single characters)."""
    table = _table(source, target)
    return _each(shown, r"(?s).+", lambda text, rng: text.lower().translate(table), before)


def _spelled(shown: str, names: str, joint: str, between: str, before: str = "") -> Disguise:
    """A disguise that writes a longer name for every letter."""
    table = {**{digit: "#" + digit for digit in "0123456789"}, **dict(zip(LOW, names.split(), strict=False))}
    return _each(
        shown,
        r"(?s).+",
        lambda text, rng: between.join(
            joint.join(table.get(char, char) for char in word) for word in text.lower().split()
        ),
        before,
    )


def _table(source: str, target: str) -> dict[int, str]:
    return {
        ord(char): piece
        for char, piece in zip(source, target.split() if " " in target else target, strict=False)
    }


def _rewrite(word: str, rules: str) -> str:
    """Apply rules 'old>new' in their order."""
    for rule in rules.split():
        old, new = rule.split(">", 1)
        word = re.sub(old, new, word)
    return word


def _chinese(text: str) -> bool:
    return re.search(HAN, text) is not None


def _say(text: str, english: str, chinese: str) -> str:
    return chinese if _chinese(text) else english


def _snips(text: str, rng: random.Random) -> list[str]:
    """The text cut in snippets: one Chinese character or one or two other characters each."""
    return [
        piece
        for part in re.findall("(?s)[\u3400-\u9fff]|[^\u3400-\u9fff]{1,2}", text)
        for piece in (part if rng.random() < 0.3 else [part])
    ]


def _blocks(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _b64(piece: str, coding: str = "utf-8") -> str:
    return base64.b64encode(piece.encode(coding)).decode()


def _plain(char: str) -> str:
    return _TO_SIMPLE.get(char, char)


def _tone(char: str) -> int:
    return _TONE_OF.get(_plain(char), 5)


def _pinyin(char: str) -> str:
    """The reading without tone, or the character itself where no table has it."""
    char = _plain(char)
    code = int.from_bytes(char.encode("gb2312", "ignore"), "big")
    listed = _NAMES[bisect.bisect_right(_STARTS, code) - 1] if 0xB0A1 <= code < 0xD7FA else char
    return _READ.get(char, listed)


def _marked(char: str, rng: random.Random) -> str:
    """The reading with its tone mark, as far as the table knows the tone."""
    reading, tone = _pinyin(char), _tone(char)
    if tone == 5 or _chinese(reading):
        return reading + " "
    spots = [reading.find(vowel) for vowel in ("a", "e", "ou") if vowel in reading]
    spot = spots[0] if spots else max(reading.rfind(vowel) for vowel in "iouv")
    marked = reading[: spot + 1] + "\u0304\u0301\u030c\u0300"[tone - 1] + reading[spot + 1 :]
    return unicodedata.normalize("NFC", marked.replace("v", "u\u0308")) + " "


def _sound(reading: str) -> tuple[str, str]:
    """Initial and full final ('' and 'iou' for 'you', 'zh' and '' for 'zhi')."""
    hit = re.fullmatch("(zh|ch|sh|[bpmfdtnlgkhjqxrzcs]?)(.*)", reading)
    first, last = (hit[1], hit[2]) if hit else ("", reading)
    if not first:
        last = _rewrite(last, "^yu(?=$|e|a|n)>v ^yi>i ^you>iou ^wu>u ^wei>uei ^wen>uen ^y>i ^w>u")
    elif first in ("j", "q", "x") and last.startswith("u"):
        last = "v" + last[1:]
    elif first in ("zh", "ch", "sh", "r", "z", "c", "s") and last == "i":
        last = ""
    return first, _rewrite(last, "^iu$>iou ^ui$>uei ^un$>uen ^ue$>ve")


_BY_READING: dict[str, list[str]] = {}
_BY_SOUND: dict[tuple[int, str], list[str]] = {}
for _code in range(0xB0A1, 0xD7FA):
    _char = _code.to_bytes(2, "big").decode("gb2312", "ignore")
    if len(_char) == 1:
        _BY_READING.setdefault(_pinyin(_char), []).append(_char)
for _char in "".join(_TONES):
    for _spot, _part in enumerate(_sound(_pinyin(_char))):
        _BY_SOUND.setdefault((_spot, _part), []).append(_char)
_STARTERS = "b p m f d t n l g k h j q x zh ch sh r z c s".split()
_ENDERS = (
    "a o e ie ai ei ao ou an en ang eng er i u v ia iao iou ian in iang ing io ua uo uai uei uan "
    "uen uang ong ueng ve van vn iong"
).split()
_BOPOMOFO = dict(zip(_STARTERS, "ㄅㄆㄇㄈㄉㄊㄋㄌㄍㄎㄏㄐㄑㄒㄓㄔㄕㄖㄗㄘㄙ", strict=False))
_BOPOMOFO_END = dict(
    zip(
        _ENDERS,
        (
            "ㄚ ㄛ ㄜ ㄧㄝ ㄞ ㄟ ㄠ ㄡ ㄢ ㄣ ㄤ ㄥ ㄦ ㄧ ㄨ ㄩ ㄧㄚ ㄧㄠ ㄧㄡ ㄧㄢ ㄧㄣ ㄧㄤ ㄧㄥ ㄧㄛ ㄨㄚ ㄨㄛ ㄨㄞ ㄨㄟ ㄨㄢ ㄨㄣ ㄨㄤ "
            "ㄨㄥ ㄨㄥ ㄩㄝ ㄩㄢ ㄩㄣ ㄩㄥ"
        ).split(),
        strict=False,
    )
)
_HANGUL_END = dict(
    zip(
        _ENDERS,
        (
            "아 오 어 예 아이 에이 아오 어우 안 언 앙 엉 얼 이 우 위 야 야오 유 옌 인 양 잉 요 와 워 와이 웨이 완 운 왕 웅 웡 웨 위안 윈 용"
        ).split(),
        strict=False,
    )
)
_HANGUL_START = dict(
    zip(_STARTERS, b"\7\21\6\21\3\20\2\5\0\17\22\14\16\11\14\16\11\5\15\16\12", strict=False)
)


def _phonetic(char: str) -> str:
    first, last = _sound(_pinyin(char))
    return _BOPOMOFO.get(first, "") + _BOPOMOFO_END.get(last, "") or char


# ---- characters

_CYRILLIC = _table("abcdehijkmnopqrstuvwxyzABCEHIKMOPSTXY", "аЬсԁеһіјкмпорԛгѕтцѵшхуzАВСЕНІКМОРЅТХУ")
_GREEK = _table("abcdeghiklmnoprstuvwxyzABEHIKMNOPTXYZ", "αβϲδεɡηικℓмηορгѕτυνωχγzΑΒΕΗΙΚΜΝΟΡΤΧΥΖ")
_SMALL, _RAISED = _table(LOW, "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡᵡʏᴢ"), _table(LOW, "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖ𐞥ʳˢᵗᵘᵛʷˣʸᶻ")
two_alphabets = _each(
    "Ordinary looking words whose letters are Cyrillic or Greek by turns.",
    WORD,
    lambda word, rng: word.translate(rng.choice((_CYRILLIC, _CYRILLIC, _GREEK))),
)
lisu_capitals = _letters("Capital letters that belong to the Lisu script.", "ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑԚꓣꓢꓔꓴꓦꓪꓫꓬꓜ")
brush_letters = _letters(
    "Chinese strokes that look like Latin capitals.", "卂乃匚刀巳下厶卄工丁长乚从几口尸ҩ尺丂丅凵レ山乂丫乙"
)
drawn_letters = _letters(
    "Letters put together of slashes and brackets.",
    (r"/\ |3 ( |) [- |= (_, |-| ! _| |< |_ |V| |\| () |> ()_ |2 _\~ -|- |_| \/ \/\/ >< `/ ~/_"),
)
stroked_letters = _letters("Letters with bars and hooks, in any normal form.", "ⱥƀȼđɇƒǥħɨɉꝁłᵯƞøᵽɋɍꞩŧʉꝟⱳӿɏƶ")
_MARKS = "\u0301\u0300\u0302\u0308\u030a\u0304\u0323\u0327\u0328\u030c\u0331"
accented = _each(
    "Every letter with one or two accents or dots.",
    "[A-Za-z]",
    lambda char, rng: unicodedata.normalize("NFC", char + "".join(rng.sample(_MARKS, rng.choice((1, 2))))),
)
ringed = _each(
    "Every sign in a ring, a box, or struck through.",
    SIGN,
    lambda char, rng: char + rng.choice("\u20dd\u20de\u20e3\u0336\u0338\u20e0"),
)


def small_and_raised(text: str, rng: random.Random) -> str:
    """Letters by turns as small capitals and as raised letters."""
    return "".join(char.translate(_RAISED if spot % 2 else _SMALL) for spot, char in enumerate(text.lower()))


def scanner_damage(text: str, rng: random.Random) -> str:
    """A badly scanned page: rn for m, cl for d, 1 for l."""
    swaps = dict(zip("mwdhbknoliegsutar", "rn vv cl li lo lc ri 0 1 l c 9 5 ii f ci r".split(), strict=False))
    return "".join(
        swaps.get(char, char) if spot % 3 or rng.random() < 0.5 else char
        for spot, char in enumerate(text.lower())
    )


def twin_characters(text: str, rng: random.Random) -> str:
    """The same characters in compatibility twins, old or simplified shapes, the rest in a ring."""

    def change(hit: re.Match[str]) -> str:
        twins = [table[hit[0]] for table in (_TWINS, _TO_OLD, _TO_SIMPLE) if hit[0] in table]
        return rng.choice(twins) if twins else hit[0] + "\u20dd"

    return re.sub(HAN, change, text)


# ---- invisible

zero_width_dust = _each(
    "The plain text, with zero-width signs between the letters.",
    "(?s).",
    lambda char, rng: char + rng.choice("\u200b\u200c\u200d\u2060\ufeff"),
)
rare_fillers = _each(
    "The plain text, with rare signs of no width: musical, Mongolian, Khmer.",
    SIGN,
    lambda char, rng: char + rng.choice("\u00ad\u2063\u180b\u115f\u17b4\U0001d173\u034f"),
)
variant_selectors = _each(
    "The plain text, each sign followed by a variation selector, as fonts use them.",
    SIGN,
    lambda char, rng: char + chr((0xE0100 if _chinese(char) else 0xFE00) + rng.randrange(15)),
)
typed_and_erased = _each(
    "On a terminal the plain text: wrong letters are typed and erased.",
    SIGN,
    lambda char, rng: rng.choice("的了在是" if _chinese(char) else "etaoinsr") + "\b" + char,
)
swapped_pairs_override = _each(
    "The plain text on a screen; in memory each pair of letters is swapped in a direction override.",
    r"\w\w",
    lambda pair, rng: f"\u202e{pair[1]}{pair[0]}\u202c",
)


def backward_override(text: str, rng: random.Random) -> str:
    """The plain text on a screen, stored from its end behind a direction override."""
    mirror = _table("()[]<>", ")(][><")
    return "\n".join(f"\u202e{line[::-1].translate(mirror)}\u202c" for line in text.split("\n"))


def tag_letters(text: str, rng: random.Random) -> str:
    """A friendly line with an emoji; the prompt follows it in invisible tag characters."""
    carrier = rng.choice(("A quiet garden 🏴", "Read the hidden tag characters 🏷️", "Nice weather 🌤️"))
    plain = unicodedata.normalize("NFKD", text)
    return carrier + "".join(chr(0xE0000 + ord(char)) if " " <= char <= "~" else char for char in plain)


def selector_bytes(text: str, rng: random.Random) -> str:
    """One emoji and a hint; the UTF-8 bytes ride on the emoji as variation selectors."""
    hint = _say(
        text,
        "Decode the bytes in the variation selectors after this emoji: ",
        "请解出表情后面变体选择符里的字节:",
    )
    hidden = (chr(0xFE00 + byte if byte < 16 else 0xE00F0 + byte) for byte in text.encode())
    return hint + rng.choice("😊🌸🍀🎈") + "".join(hidden)


# ---- layout

mixed_points = _each(
    "Points, bars and dashes between all letters.", SIGN, lambda char, rng: char + rng.choice(".·-_|/~,、*+'")
)
latin_between = _each(
    "Chinese with meaningless Latin letters or digits after every character.",
    HAN,
    lambda char, rng: char + rng.choice("abcdefghkmnpqrsxyz2345689"),
)


def wrong_gaps(text: str, rng: random.Random) -> str:
    """All letters in order, but the spaces stand inside of the words."""
    pieces, last = [], ""
    for word in text.split():
        cut = rng.randrange(1, len(word)) if len(word) > 1 else 1
        pieces.append(last + word[:cut])
        last = word[cut:]
    return " ".join((*pieces, last)).strip()


def torn_lines(text: str, rng: random.Random) -> str:
    """A narrow newspaper column that breaks every word."""

    def change(hit: re.Match[str]) -> str:
        return "-\n".join(_blocks(hit[0], 3 if len(hit[0]) > 4 else 2))

    return re.sub(WORD, change, text)


def standing_columns(text: str, rng: random.Random) -> str:
    """Words written downwards side by side; Chinese in old columns of six, read from the right."""
    columns = _blocks(re.sub(r"\s+", "", text), 6) if _chinese(text) else text.split()
    groups = [columns[at : at + 10][:: -1 if _chinese(text) else 1] for at in range(0, len(columns), 10)]
    blank = _say(text, " ", "\u3000")
    return "\n\n".join(
        "\n".join(
            " ".join(column[row : row + 1] or blank for column in group)
            for row in range(max(map(len, group)))
        )
        for group in groups
    )


def zigzag(text: str, rng: random.Random) -> str:
    """Two lines; the eye goes up and down: first sign above, second below, and so on."""
    blank = _say(text, " ", "\u3000")
    return "\n\n".join(f"{blank.join(row[::2])}\n{blank}{blank.join(row[1::2])}" for row in _blocks(text, 40))


def spiral(text: str, rng: random.Random) -> str:
    """A square that is read from its upper left corner clockwise inwards."""
    size = next(size for size in range(1, 99) if size * size >= min(len(text), 9604))
    grid, row, col, down, right = [[""] * size for _ in range(size)], 0, 0, 0, 1
    for char in text.ljust(size * size, "·")[: size * size]:
        grid[row][col] = "_" if char.isspace() else char
        if not (0 <= row + down < size and 0 <= col + right < size) or grid[row + down][col + right]:
            down, right = right, -down
        row, col = row + down, col + right
    return _say(text, "Clockwise from the corner:\n", "从左上角顺时针向内读:\n") + "\n".join(
        map(" ".join, grid)
    )


def token_pieces(text: str, rng: random.Random) -> str:
    """The printout of a tokenizer: pieces with ## or with a bar for the space."""
    if rng.random() < 0.5:
        return " ".join(" ##".join(_snips(word, rng)) for word in text.split())
    return ", ".join(f"'{piece}'" for word in text.split() for piece in _snips("▁" + word, rng))


def banner(text: str, rng: random.Random) -> str:
    """Each word in large letters made of blocks, five rows high."""
    font = dict(
        zip(
            LOW,
            (
                "25755 65656 34443 65556 74647 74644 34553 55755 72227 11152 55655 44447 57755 65555 75557 65644 "
                "75571 65655 34216 72222 55557 55552 55775 55255 55222 71247"
            ).split(),
            strict=False,
        )
    )
    ink = str.maketrans("01", " " + rng.choice("#█@X"))
    return "\n\n".join(
        "\n".join("  ".join(f"{int(font[c][row]):03b}" for c in word).translate(ink) for row in range(5))
        if word[0] in font
        else word
        for word in re.findall(r"[a-z]+|[^a-z\s]+", text.lower())
    )


# ---- encoding

mirror_alphabet = _letters("Atbash: z for a, y for b; nothing says so.", LOW[::-1])
braille = _letters("Dots for the finger.", "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵")
hand_moved = _letters(
    "Typed with both hands one key too far to the right.",
    "wertyuiop[sdfghjkl;xcvbnm,",
    "",
    "qwertyuiopasdfghjklzxcvbnm",
)
emoji_initials = _letters(
    "Pictures; the first letter of each picture's English name counts.",
    "🍎🐻🐱🐶🐘🐟🍇🏠🍦🕹🔑🍋🌙👃🐙🐧👑🌹🌞🌳☂🎻🐳❌🪀🦓",
    "first letters: ",
)
letter_numbers = _spelled("Places of letters in the alphabet.", " ".join(map(str, range(1, 27))), "-", " | ")
_MORSE = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- "
    "-.-- --.."
)
morse = _spelled("Points and dashes.", _MORSE, " ", " / ")
phone_keys = _spelled(
    "Presses on an old phone: 6 2 66 for m a n.",
    ("2 22 222 3 33 333 4 44 444 5 55 555 6 66 666 7 77 777 7777 8 88 888 9 99 999 9999"),
    " ",
    " 0 ",
)
knock_code = _spelled(
    "Knocks of prisoners: row and column in a square of five by five, k is c.",
    " ".join("." * (at // 5 + 1) + "·" + "." * (at % 5 + 1) for at in (*range(10), 2, *range(10, 25))),
    " ",
    " / ",
    "tap code: ",
)
base64_pieces = _each(
    "Each telling word in Base64; nothing says so.",
    PIECE,
    lambda piece, rng: _b64(piece).rstrip("=") + _say(piece, "", " "),
)
page_entities = _each(
    "Entities of a web page, some escaped twice.",
    SIGN,
    lambda char, rng: rng.choice((f"&#{ord(char)};", f"&#x{ord(char):x};", f"&amp;#{ord(char)};")),
)
escape_sequences = _each(
    "Escapes of several programming languages.",
    SIGN,
    lambda char, rng: rng.choice(
        (f"\\u{ord(char):04x}", f"\\u{{{ord(char):x}}}", f"\\U{ord(char):08X}", f"\\x{{{ord(char):x}}}")
    ),
)
sign_names = _each(
    "The Unicode names of the letters, one after the other.",
    "(?s).",
    lambda char, rng: unicodedata.name(char, f"U+{ord(char):04X}") + ", ",
)
utf7_words = _each(
    "The forgotten UTF-7: each word between plus and minus.",
    PIECE,
    lambda piece, rng: f"+{_b64(piece, 'utf-16-be').rstrip('=')}-",
)
byte_tokens = _each(
    "Byte tokens of a language model: <0x6D> and so on.",
    "(?s).",
    lambda char, rng: "".join(f"<0x{byte:02X}>" for byte in char.encode()) if char != " " else "▁",
)
mail_words = _each(
    "Encoded words of a mail header, two kinds by turns.",
    PIECE,
    lambda piece, rng: (
        "=?utf-8?"
        + rng.choice((f"B?{_b64(piece)}?=", "Q?" + "".join(f"={byte:02X}" for byte in piece.encode()) + "?="))
    ),
    "Subject: ",
)
punycode_names = _each(
    "Chinese phrases as names of web sites in Punycode.",
    "[\u3400-\u9fff]{1,6}",
    lambda phrase, rng: f" xn--{phrase.encode('punycode').decode()}.com ",
)


def wrong_layout(text: str, rng: random.Random) -> str:
    """English typed while the keyboard was Russian or Korean."""
    layouts = ("йцукенгшщзфывапролдячсмить", "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡ")
    return text.lower().translate(_table("qwertyuiopasdfghjklzxcvbnm", rng.choice(layouts)))


def taken_for_utf16(text: str, rng: random.Random) -> str:
    """Chinese-looking nonsense: ASCII bytes opened as UTF-16, with the cause named."""
    raw = unicodedata.normalize("NFKD", text).encode("ascii", "replace")
    return "(ASCII file opened as UTF-16LE) " + (raw + b" " * (len(raw) % 2)).decode("utf-16-le")


def broken_decoding(text: str, rng: random.Random) -> str:
    """Mojibake: UTF-8 opened in an old Western code page, with the cause named."""
    page = rng.choice(("mac_roman", "cp437", "cp850"))
    return f"[UTF-8→{page}] " + text.encode().decode(page)


def section_codes(text: str, rng: random.Random) -> str:
    """Four-digit codes of the Chinese character set (区位码)."""

    def change(hit: re.Match[str]) -> str:
        raw = _plain(hit[0]).encode("gb2312", "ignore")
        return f"{raw[0] - 160:02d}{raw[1] - 160:02d} " if raw else f"U+{ord(hit[0]):04X} "

    return "区位码:" + re.sub(HAN, change, text)


def phonetic_keys(text: str, rng: random.Random) -> str:
    """Taiwanese phonetic keyboard left in English: ji3 for 我."""
    keys = _table(
        "ㄅㄆㄇㄈㄉㄊㄋㄌㄍㄎㄏㄐㄑㄒㄓㄔㄕㄖㄗㄘㄙㄧㄨㄩㄚㄛㄜㄝㄞㄟㄠㄡㄢㄣㄤㄥㄦ",
        "1qaz2wsxedcrfv5tgbyhnujm8ik,9ol.0p;/-",
    )
    return re.sub(HAN, lambda hit: _phonetic(hit[0]).translate(keys) + " 634 "[_tone(hit[0]) - 1], text)


# ---- spelling

swapped_halves = _each(
    "Verlan: the second half of each word first.",
    "[A-Za-z]{2,}",
    lambda word, rng: (word[(len(word) + 1) // 2 :] + word[: (len(word) + 1) // 2]).lower(),
)
stretched = _each(
    "Letters drawn out, as in cries.",
    WORD,
    lambda word, rng: "".join(char * rng.choice((2, 2, 3, 4)) for char in word),
)
no_vowels = _each(
    "Words without vowels, as in short messages.",
    "[A-Za-z]{3,}",
    lambda word, rng: word[0] + re.sub("[aeiouAEIOU]", "", word[1:]),
)
pig_latin = _each(
    "Pig latin.",
    WORD,
    lambda word, rng: _rewrite(
        word.lower(), "^([^aeiou]*qu|[^aeiou]+)(.+)$>\\2\\1ay ^([aeiou].*(?<!ay))$>\\1way"
    ),
)
letter_names = _spelled(
    "Spelled aloud by the names of the letters: em-ay-en.",
    (
        "ay bee see dee ee eff jee aitch eye jay kay ell em en oh pee cue ar ess tee you vee double-you ex why "
        "zed"
    ),
    "-",
    " ",
)
radio_names = _spelled(
    "Spelled over the radio: Mike Alfa November.",
    (
        "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa "
        "Quebec Romeo Sierra Tango Uniform Victor Whiskey Xray Yankee Zulu"
    ),
    " ",
    ", ",
)
by_the_ear = _each(
    "Spelled as it sounds: 'koht', 'dawg'.",
    WORD,
    lambda word, rng: _rewrite(
        word.lower(),
        (
            r"tion>shun ight>yt ph>f qu>kw x>ks ck>k tch|ch>tsh c(?=[eiy])>s c>k oa>oh ea|ee|ie>ii ai|ay|ei|ey>eh "
            r"oo|ou|ew>uu dge?>dj th>dh ([aeiou])([^aeiou])e$>\1h\2 (.)\1>\1 ^w>oo (?<=[^s])s$>z y$>ee ^a$>uh "
            r"a(?=[bdfgmnpt])>ah e(?=[bdgklmnprt])>eh i(?=[bdgklmnpt])>ih er$>ur o(?=[dgnpt])>aw"
        ),
    ),
)
stage_accent = _each(
    "A strong stage accent: hard and soft consonants exchanged.",
    WORD,
    lambda word, rng: _rewrite(word.lower(), "th>z sh>zh ch>tsh ck>k c>k r>rrh").translate(
        _table("bpdtgkvfwm", "p b t d k g f v v mm")
    ),
)


def shuffled_middles(text: str, rng: random.Random) -> str:
    """First and last letter in place, the others in disorder; short words swap two letters."""

    def change(hit: re.Match[str]) -> str:
        word, middle = hit[0], hit[0][1:-1]
        mixed = "".join(rng.sample(middle, len(middle)))
        mixed = mixed if mixed != middle else middle[1:] + middle[:1]
        return word[0] + mixed + word[-1] if mixed != middle else word[0] + word[:0:-1]

    return re.sub("[A-Za-z]{3,}", change, text)


def robber_or_ubbi(text: str, rng: random.Random) -> str:
    """Secret language of children: 'man' as 'momanon' or as 'muban'."""
    old, new = rng.choice((("([bcdfghjklmnpqrstvwxz])", r"\1o\1"), ("([aeiou]+)", r"ub\1")))
    return re.sub(old, new, text.lower())


def neighbour_keys(text: str, rng: random.Random) -> str:
    """A thick thumb on a phone: every third letter is a neighbour on the keyboard."""
    near = dict(
        zip(
            LOW,
            "sq vn xv sf wr dg fh gj uo hk jl kp nj bm ip ol wa et ad ry yi cb qe zc tu xs".split(),
            strict=False,
        )
    )

    def change(hit: re.Match[str]) -> str:
        word, start = hit[0].lower(), rng.randrange(min(3, len(hit[0])))
        return "".join(rng.choice(near[char]) if at % 3 == start else char for at, char in enumerate(word))

    return re.sub("[A-Za-z]{2,}", change, text)


# ---- language


def _russian(word: str, rng: random.Random) -> str:
    return _rewrite(
        word.lower(),
        (
            r"igh>ай tch|ch>ч sh>ш th>з ph>ф ck>к oo>у ee|ea>и ou|ow>ау oa>оу ai|ay>эй qu>кв x>кс (?<=\w\w)e$> "
            r"dg|j>дж oy>ой"
        ),
    ).translate(_table("abcdefghiklmnopqrstuvwyz", "абкдефгхиклмнопкрстуввиз"))


_KANA = {
    row[0]: row[1:].split()
    for row in (
        "kカ キ ク ケ コ|sサ シ ス セ ソ|tタ ティ ト テ ト|nナ ニ ヌ ネ ノ|hハ ヒ フ ヘ ホ|mマ ミ ム メ モ|yヤ イ ユ イェ ヨ|rラ リ ル レ ロ|"
        "wワ ウィ ウ ウェ ウォ|gガ ギ グ ゲ ゴ|zザ ジ ズ ゼ ゾ|dダ ディ ド デ ド|bバ ビ ブ ベ ボ|pパ ピ プ ペ ポ|fファ フィ フ フェ フォ|"
        "jジャ ジ ジュ ジェ ジョ|Cチャ チ チュ チェ チョ|Sシャ シ シュ シェ ショ|*ア イ ウ エ オ"
    ).split("|")
}


def katakana_sound(text: str, rng: random.Random) -> str:
    """English as a Japanese would write it down by ear."""

    def change(hit: re.Match[str]) -> str:
        word = _rewrite(
            hit[0].lower(),
            (
                r"tch|ch>C sh>S th>z ph>f ck|q>k c(?=[eiy])>s c>k l>r v>b x>ks igh>ai oa>oー "
                r"ea|ee>iー dge?>j oy>oi ou>au (?<=[a-zCS]{2})e$> y$>i ([kstpdgbzfr])\1>\1 n(?![aiueoy])>ン"
            ),
        )
        word = re.sub(
            "([kstnhmyrwgzdbpfjCS]?)([aiueo])",
            lambda pair: _KANA[pair[1] or "*"]["aiueo".index(pair[2])],
            word,
        )
        return re.sub("[kstnhmyrwgzdbpfjCS]", lambda bare: _KANA[bare[0]][4 if bare[0] in "td" else 2], word)

    return re.sub(r"\s+", "・", re.sub(WORD, change, text))


def many_tongues(text: str, rng: random.Random) -> str:
    """Each word in another language; words that no dictionary has by their sound in Russian letters."""

    def change(hit: re.Match[str]) -> str:
        rows = [row for cut in range(4) if (row := _ENGLISH.get(hit[0].lower()[: len(hit[0]) - cut]))]
        return rng.choice(rows[0][1:]) if rows else _russian(hit[0], rng)

    return re.sub(WORD, change, text)


def foreign_nouns(text: str, rng: random.Random) -> str:
    """Chinese with known words in other languages and all other characters in pinyin."""
    words = re.findall("|".join(_CHINESE) + "|" + HAN + "|(?s:.)", text)
    return "".join(
        rng.choice(_CHINESE[word][:4]) + " " if word in _CHINESE else _pinyin(word) + _say(word, "", " ")
        for word in words
    )


russian_sound = _each("English sounds in Russian letters.", WORD, _russian)
rune_letters = _letters("English in runes.", "ᚪᛒᚳᛞᛖᚠᚷᚻᛁᛄᛣᛚᛗᚾᚩᛈᛢᚱᛋᛏᚢᚡᚹᛉᚣᛎ")
chinese_letter_names = _spelled(
    "Letters by the names that Chinese speakers give to them: 诶 比 西 迪.",
    (
        "诶 比 西 迪 伊 艾弗 吉 艾尺 艾 杰 开 艾勒 艾马 艾娜 哦 屁 吉吾 艾儿 艾丝 提 优 维 豆贝尔维 艾克斯 吾艾 贼德"
    ),
    "·",
    " ",
)
pinyin_run = _each(
    "Pinyin without tones, up to three syllables written together.",
    "[\u3400-\u9fff]{1,3}",
    lambda phrase, rng: "".join(map(_pinyin, phrase)) + " ",
)
pinyin_with_tones = _each("Pinyin with tone marks.", HAN, _marked)
taken_apart = _each(
    "Characters as their parts side by side; those not in the table in pinyin.",
    HAN,
    lambda char, rng: _PARTS.get(_plain(char)) or _pinyin(char),
)
bopomofo = _each(
    "Taiwanese phonetic signs.",
    HAN,
    lambda char, rng: _phonetic(char) + ("", "ˊ", "ˇ", "ˋ", "")[_tone(char) - 1] + " ",
)
half_pinyin = _each(
    "Every second character in pinyin, the others as they are.",
    "[\u3400-\u9fff]{1,2}",
    lambda two, rng: _pinyin(two[0]) + two[1:],
)
initials_and_characters = _each(
    "Chat shorthand: two of three characters by the first letter of their sound.",
    "[\u3400-\u9fff]{1,3}",
    lambda run, rng: (run[0] if len(run) > 2 else _pinyin(run[0])) + "".join(_pinyin(c)[0] for c in run[1:]),
)
homophones = _each(
    "Each character by another one of the same reading.",
    HAN,
    lambda char, rng: _other(char, _pinyin(char), rng),
)
southern_homophones = _each(
    "Characters that sound alike in a southern accent (s for sh, l for n, in for ing).",
    HAN,
    lambda char, rng: _other(char, _rewrite(_pinyin(char), "^([zcs])h>\\1 ([ie])ng$>\\1n ^n>l"), rng),
)
swapped_neighbours = _each(
    "Chinese with neighbours exchanged.",
    "[\u3400-\u9fff]{2,3}",
    lambda phrase, rng: phrase[::-1] if rng.random() < 0.5 else phrase[1::-1] + phrase[2:],
)


def _other(char: str, heard: str, rng: random.Random) -> str:
    """Another character of the reading `heard`, a frequent one if there is one."""
    pool = _BY_READING.get(heard) or _BY_READING.get(_pinyin(char), [])
    others = [other for other in pool if other != _plain(char)]
    return rng.choice([other for other in others if other in _TONE_OF] or others or [_pinyin(char)])


def cut_sounds(text: str, rng: random.Random) -> str:
    """反切: two characters for one; the beginning of the first and the end of the second count."""

    def change(hit: re.Match[str]) -> str:
        halves = [_BY_SOUND.get(half, [""]) for half in enumerate(_sound(_pinyin(hit[0])))]
        return f"{rng.choice(halves[0])}{rng.choice(halves[1])} "

    return "反切(上字取声,下字取韵):" + re.sub(HAN, change, text)


def korean_sound(text: str, rng: random.Random) -> str:
    """Chinese sounds in Korean letters."""

    def change(hit: re.Match[str]) -> str:
        first, last = _sound(_pinyin(hit[0]))
        end = _HANGUL_END.get(last or "i", "")
        start = 0xAC00 + _HANGUL_START.get(first, 11) * 588
        return chr(start + (ord(end[0]) - 0xAC00) % 588) + end[1:] + " " if end else hit[0]

    return re.sub(HAN, change, text)


def old_backwards(text: str, rng: random.Random) -> str:
    """Read from the right as on an old shop sign, in old characters."""
    return "(右起)" + "".join(_TO_OLD.get(char, char) for char in reversed(text))


# ---- wrapping

_JOINTS = ("<b></b>", "<!-- -->", "<wbr>", "<i></i>", "<span hidden>x</span>", "&shy;", "&zwnj;")
page_tags = _each(
    "Source of a web page with tags and comments inside of the words.",
    SIGN,
    lambda char, rng: char + rng.choice(_JOINTS),
    "<!doctype html><p>",
)
letter_patterns = _each(
    "A regular expression that only this text fits.",
    SIGN,
    lambda char, rng: rng.choice((f"[{char}]", f"(?:{char})", f"{char}{{1}}", f"[{char}{char.upper()}]")),
    "regex: ",
)


def first_letters_poem(text: str, rng: random.Random) -> str:
    """Each line gives one word by the first letters of harmless words."""
    return "Only first letters speak:\n" + "\n".join(
        " ".join(rng.choice(_HARMLESS.get(char, [char])) for char in word) for word in text.lower().split()
    )


def first_characters_poem(text: str, rng: random.Random) -> str:
    """藏头诗: the first character of every line counts."""
    tails = "花前月下,水长山高,云淡风清,夜来香满,年年有余,岁岁平安,雁过无痕,柳暗莺啼".split(",")
    return "藏头诗:\n" + "\n".join(char + rng.choice(tails) for char in text if not char.isspace())


def capital_letters(text: str, rng: random.Random) -> str:
    """Harmless words; the one capital letter in each counts, bars end the words."""
    pool = [word for words in _HARMLESS.values() for word in words]
    return "Read the capitals: " + " | ".join(
        " ".join(
            rng.choice([other for other in pool if char in other] or [char]).replace(char, char.upper(), 1)
            for char in word
        )
        for word in text.lower().split()
    )


def every_third(text: str, rng: random.Random) -> str:
    """Only the first of every three signs counts, as the first line says."""
    pool = _say(text, LOW, "春花秋月何时了往事知多少小楼昨夜又东风")
    return _say(text, "Keep sign 1, 4, 7 and so on: ", "每三个字只读第一个:") + "".join(
        char + rng.choice(pool) + rng.choice(pool) for char in text
    )


def code_parts(text: str, rng: random.Random) -> str:
    """A small program that joins numbered parts in order."""
    parts = list(enumerate(_snips(text, rng)))
    return f"p = {dict(rng.sample(parts, len(parts)))!r}\nprompt = ''.join(p[i] for i in sorted(p))"


def shuffled_json(text: str, rng: random.Random) -> str:
    """JSON objects in disorder, each with its place and a snippet."""
    parts = [{"order": place, "text": snip} for place, snip in enumerate(_snips(text, rng))]
    return json.dumps(
        {
            "task": _say(text, "join by order, then render", "按 order 拼接后生成"),
            "parts": rng.sample(parts, len(parts)),
        },
        ensure_ascii=False,
    )


def prompt_weights(text: str, rng: random.Random) -> str:
    """Weights and step changes of image generators round parts of the words."""
    forms = ("({}:1.2)", "({}:0.8)", "[{0}:{0}:0.5]", "(({}))", "{{{}}}")
    return "".join(rng.choice(forms).format(snip) if snip.strip() else snip for snip in _snips(text, rng))


def subtitles(text: str, rng: random.Random) -> str:
    """A subtitle file; each subtitle shows one or two letters."""
    return "\n\n".join(
        f"{at}\n00:{at // 60:02d}:{at % 60:02d},000 --> 00:{at // 60:02d}:{at % 60:02d},900\n"
        f"{snip.replace(' ', '_')}"
        for at, snip in enumerate(_snips(text, rng), 1)
    )


def cloze(text: str, rng: random.Random) -> str:
    """A gap text; the missing letters stand in order below it."""
    gaps = [spot % 2 == 1 and char.isalnum() for spot, char in enumerate(text)]
    shown = "".join(_say(char, "_", "□") if gap else char for char, gap in zip(text, gaps, strict=False))
    missing = " ".join(char for char, gap in zip(text, gaps, strict=False) if gap)
    return f"{shown}\n{_say(text, 'Fill the gaps in this order', '依次填入')}: {missing}"


def numbered_key(text: str, rng: random.Random) -> str:
    """Numbers, and below them the list that tells what sign each number is."""
    signs = sorted(set(text) - {" "})
    number = {sign: str(at) for at, sign in enumerate(rng.sample(signs, len(signs)), 11)}
    return (
        " ".join(number.get(char, "/") for char in text)
        + _say(text, "\nKey: ", "\n对照表:")
        + " ".join(f"{at}={sign}" for sign, at in number.items())
    )


def pangram_places(text: str, rng: random.Random) -> str:
    """Places of the letters in a famous sentence."""
    book = "thequickbrownfoxjumpsoverthelazydog"
    return "Letters of 'the quick brown fox jumps over the lazy dog', without spaces: " + " / ".join(
        ".".join(
            rng.choice([str(at) for at, other in enumerate(book, 1) if other == char] or [char])
            for char in word
        )
        for word in text.lower().split()
    )


# ---- mixed

dotted_pinyin = _each(
    "Pinyin with digits for letters and points inside of the syllables.",
    HAN,
    lambda char, rng: ".".join(_pinyin(char)).translate(_table("aeiostb", "@3!0578")) + " ",
)
parts_in_columns = _each(
    "Characters taken apart, the parts of each on a line of its own.",
    HAN,
    lambda char, rng: "+".join(_PARTS.get(_plain(char)) or [_pinyin(char)]) + "\n",
)
pig_russian = _each(
    "Pig latin in Russian letters.", WORD, lambda word, rng: _russian(pig_latin(word, rng), rng)
)
homophones_backwards = _each(
    "Homophones, three at a time backwards.",
    "[\u3400-\u9fff]{1,3}",
    lambda phrase, rng: homophones(phrase[::-1], rng) + "←",
)


def picture_writing(text: str, rng: random.Random) -> str:
    """Emoji for known words, the rest without vowels or as homophones."""
    for word in sorted(_EMOJI, key=len, reverse=True):
        text = re.sub(rf"\b{word}(s|n?ing|es)?\b" if word.isascii() else word, _EMOJI[word], text, flags=re.I)
    return homophones(no_vowels(text, rng), rng)


def pinyin_signals(text: str, rng: random.Random) -> str:
    """Pinyin as Morse code or as presses on an old phone."""
    spelled = re.sub(HAN, lambda hit: _pinyin(hit[0]) + " ", text)
    return "拼音→" + (
        "摩尔斯码:" + morse(spelled, rng) if rng.random() < 0.5 else "九键:" + phone_keys(spelled, rng)
    )


def patchwork(text: str, rng: random.Random) -> str:
    """Every word, or every Chinese character, in another one of the tricks above."""
    english: tuple[Disguise, ...] = (
        two_alphabets,
        small_and_raised,
        accented,
        shuffled_middles,
        katakana_sound,
        swapped_halves,
        letter_numbers,
        zero_width_dust,
        mixed_points,
        pig_latin,
        letter_names,
    )
    chinese: tuple[Disguise, ...] = (
        twin_characters,
        pinyin_with_tones,
        homophones,
        bopomofo,
        taken_apart,
        variant_selectors,
    )
    text = re.sub(WORD, lambda hit: rng.choice(english)(hit[0], rng), text)
    return re.sub(HAN, lambda hit: rng.choice(chinese)(hit[0], rng), text)


#: name, family, languages in which it works, function
DISGUISES: tuple[tuple[str, str, tuple[str, ...], Callable[[str, random.Random], str]], ...] = tuple(
    (name, family, tuple(languages.split()), globals()[name])
    for family, languages, names in (
        (
            "characters",
            "en",
            "two_alphabets lisu_capitals brush_letters drawn_letters stroked_letters "
            "accented small_and_raised scanner_damage",
        ),
        ("characters", "en zh", "ringed"),
        ("characters", "zh", "twin_characters"),
        (
            "invisible",
            "en zh",
            "zero_width_dust rare_fillers variant_selectors typed_and_erased "
            "swapped_pairs_override backward_override selector_bytes",
        ),
        ("invisible", "en", "tag_letters"),
        ("layout", "en zh", "mixed_points standing_columns zigzag spiral"),
        ("layout", "zh", "latin_between"),
        ("layout", "en", "wrong_gaps torn_lines token_pieces banner"),
        (
            "encoding",
            "en",
            "mirror_alphabet braille hand_moved emoji_initials letter_numbers morse "
            "phone_keys knock_code wrong_layout taken_for_utf16",
        ),
        (
            "encoding",
            "en zh",
            "base64_pieces page_entities escape_sequences sign_names utf7_words byte_tokens mail_words",
        ),
        ("encoding", "zh", "punycode_names broken_decoding section_codes phonetic_keys"),
        (
            "spelling",
            "en",
            "swapped_halves stretched no_vowels pig_latin letter_names radio_names "
            "by_the_ear stage_accent shuffled_middles robber_or_ubbi neighbour_keys",
        ),
        ("language", "en", "katakana_sound many_tongues russian_sound rune_letters chinese_letter_names"),
        (
            "language",
            "zh",
            "foreign_nouns pinyin_run pinyin_with_tones taken_apart bopomofo half_pinyin "
            "initials_and_characters homophones southern_homophones swapped_neighbours cut_sounds "
            "korean_sound old_backwards",
        ),
        (
            "wrapping",
            "en zh",
            "page_tags letter_patterns every_third code_parts shuffled_json "
            "prompt_weights subtitles cloze numbered_key",
        ),
        ("wrapping", "en", "first_letters_poem capital_letters pangram_places"),
        ("wrapping", "zh", "first_characters_poem"),
        ("mixed", "zh", "dotted_pinyin parts_in_columns homophones_backwards pinyin_signals"),
        ("mixed", "en", "pig_russian"),
        ("mixed", "en zh", "picture_writing patchwork"),
    )
    for name in names.split()
)
