"""Connection errors, and rules for any provider that need only an HTTP status or a plain message."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderRetry
from .rules import ErrorRule, Provider

_HTTP = "https://www.rfc-editor.org/rfc/rfc9110; https://www.rfc-editor.org/rfc/rfc6585"
_CURL = "https://curl.se/libcurl/c/libcurl-errors.html"
_CLIENTS = "https://www.python-httpx.org/exceptions/; https://nodejs.org/api/errors.html"
_CLOUDFLARE = (
    "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/"
)
_CLOUDFLARE_BLOCKS = (
    "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/"
)
_PROXIES = "https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/advanced/substitution_formatter"
_ASK_FIRST = "Ask the provider for the job (its list, or your idempotency key) before you submit it again."
_WORDS = "no page: plain words without a documented code"

_QUOTA = r"(?:quota|\b(?:rate|requests?) limit|配额|配額|额度|額度)"
_PER_MINUTE = (
    r"(?:\bper[- _]?(?:minute|min|second|sec)\b|/ ?(?:min|minute|sec|second)\b|\b(?:RPM|TPM|QPS|QPM)\b"
    r"|每分钟|每分鐘|每秒)"
)
#: Tried first: if the filter itself failed, it did not check the content.
FIRST = Provider(
    name="",
    title="The provider",
    rows=(
        ErrorRule(
            id="transport.filter-down",
            kind=ErrorKind.TRANSIENT,
            documented="https://www.developersdigest.tech/errors/api/azure-openai",
            text=r"(?:moderation|safety|content filter|content check|审核|審核)[ \w]{0,24}(?:service"
            r"|system|api|check|server|model|endpoint|服务|服務)?[ \w]{0,16}"
            r"(?:is |was |are )?(?:currently |temporarily )?(?:unavailable|is down|was down"
            r"|timed? ?out|not respond|overloaded|unreachable|不可用|超时|超時)"
            r"|(?:failed to|could not|couldn.t|unable to) (?:reach|contact|connect to|call|run"
            r"|complete) (?:the |our )?(?:content )?(?:moderation|safety)"
            r"|content_filter_error|filter(?:ing)? system is (?:down|unavailable)"
            r"|content filtering system is down",
            anywhere=True,
            retry=ProviderRetry.SAME,
            message="The provider's filter was out of order. The content was not judged.",
            next_step="Submit the same request again in a few minutes.",
        ),
        ErrorRule(
            id="words.quota-per-time",
            kind=ErrorKind.RATE_LIMIT,
            documented=_WORDS,
            # A quota that begins anew by itself, with any code.
            text=rf"{_QUOTA}[^.。\n]{{0,80}}{_PER_MINUTE}|{_PER_MINUTE}[^.。\n]{{0,40}}{_QUOTA}",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
            after_s=60.0,
            confidence=Confidence.LIKELY,
        ),
    ),
)

TRANSPORT = Provider(
    name="",
    title="The provider",
    rows=(
        ErrorRule(
            id="words.stuck",
            kind=ErrorKind.TIMEOUT,
            documented="https://github.com/yihong0618/klingCreator/issues/12",
            text=r"(?:stuck|frozen|hang(?:s|ing)?|freez(?:es|ing)|stays?|stops?) (?:at|on) 9\d ?(?:%|percent)"
            r"|(?:卡|停)(?:在|住|到|於)了? ?9\d ?[%％]",
            retry=ProviderRetry.UNKNOWN,
            message="The job has not ended. Its text does not say that it was blocked.",
            next_step="Ask the provider for the state and the charge of the job before you submit it again.",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="transport.client.no-key",
            kind=ErrorKind.AUTH,
            documented=_CLIENTS,
            text=r"api_key client option must be set|did not find (?:an )?api key"
            r"|no api key (?:provided|found|was set)|missing credentials\. please pass",
            error_source=ErrorSource.CLIENT,
            charged=ChargeStatus.NO,
            charge_source="not sent",
        ),
        ErrorRule(
            id="transport.client.bug",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_CLIENTS,
            text=r"unexpected keyword argument|ModuleNotFoundError|ImportError: cannot import"
            r"|AttributeError: '\w+' object has no attribute"
            r"|NameError: name|pydantic_core\._pydantic_core\.ValidationError|FileNotFoundError"
            r"|TypeError: Cannot read propert|ReferenceError:",
            error_source=ErrorSource.CLIENT,
            message="The caller's own program failed; no provider refused the request.",
            next_step="Fix the program at the place that the traceback names.",
        ),
        ErrorRule(
            id="transport.not-connected",
            kind=ErrorKind.TRANSIENT,
            documented=f"{_CLIENTS}; {_CURL}",
            text=r"connection refused|ECONNREFUSED|failed to establish a new connection"
            r"|name or service not known|ENOTFOUND|EAI_AGAIN|getaddrinfo"
            r"|could not resolve host|nodename nor servname|temporary failure in name resolution"
            r"|no route to host|EHOSTUNREACH|network is unreachable"
            r"|\bConnectTimeout\b|ConnectTimeoutError|curl: \((?:5|6|7)\)|dial tcp .{0,80}(?:refused"
            r"|i/o timeout|no such host)"
            r"|ProxyError|tunnel connection failed|CERTIFICATE_VERIFY_FAILED"
            r"|certificate (?:verify failed|has expired)|SSLCertVerificationError"
            r"|curl: \((?:35|60)\)|WRONG_VERSION_NUMBER|All connection attempts failed",
            error_source=ErrorSource.NETWORK,
            charged=ChargeStatus.NO,
            charge_source="not sent",
            retry=ProviderRetry.SAME,
            message="The connection could not be established; nothing was sent.",
            next_step="Check the address, the network and the certificate, then submit the request again.",
        ),
        ErrorRule(
            id="transport.client.timed-out",
            kind=ErrorKind.TIMEOUT,
            documented=f"{_CLIENTS}; {_CURL}",
            text=r"ReadTimeout|APITimeoutError|APIConnectionTimeoutError|curl: \(28\)"
            r"|WriteTimeout|PoolTimeout|read timed out|socket timeout"
            r"|TimeoutError|AbortError: .{0,40}(?:timeout|aborted)"
            r"|UND_ERR_HEADERS_TIMEOUT|context deadline exceeded",
            error_source=ErrorSource.CLIENT,
            retry=ProviderRetry.UNKNOWN,
            message="The caller's own program timed out. It is unknown whether the request was accepted.",
            next_step=_ASK_FIRST,
        ),
        ErrorRule(
            id="transport.timed-out",
            kind=ErrorKind.TIMEOUT,
            documented=f"{_CLIENTS}; {_CURL}",
            text=r"ETIMEDOUT|request timed out\.?",
            error_source=ErrorSource.NETWORK,
            retry=ProviderRetry.UNKNOWN,
            message="The response timed out. It is unknown whether the request was accepted.",
            next_step=_ASK_FIRST,
        ),
        ErrorRule(
            id="transport.cut-off",
            kind=ErrorKind.TRANSIENT,
            documented=f"{_CLIENTS}; {_CURL}",
            text=r"connection reset|ECONNRESET|RemoteProtocolError|server disconnected|socket hang up"
            r"|RemoteDisconnected|broken pipe|EPIPE|IncompleteRead"
            r"|curl: \((?:52|55|56|92|18)\)|connection (?:was )?(?:closed|aborted|lost|broken)"
            r"|APIConnectionError|ConnectionError\b|unexpected EOF"
            r"|fetch failed|network error|ERR_NETWORK|premature close|ReadError",
            error_source=ErrorSource.NETWORK,
            retry=ProviderRetry.UNKNOWN,
            message="The connection broke. It is unknown whether the request was accepted.",
            next_step=_ASK_FIRST,
        ),
        ErrorRule(
            id="transport.edge-rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_CLOUDFLARE_BLOCKS,
            text=r"error (?:code:? )?1015|you are being rate limited",
            error_source=ErrorSource.NETWORK,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="transport.edge-timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_CLOUDFLARE,
            text=r"error (?:code:? )?52[24]\b|52[24]: a timeout occurred|504 gateway time-?out"
            r"|upstream request timeout|gateway timeout",
            error_source=ErrorSource.NETWORK,
            retry=ProviderRetry.UNKNOWN,
            message="A proxy in front of the provider timed out. It is unknown whether the request was "
            "accepted.",
            next_step=_ASK_FIRST,
        ),
        ErrorRule(
            id="transport.edge-challenge",
            kind=ErrorKind.TRANSIENT,
            documented=_CLOUDFLARE_BLOCKS,
            text=r"just a moment\.\.\.|attention required! \| cloudflare|cf-chl|checking your browser"
            r"|enable javascript and cookies to continue"
            r"|error (?:code:? )?10(?:06|09|10|20)\b",
            error_source=ErrorSource.NETWORK,
            charged=ChargeStatus.NO,
            charge_source="not taken",
            retry=ProviderRetry.NEVER,
            message="A bot check in front of the provider rejected the request. The content was not judged.",
            next_step="Use the provider's API address with a key, not its web site; ask the provider "
            "if that does not help.",
        ),
        ErrorRule(
            id="transport.edge",
            kind=ErrorKind.TRANSIENT,
            documented=f"{_CLOUDFLARE}; {_PROXIES}",
            text=r"error (?:code:? )?52[0135678]\b|52[0135678]: |upstream connect error"
            r"|no healthy upstream|disconnect/reset before headers"
            r"|502 bad gateway|503 service (?:temporarily )?unavailable|bad gateway|<center>nginx"
            r"|upstream prematurely closed",
            error_source=ErrorSource.NETWORK,
        ),
        ErrorRule(
            id="http.not-accepted",
            kind=ErrorKind.TRANSIENT,
            documented=_WORDS,
            text=r"\bnot (?:been |yet )?(?:accepted|admitted|queued|enqueued|taken)\b|queue is full"
            r"|no (?:job|task|video) was (?:accepted|created|queued|started)"
            r"|nothing was (?:accepted|created|queued|started|charged)"
            r"|未(?:被)?(?:接受|受理)|队列已满|隊列已滿|佇列已滿",
            status=frozenset({503}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
            retry=ProviderRetry.SAME,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="http.402",
            kind=ErrorKind.QUOTA,
            documented=_HTTP,
            status=frozenset({402}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="words.quota",
            kind=ErrorKind.QUOTA,
            documented=_WORDS,
            text=r"insufficient[_ ](?:credits?|balance|quota|funds?|account)"
            r"|not (?:have )?(?:enough|sufficient) (?:credits?|balance|points|funds)"
            r"|overdue (?:balance|bill|invoice|payment)|out of credits|quota (?:exceeded|exhausted)"
            r"|exhausted balance|\bover budget\b|budget (?:has been |was |is )?exceeded"
            r"|exceeded (?:your|the) (?:current |monthly |daily )?(?:quota|spend|budget)"
            r"|payment required|top[ -]?up|recharge your|no credits? (?:left|remaining)"
            r"|account (?:is )?(?:overdue|in arrears)|(?:billing|spending) (?:hard )?limit has been reached"
            r"|card (?:was |has been )?declined|payment (?:failed|declined)|付款失敗|付款失败"
            r"|余额不足|餘額不足|额度不足|額度不足|欠费|欠費|积分不足|積分不足",
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="http.429",
            kind=ErrorKind.RATE_LIMIT,
            documented=_HTTP,
            status=frozenset({429}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="words.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_WORDS,
            text=r"\A\s{0,9}(?:(?:error|code|http|status)[ :]{0,2})?429\s{0,9}\Z"
            r"|rate[ _-]?limit|too many requests|throttl|concurren(?:t|cy) (?:task |request "
            r"|job )?limit|requests per minute|slow down"
            r"|too many (?:concurrent |running |pending |parallel ){1,2}(?:video )?"
            r"(?:tasks|jobs|generations|requests)"
            r"|(?:request|generat|submit|send)\w* (?:\w+ )?too (?:quickly|fast|often|frequently)"
            r"|请求过于频繁|請求過於頻繁|频率(?:过高|限制)|頻率(?:過高|限制)|限流|并发.{0,6}(?:上限|限制)",
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="http.401",
            kind=ErrorKind.AUTH,
            documented=_HTTP,
            status=frozenset({401}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="words.auth",
            kind=ErrorKind.AUTH,
            documented=_WORDS,
            text=r"(?:invalid|incorrect|missing|expired|wrong|no) (?:api[ _-]?key|auth\w*|(?:access "
            r"|bearer )?token|credentials?)|unauthori[sz]ed|not authenticated"
            r"|authentication (?:failed|error|required)|permission denied|access denied"
            r"|(?:do(?:es)? not|don.t) have access to"
            r"|api key (?:is )?(?:not valid|invalid|expired|disabled)|forbidden"
            r"|鉴权失败|鑒權失敗|认证失败|認證失敗|密钥(?:无效|错误)|无效的.{0,8}(?:密钥|key)",
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="http.403",
            kind=ErrorKind.AUTH,
            documented=_HTTP,
            status=frozenset({403}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="http.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_HTTP,
            status=frozenset({408, 504, 522, 524}),
            retry=ProviderRetry.UNKNOWN,
            next_step=_ASK_FIRST,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="words.server-code",
            kind=ErrorKind.TRANSIENT,
            documented="https://developers.openai.com/api/docs/guides/error-codes",
            fields={
                "code": r"server_error|internal_error|internal_server_error|service_unavailable|overloaded"
            },
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="words.invalid-code",
            kind=ErrorKind.INVALID_REQUEST,
            documented="https://ai.google.dev/gemini-api/docs/api-errors",
            fields={"code": r"invalid_request|invalid_argument|bad_request"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="http.4xx",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_HTTP,
            status=frozenset({400, 404, 405, 406, 409, 410, 411, 413, 414, 415, 416, 422, 431}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="http.5xx",
            kind=ErrorKind.TRANSIENT,
            documented=_HTTP,
            status=frozenset(range(500, 600)),
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="words.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_WORDS,
            text=r"timed? ?out\b|\btimeout\b|deadline exceeded|took too long|超时|超時",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="words.transient",
            kind=ErrorKind.TRANSIENT,
            documented=_WORDS,
            text=r"internal (?:server )?error|server error"
            r"|service (?:is )?(?:temporarily )?(?:unavailable|busy)|temporarily unavailable"
            r"|overloaded|(?:high|heavy) (?:demand|load|traffic)|the (?:server|engine|model) had an error"
            r"|(?:please )?try again (?:later|in a)|unexpected error"
            r"|system (?:error|busy)|under maintenance"
            r"|服务(?:繁忙|异常|不可用)|服務(?:繁忙|異常|不可用)|系统(?:繁忙|错误|异常)|系統(?:繁忙|錯誤|異常)|稍后(?:再试|重试)|稍後(?:再試|重試)"
            r"|内部错误|內部錯誤",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="words.invalid",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_WORDS,
            text=r"validation (?:of \w+ )?(?:failed|errors?)|\bnot found\b|(?:is|are) required\b"
            r"|field required|invalid (?:parameter|value|request|input|size"
            r"|duration|model|image|url|argument|json|type)|unsupported (?:value|parameter|size"
            r"|model|format|media)"
            r"|unknown (?:parameter|field|model)|must be (?:one of|between|a |an )|does not exist"
            r"|not (?:a )?(?:valid|supported)|参数(?:错误|无效|不合法)|參數(?:錯誤|無效|不合法)",
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.GUESS,
        ),
    ),
)

#: Words that show whether an error concerns input or output, for errors that do not state it otherwise.
SIDES = (
    (
        ModerationStage.OUTPUT,
        r"(?:generated|output|resulting|produced|rendered|finished) (?:video|image|content|media"
        r"|frames?|audio|result|clip|output)|output (?:was|has been|is|moderation)"
        r"|输出|輸出|生成(?:的|结果|結果|内容|內容)|checking (?:the )?outputs?",
    ),
    (
        ModerationStage.INPUT,
        r"prompt (?:was|is|has been) (?:rejected|blocked|flagged|refused)"
        r"|prompt could(?: not|n.t) be submitted|\binputs?\b(?! will)"
        r"|(?:reference|uploaded|source|input"
        r"|first.frame|start) (?:image|frame|video|picture|photo|file)"
        r"|输入|輸入|(?:提示词|提示詞)(?:涉及|包含|含有|被)|checking (?:the )?inputs?",
    ),
)
