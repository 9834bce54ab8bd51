"""Codes and sentences that several servers use, and that do not name a provider."""

from __future__ import annotations

from .model import Confidence, ErrorKind, ModerationStage, ProviderRetry
from .rules import ErrorRule, Provider

_PACKAGE = (
    "https://docs.rs/crate/openai-client-base/0.16.0/source/src/models/"
    "beta_image_gen_tool_call_moderation_details.rs"
)
_SERVERS = "https://help.apiyi.com/en/sora-2-api-error-messages-complete-guide-en.html"
_UNSAFE = "https://www.cqtai.com/docs/sora2"
_WORDS = "no page: words that several providers use"
_PEOPLE = r"(?:real (?:people|persons?)|public figures?|celebrit(?:y|ies)|famous (?:people|person)"
_PEOPLE += r"|identifiable (?:people|persons?)|photorealistic people|prominent (?:people|persons?))"
_PEOPLE_ZH = r"(?:名人|真人|人脸|人臉|未成年|公众人物|公眾人物|写实人物|寫實人物)"
#: A review of an account or an application is not one of content.
_NOT_OF_ACCOUNT = (
    r"(?<!账号|帳號|账户|帳戶|实名|實名|认证|認證|企业|企業|资质|資質|申请|申請|身份|应用|應用|权限|權限)"
)
_BFL = "https://docs.bfl.ai/api_integration/errors"
_CODE = "code|error_code|error|type|status|reason|finish_reason|failure_reason|status_code"

