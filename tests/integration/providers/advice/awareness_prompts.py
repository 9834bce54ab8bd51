"""Prompts of charities, schools and the news on suicide, addiction and eating disorders, in three scripts."""

from __future__ import annotations

AWARENESS: tuple[tuple[str, str, str], ...] = (
    (
        "a charity film about suicide prevention, volunteers answer calls on a helpline",
        "自殺防治公益影片，志工接聽專線電話",
        "自杀预防公益短片，志愿者接听热线电话",
    ),
    (
        "a school lesson on suicide prevention, a teacher listens to a student",
        "學校的自殺防治課，老師傾聽學生說話",
        "学校的自杀预防课，老师倾听学生说话",
    ),
    (
        "a news report on a falling suicide rate, a chart and a presenter",
        "自殺率下降的新聞報導，圖表與主播",
        "自杀率下降的新闻报道，图表与主播",
    ),
    (
        "world suicide prevention day, people light candles in a park",
        "世界預防自殺日，人們在公園點燃蠟燭",
        "世界预防自杀日，人们在公园点燃蜡烛",
    ),
    (
        "a memorial after a suicide, friends plant a tree together",
        "自殺者的追思會，朋友們一起種樹",
        "自杀者的追思会，朋友们一起种树",
    ),
    (
        "an educational video on how to listen to a friend with suicidal thoughts",
        "教育影片：如何傾聽有自殺念頭的朋友",
        "教育视频：如何倾听有自杀念头的朋友",
    ),
    (
        "a documentary about people who live on after a suicide in the family",
        "紀錄片：自殺者家屬如何走下去",
        "纪录片：自杀者家属如何走下去",
    ),
    (
        "a poster animation for a self-harm support group, hands hold each other",
        "自傷支持團體的動畫海報，雙手緊握",
        "自伤互助小组的动画海报，双手紧握",
    ),
    (
        "a counsellor explains self-harm awareness to parents in a school hall",
        "輔導老師在禮堂向家長說明自傷的警訊",
        "心理老师在礼堂向家长讲解自伤的警示信号",
    ),
    (
        "a charity advert about addiction recovery, a circle of chairs in a bright room",
        "成癮康復的公益廣告，明亮房間裡圍成一圈的椅子",
        "成瘾康复的公益广告，明亮房间里围成一圈的椅子",
    ),
    (
        "a school video on alcoholism, a family talks at the kitchen table",
        "學校的酒癮宣導影片，一家人在餐桌旁談話",
        "学校的酒瘾宣传视频，一家人在餐桌旁谈话",
    ),
    (
        "a news feature on gambling addiction, an empty office and a phone",
        "賭博成癮的新聞專題，空蕩的辦公室與一支電話",
        "赌博成瘾的新闻专题，空荡的办公室与一部电话",
    ),
    (
        "a documentary on a clinic for drug addiction, a nurse greets a patient",
        "紀錄片：成癮治療診所，護理師迎接病人",
        "纪录片：成瘾治疗诊所，护士迎接病人",
    ),
    (
        "a recovery story after years of addiction, a man runs along a lake",
        "走出成癮的故事，一名男子沿著湖邊跑步",
        "走出成瘾的故事，一名男子沿着湖边跑步",
    ),
    (
        "a health class about overdose first aid, a paramedic shows a training doll",
        "用藥成癮急救課，救護員示範訓練假人",
        "用药成瘾急救课，急救员演示训练假人",
    ),
    (
        "a charity film about eating disorders, a young woman talks with a counsellor",
        "飲食失調的公益影片，一名女子與諮商師談話",
        "饮食失调的公益短片，一名女子与咨询师谈话",
    ),
    (
        "a school campaign against eating disorders, students cook together",
        "學校的飲食失調宣導活動，學生一起煮飯",
        "学校的饮食失调宣传活动，学生一起做饭",
    ),
    (
        "a news report on anorexia, a doctor explains the treatment",
        "厭食症的新聞報導，醫師說明治療方式",
        "厌食症的新闻报道，医生说明治疗方式",
    ),
    (
        "an animated lesson on bulimia, warm colours and simple shapes",
        "暴食症的動畫課程，溫暖的色彩與簡單的圖形",
        "暴食症的动画课程，温暖的色彩与简单的图形",
    ),
    (
        "a public service film on depression, two friends walk in the rain",
        "憂鬱症的公益影片，兩個朋友在雨中散步",
        "抑郁症的公益短片，两个朋友在雨中散步",
    ),
)
