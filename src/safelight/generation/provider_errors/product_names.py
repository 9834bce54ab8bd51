"""Names of products in a sentence. They show whose error it is, but not which of its errors."""

from __future__ import annotations

from .azure import AZURE
from .bfl import BFL
from .dashscope import DASHSCOPE
from .fal import FAL
from .gemini import GEMINI
from .higgsfield import HIGGSFIELD
from .kling import KLING
from .luma import LUMA
from .minimax import MINIMAX
from .nova_reel import NOVA_REEL
from .openai import OPENAI
from .pixverse import PIXVERSE
from .replicate import REPLICATE
from .rules import Provider, compiled
from .runware import RUNWARE
from .runway import RUNWAY
from .seedance import SEEDANCE
from .self_hosted import SELF_HOSTED
from .stability import STABILITY
from .veo import VEO
from .vidu import VIDU
from .wavespeed import WAVESPEED
from .xai import XAI


def _nameless(name: str, title: str) -> Provider:
    """A provider whose name is known, but none of its errors."""
    return Provider(name=name, title=title, rows=())


#: Four words or more in quotation marks.
_QUOTED = r"[\"“「](?:[^\s\"“”「」]+\s+){3,}[^\"“”「」]*[\"”」]"
_PRODUCTS: tuple[tuple[Provider, str], ...] = (
    (
        VEO,
        r"\bveo\b|\bflow (?:api|is currently experiencing)|\b(?:google|rejected by) flow\b"
        r"|\bvertex ?ai video\b",
    ),
    (GEMINI, r"\bgemini\b|\bnano.?banana\b"),
    (_nameless("imagen", "Google Imagen"), r"\bimagen\b|'don.t allow' option for person generation"),
    (_nameless("google", "Google"), r"\bgoogle(?:'s|’s)? (?:ai|safety|responsible ai)\b|\bvertex ?ai\b"),
    (OPENAI, r"\bsora\b|\bsora-?2(?:-pro)?\b|\bdall[-·]e\b|\bgpt[- ]image\b|\bchatgpt\b"),
    (AZURE, r"\bazure openai\b"),
    (
        SEEDANCE,
        r"\bseed(?:ance|ream)\b|\bbyteplus\b|\bdreamina\b|\bjimeng\b|\bvolcengine\b|即梦|即夢|豆包|火山引擎",
    ),
    (KLING, r"\bkling\b|可灵|可靈"),
    (MINIMAX, r"\bhailuo\b|\bminimax\b|海螺"),
    (DASHSCOPE, r"\bdashscope\b|\bbailian\b|通义万相|通義萬相|百炼"),
    (XAI, r"\bgrok[ -]imagine\b|\bxai\b"),
    (VIDU, r"\bvidu\b"),
    (PIXVERSE, r"\bpixverse\b"),
    (RUNWAY, r"(?-i:\bRunway\b)|\brunway(?:ml| api)\b"),
    (LUMA, r"\bluma(?:ai| ai| labs| dream machine)\b|\bdream machine\b"),
    (BFL, r"\bblack forest labs\b|\bbfl\b"),
    (STABILITY, r"\bstability ?ai\b|\bstability_|\bstable video\b"),
    (NOVA_REEL, r"\bnova (?:reel|canvas)\b|\bamazon bedrock\b"),
    (HIGGSFIELD, r"\bhiggsfield\b"),
    (FAL, r"\bfal\.ai\b|\bfal-ai\b"),
    (REPLICATE, r"\breplicate(?:\.com| api)\b"),
    (RUNWARE, r"\brunware\b"),
    (WAVESPEED, r"\bwavespeed(?:ai)?\b"),
    (SELF_HOSTED, r"\bcomfyui\b|\bvllm\b|\bsglang\b|\bcosmos[- ](?:predict|guardrail)"),
    (_nameless("microsoft", "Microsoft"), r"微軟|微软"),
    (_nameless("midjourney", "Midjourney"), r"\bmidjourney\b"),
    (
        _nameless("bing", "Bing Image Creator"),
        r"\b(?:blocked by|microsoft) bing\b|\bbing (?:image|video) creator\b",
    ),
    (_nameless("firefly", "Adobe Firefly"), r"\badobe firefly\b|(?-i:\bFirefly) (?:API|Video|Image)\b"),
    (_nameless("ideogram", "Ideogram"), r"\bideogram\b"),
    (_nameless("leonardo", "Leonardo.Ai"), r"\bleonardo\.? ?ai\b"),
    (_nameless("krea", "Krea"), r"\bkrea(?:\.ai| ai)\b"),
    (_nameless("freepik", "Freepik"), r"\bfreepik\b"),
    (_nameless("heygen", "HeyGen"), r"\bheygen\b"),
    (_nameless("synthesia", "Synthesia"), r"\bsynthesia\b"),
    (_nameless("d-id", "D-ID"), r"\bd-id\b"),
    (_nameless("hedra", "Hedra"), r"\bhedra\b"),
    (_nameless("ltx", "LTX"), r"\bltx[- ](?:video|studio|api|2)\b|\blightricks\b"),
    (_nameless("hunyuan", "Tencent Hunyuan"), r"\bhunyuan\b|混元"),
    (_nameless("zhipu", "Zhipu CogVideoX"), r"\bcogvideox?\b|\bzhipu(?:ai)?\b|\bbigmodel\b|智谱|智譜|清影"),
    (_nameless("baidu", "Baidu"), r"\bqianfan\b|千帆|文心一格"),
    (_nameless("meitu", "Meitu"), r"\bmeitu\b|美图|美圖"),
    (_nameless("runninghub", "RunningHub"), r"\brunninghub\b"),
    (_nameless("pollinations", "Pollinations"), r"\bpollinations\b"),
    (_nameless("siliconflow", "SiliconFlow"), r"\bsiliconflow\b|硅基流动"),
    (_nameless("novita", "Novita"), r"\bnovita(?:\.ai| ai)?\b"),
    (_nameless("segmind", "Segmind"), r"\bsegmind\b"),
    (_nameless("piapi", "PiAPI"), r"\bpiapi\b"),
    (_nameless("pollo", "Pollo AI"), r"\bpollo(?:\.ai| ai)\b"),
    (_nameless("together", "Together AI"), r"\btogether(?:\.ai| ai)\b"),
    (_nameless("fireworks", "Fireworks AI"), r"\bfireworks(?:\.ai| ai)\b"),
    (_nameless("deepinfra", "DeepInfra"), r"\bdeepinfra\b"),
    (_nameless("huggingface", "Hugging Face"), r"\bhugging ?face\b"),
    (_nameless("haiper", "Haiper"), r"\bhaiper\b"),
    (_nameless("canva", "Canva"), r"(?-i:\bCanva\b)"),
    (_nameless("capcut", "CapCut"), r"\bcapcut\b|剪映"),
)


def find_product(text: str) -> Provider | None:
    """The provider whose product a text names first; None if it names none.

    A quoted prompt does not count.
    """
    text = compiled(_QUOTED).sub("", text)
    found = ((compiled(words).search(text), provider) for provider, words in _PRODUCTS)
    places = [(match.start(), provider) for match, provider in found if match is not None]
    return min(places, key=lambda place: place[0])[1] if places else None