SHAPED = Provider(
    name="",
    title="The provider",
    rows=(
        ErrorRule(
            id="shaped.details",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PACKAGE,
            fields={"moderation_stage": r".*"},
            anywhere=True,
        ),
        ErrorRule(
            id="shaped.input-code",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_BFL}; https://docs.agents.lumalabs.ai/guides/error-handling",
            fields={
                _CODE: r"request[_ ]moderated|input_moderation|prompt_blocked|prompt_rejected"
                r"|illegal_prompt|illegal_image_content"
            },
            anywhere=True,
            stage=ModerationStage.INPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="shaped.output-code",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_BFL}; https://docs.higgsfield.ai/docs/help/faq",
            fields={_CODE: r"content_moderated|nsfw|output_moderation|nsfw_content|nsfw_detected"},
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="shaped.unsafe-input",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_UNSAFE,
            text=r"\b(?:prompt|image|input)_unsafe\b",
            anywhere=True,
            stage=ModerationStage.INPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="shaped.unsafe-output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_UNSAFE,
            text=r"\b(?:video|output)_unsafe\b",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="shaped.code",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SERVERS,
            fields={
                _CODE: r"content_policy(?:_violation)?|content_filter(?:ed)?|moderated"
                r"|safety_violation|content_moderation"
                r"|moderation(?:_error|_failed|_rejected)?|policy_violation|safety|blocked_by_safety"
                r"|prohibited_content"
                r"|responsibleaipolicyviolation|content_violation|sensitive_content"
                r"|contentpolicyviolationerror|image_safety"
            },
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="words.account-closed",
            kind=ErrorKind.AUTH,
            documented=_WORDS,
            text=r"\b(?:account|api key|organi[sz]ation|subscription|your resource)"
            r" (?:has been|have been|is|was) (?:\w+ ){0,2}?"
            r"(?:suspended|banned|deactivated|disabled|locked|blocked)\b"
            r"|(?:帐号|帳號|账号|账户|帳戶|密钥|金鑰)(?:已被|已|被)(?:锁定|鎖定|封禁|停用|冻结|凍結|禁用)",
            anywhere=True,
            message="The provider has closed or locked the account or the key. The content of this "
            "request is not the reason.",
            next_step="Read the provider's message in the account, or ask its support.",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="shaped.nsfw-output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_WORDS,
            text=r"nsfw content (?:was )?detected|all generated images contained nsfw",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            category="sexual",
            retry=ProviderRetry.NEW_SEED,
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="shaped.sentence",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_WORDS,
            text=r"\b(?:violat\w+|against|breach\w*) (?:of )?(?:our|the|its|their|platform|openai.?s"
            r"|google.?s|\w+)? ?"
            r"(?:content|usage|safety|community|moderation|use|acceptable use)"
            r" ?(?:polic|guideline|rule|standard)(?!ies? directive|y directive)"
            r"|(?:content|usage|safety|moderation)[ _-]policy[ _-](?:violation|reject|block|fail)"
            r"|blocked (?:by|due to|because of|for|under) (?:\w+ ){0,4}(?:content|usage|safety|community"
            r"|moderation) polic(?:y|ies)"
            r"|content (?:policy|moderation) (?:rejected|failed|blocked)(?! (?:to|due|because|with)\b|:)"
            r"|flagged (?:as sensitive|as potentially violating|by (?:a |our |the )?(?:content |safety )?"
            r"(?:moderation|filter|checker|system))|blocked by (?:our |the |its )?(?:content"
            r"|safety) (?:filter|polic|system|moderation|check)"
            r"|\b(?:your|the) (?:input|prompt|request) (?:was|has been) flagged\b"
            r"|\bflagged\b.{0,40}\b(?:credits?|points)\b.{0,20}\b(?:refunded|returned)"
            r"|did not pass (?:our |the )?(?:content |safety )(?:moderation|review|safety|check)"
            r"|did not pass (?:our |the )?moderation|nsfw content (?:was )?detected"
            r"|(?:potential )?nsfw content|inappropriate content|prohibited content"
            r"|may contain (?:sensitive|inappropriate|prohibited)"
            r"|safety (?:filter|checker|guardrail)s? (?:blocked|triggered|rejected|flagged)"
            r"|rejected by (?:the |our )?(?:content |safety )(?:moderation|filter|check|polic|system)"
            r"|\bgeneration (?:was )?blocked\b"
            r"|(?:内容|內容|文本|图片|圖片|视频|影片|音频|音訊|提示词|提示詞|输入|輸入|输出|輸出).{0,12}(?:违规|違規|敏感|不合规|不合規|审核(?:未|不)通过"
            r"|審核(?:未|不)通過)"
            r"|(?:包含|涉及|含有).{0,6}(?:敏感|违规|違規|不当内容|不當內容)|未通过.{0,4}审核|未通過.{0,4}審核"
            r"|(?:内容安全|內容安全)(?!策略|政策)|(?:触发|觸發).{0,8}(?:内容|內容)?安全(?:策略|政策)(?!指令)|(?:版权|版權)(?:审核|審核)|触发.{0,4}(?:审核|风控)|觸發.{0,4}(?:審核|風控)"
            r"|(?:违反|違反).{0,14}(?:内容|內容|使用|安全|社区|社群|社區)(?:政策|策略|规范|規範|准则|準則|条款|條款)(?!指令)"
            r"|(?:审核|審核|安全策略|安全过滤|安全過濾|风控|風控)器?(?:拦截|攔截|拒绝|拒絕|封鎖|封锁)"
            rf"|{_NOT_OF_ACCOUNT}(?:审核|審核)(?:未|不|没有?|沒有?|未能)(?:通过|通過)"
            r"|(?:没有|沒有|未能|不能)通过.{0,4}审核|(?:沒有|未能|不能)通過.{0,4}審核"
            r"|(?:审核|審核)(?:擋|(?:判定|认定|認定).{0,30}(?:拒绝|拒絕|违规|違規|敏感|真人))"
            r"|可能(?:会|會)?(?:违反|違反)(?:了)?(?:我们|我們)的.{0,6}(?:政策|策略|规范|規範|准则|準則)"
            r"|\bvideo moderated\b|SAFETY_(?:BLOCKED|REJECTED)\b"
            r"|违反.{0,12}服务政策|違反.{0,12}服務政策"
            r"|(?:合规|合規)(?:问题|問題|原因).{0,6}(?:阻止|拦截|攔截|拒绝|拒絕)"
            r"|content of (?:the )?[\w`'\"]+ (?:field )?(?:is|was) unsafe\b",
            anywhere=True,
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="shaped.refused",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_WORDS,
            text=r"\bprompt (?:has been|was) blocked by\b"
            r"|\bprompts? contains? (?:filtered|banned|forbidden) words?\b"
            r"|\bword \W?\w+\W? is banned\b|\bnot passing \S+ safety review\b"
            r"|(?:violat\w+|conflicts? with) the policy against (?:generating|creating)"
            r"|rejected by (?:the |our )?content moderation"
            r"|\bmoderation (?:blocked|rejected|refused|failed)\b(?! (?:to|due|because|with)\b|:)"
            r"|\b(?:blocked|rejected|refused)\b.{0,40}\b(?:under|by|via|on|for)\b.{0,20}"
            r"\b(?:content policy|moderation|safety (?:grounds|reasons|filters?))\b"
            r"|\bcontent flagged (?:and reported )?for\b|\bflagged by (?:\w+ )?safety review\b"
            r"|\bprompt was (?:caught|stopped|flagged) by (?:our |the )?(?:\w+ )?moderator\b"
            r"|\bunsafe (?:content|image|prompt) (?:upload|(?:was )?(?:detected|found|rejected))\b"
            r"|\bcontains unsafe content\b"
            r"|\bexplicit content detected\b|\brecognized a celebrity\b|\breal people filter\b"
            r"|不安全的(?:图片|圖片|内容|內容)|不当内容|不當內容|(?:人物|内容|內容)安全(?:过滤|過濾)"
            r"|(?:审核器|審核器)(?:捕获|拦截|拒绝|攔截|拒絕)|安全.{0,8}(?:过滤|過濾).{0,8}(?:阻挡|阻擋|拦截|攔截)",
            anywhere=True,
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="shaped.person",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_WORDS,
            text=r"(?:can(?:no|['\u2019])?t|can not|unable to|not able to|won['\u2019]?t|not allowed to"
            r"|do(?:es)?(?: not|n['\u2019]t) (?:support|allow)).{0,40}(?:generat|creat|mak|upload|depict"
            r"|portray|produc).{0,60}" + _PEOPLE + r"|" + _PEOPLE + r".{0,40}(?:(?:is|are|was|were) (?:not"
            r" (?:allowed|permitted|supported)|blocked|refused|rejected|prohibited))"
            r"|(?:无法|無法|不能).{0,4}(?:生成|製作|制作|产生|產生).{0,10}"
            + _PEOPLE_ZH
            + r"|(?:图片|圖片|图像|圖像|照片|素材|视频|影片).{0,8}(?:包含|含有|中有).{0,6}"
            + _PEOPLE_ZH
            + r"|不支持.{0,14}"
            + _PEOPLE_ZH
            + r"|不支援.{0,14}"
            + _PEOPLE_ZH,
            anywhere=True,
            confidence=Confidence.GUESS,
        ),
    ),
)
