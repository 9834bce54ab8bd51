"""Folds traditional characters of the storyboard's vocabulary to simplified ones, one by one."""

from __future__ import annotations

from safelight.detectors.text.chinese import SIMPLIFIED

#: Pairs of a traditional and a simplified character that the screening's own table need not have.
_PAIRS = (
    "貓猫隻只兩两馬马鳥鸟魚鱼雞鸡鴨鸭鵝鹅龜龟驢驴騾骡獅狮豬猪鯨鲸鯊鲨鷹鹰鷗鸥燈灯橋桥風风車车飛飞機机輛辆輪轮郵邮電电閃闪"
    "極极雲云霧雾龍龙捲卷滅灭師师廚厨員员農农漁渔鐵铁醫医護护畫画攝摄樂乐彈弹鋼钢講讲課课網网灘滩邊边島岛間间臺台檯台颱台"
    "窗窗戶户廣广場场廟庙宮宫樓楼築筑號号滿满圓圆陽阳黃黄綠绿藍蓝紅红銀银頂顶嶺岭峽峡澗涧灣湾礦矿雙双個个頭头條条張张棟栋"
    "幾几許许從从與与時时著着裡里裏里後后過过進进遠远騎骑駛驶駕驾開开遊游潛潜燒烧煙烟氣气熱热蟲虫麗丽樹树葉叶葦苇蘆芦蓮莲"
    "櫻樱楓枫麥麦鏡镜緩缓靜静聲声響响凍冻靈灵夢梦憂忧傷伤歡欢慶庆壯壮觀观傳传統统復复舊旧懷怀動动寫写說说話话問问標标題题"
    "語语爺爷媽妈孫孙婦妇們们眾众兒儿學学衛卫嬰婴軍军術术藝艺蘭兰劇剧籃篮競竞賽赛羅罗國国東东絲丝織织縫缝裝装帶带褲裤傘伞"
    "絨绒鏟铲鋤锄錘锤鎚锤鐘钟鍋锅麵面點点燭烛蠟蜡飄飘揚扬躍跃舉举撐撑劃划槳桨釣钓觸触蝸蜗蟻蚁蟬蝉蠍蝎螢萤貝贝蝦虾鱷鳄鴿鸽"
    "鸚鹦鵡鹉鶴鹤鷺鹭鴉鸦鵲鹊鷲鹫鳳凤獺獭駱骆駝驼鴕鸵綿绵獨独艙舱紙纸彩彩虹虹暈晕濃浓淺浅長长寬宽輕轻壩坝岩岩礁礁壯壮寧宁"
    "溫温涼凉濕湿乾干淚泪憶忆貨货豎竖琴琴貓猫蹤踪繞绕環环聽听見见讀读書书屬属滾滚趕赶猫猫寶宝穀谷戲戏拋抛撈捞擺摆團团圍围"
    "蓋盖籠笼單单門门關关內内園园體体變变狀状齊齐陰阴際际陸陆階阶隊队險险離离難难聳耸矗矗達达運运連连遙遥邁迈鬧闹靄霭閣阁"
    "獼猕餵喂嬤嬷賣卖買买鷲鹫鸛鹳鷥鸶鳶鸢舊旧櫃柜鋁铝塊块掃扫歲岁鄉乡漢汉獵猎鬱郁婦妇貨货員员護护攤摊販贩園园縣县鎮镇遞递"
    "館馆鋪铺雜杂藥药莊庄驚惊驛驿騰腾髮发鬆松鬍胡魯鲁鮮鲜鯉鲤鱒鳟鰻鳗鵬鹏鶯莺鷓鹧麼么黴霉齒齿"
)
_FOLD = {ord(a): b for a, b in {**SIMPLIFIED, **dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))}.items()}


def simplified(text: str) -> str:
    """`text` with simplified characters. Every character keeps its position."""
    return text.translate(_FOLD)
