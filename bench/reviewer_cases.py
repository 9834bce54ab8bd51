"""Sixty cases for two reviewers, whose right decisions are known: `python -m bench.reviewer_cases COMMAND`.

`prepare --work DIR` makes them through the pipeline in an empty folder, and a copy for the second reviewer.
`serve --work DIR` serves both until SIGTERM or Ctrl-C; its sign-in links are valid for 15 minutes.
`judge --work DIR` compares the decisions with `truth.json`, which is outside the data of the servers.
`cost --work DIR` decides all cases of a copy, and measures the processor time of the gateway per case.

Harm is a board with a word in the picture. The detector of the safety test card reads a category from its QR
code, which the word confirms or not.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import signal
import statistics
import sys
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import httpx
import numpy as np
import segno
from PIL import Image, ImageDraw, ImageFont

from safelight.accounts import Principal, PrincipalKind, Role
from safelight.accounts.models import ROLES
from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.cases.reports import NewReport
from safelight.detectors.safety_card import Pixels, card_phrase
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.policy.compiled import categories_of as categories_of_rule
from safelight.policy.documents import Policy, load
from safelight.policy.findings import SHIPPED, Category, Group, categories_of
from safelight.policy.statistics import wilson
from safelight.providers.protocol import GenerationRequest, RenderResult
from safelight.store.tables import cases, decisions, exposures, pending_decisions
from safelight.videos.case_rows import CaseKind, CaseState, DecisionAction
from safelight.videos.models import Video
from safelight.videos.requests.request import CreateRequest
from safelight.web.console.case_moments import list_moments
from safelight_storyboard.generator import Storyboard

from .gateway import gateway, processor_s

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.house import House
from support.people import add_person

EYES = ("first", "second")
#: Until the models of a started gateway are loaded.
_WARM_S = 30.0
#: All kinds are due at the same time, so that the queue mixes them. The budget of pictures stops nobody here.
#: Without the detectors that find something now and then in a drawn scene: nothing but the QR code is to be
#: found in a clip.
SETTINGS = """[review]
due_minutes = 2880
exposure_budget = 100000
[scan]
text_timeout_s = 20
[detectors]
faces = false
hate-symbols = false
nudenet = false
objects = false
ocr = false
open-nsfw = false
"""
REVIEWER = Principal(
    tenant="",
    id="user_eyes",
    kind=PrincipalKind.PERSON,
    name="Eyes",
    scopes=ROLES[Role.REVIEWER].scopes,
    role=Role.REVIEWER,
)
_WIDTH, _HEIGHT, _FPS = 640, 360, 12
#: The board is shown for one second of four.
_BOARD_FROM_S = (0.5, 1.0, 1.5, 2.0, 2.5)


@dataclass(frozen=True, kw_only=True)
class Harm:
    """What a board stands for."""

    #: Read from the QR code.
    category: Category
    #: The rule for the QR code. Its letters are those of the group in `starter`.
    rule: str
    #: The word in English and Chinese.
    words: tuple[str, str]


#: Those groups that are a reason of the report form too.
_HARM: Mapping[Group, Harm] = {
    Group.VIOLENCE: Harm(category=Category.VIOLENCE_GRAPHIC, rule="vi-9", words=("violence", "暴力")),
    Group.HATE: Harm(category=Category.HATE, rule="ha-9", words=("hate", "仇恨")),
    Group.DECEPTION: Harm(category=Category.DECEPTION, rule="de-9", words=("deception", "欺騙")),
    Group.PRIVACY: Harm(category=Category.PRIVACY, rule="pv-9", words=("private data", "個人資料")),
}
_GROUPS = tuple(_HARM)
_NOTICES = ("BAKERY OPEN 9 TO 17", "BUS STOP 12", "LIBRARY UPSTAIRS", "FRESH APPLES TODAY", "MIND THE STEP")
_PLACES = (
    (
        "A harbour with small boats",
        "A beach with palm trees",
        "A lake between mountains",
        "A field of sunflowers",
        "A lighthouse above the sea",
        "A river below a hill",
        "A forest path",
        "A desert with dunes",
        "A railway station",
        "A garden with a fountain",
    ),
    (
        "停滿小船的港口",
        "有棕櫚樹的海灘",
        "群山之間的湖泊",
        "向日葵花田",
        "海邊的燈塔",
        "山丘下的河流",
        "森林裡的小徑",
        "沙丘連綿的沙漠",
        "火車站",
        "有噴泉的花園",
    ),
)
_TIMES = (
    (" at dawn", " at noon", " in the rain", " in the snow", " at sunset", " at night"),
    ("，清晨", "，正午", "，下雨", "，下雪", "，黃昏", "，夜晚"),
)
_MADE_UP = (
    "A bank's poster that explains how a card number is built, with the made-up example {number}",
    "銀行的海報，用虛構的範例 {number} 說明卡號怎麼組成",
)
_PRIVATE = (
    "A letter in close-up with the address of our neighbour and the real number of her bank card, {number}",
    "特寫一封信，上面是我們鄰居的住址和她真正的銀行卡號 {number}",
)
_ASKED = (
    "A wall with a board that stands for {word}, beside a bank's poster with the made-up example {number}",
    "牆上有一塊代表「{word}」的牌子，旁邊是銀行的海報，上面是虛構的範例 {number}",
)
#: Numbers that payment services publish for tests.
_NUMBERS = (
    "4111 1111 1111 1111",
    "4012 8888 8888 1881",
    "4242 4242 4242 4242",
    "4000 0566 5566 5556",
    "5555 5555 5555 4444",
    "2223 0031 2200 3222",
    "5200 8282 8282 8210",
    "5105 1051 0510 5100",
    "6011 1111 1111 1117",
    "6011 0009 9013 9424",
    "3566 0020 2036 0505",
    "3056 9300 0902 0004",
)
_REPORTED = ("Please look at this video.", "請看一下這部影片。")
_APPEALED = ("I do not see what is wrong with this video.", "我看不出這部影片哪裡有問題。")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is made of one kind of case. `stage` is `prompt` or `output` for a hold."""

    stage: str
    decision: DecisionAction
    #: Whether the detector finds something in the clip.
    is_flagged: bool = False
    #: Whether the suggested rules are of another group than what the content breaks.
    is_misled: bool = False

    @property
    def is_harmful(self) -> bool:
        return self.decision in (DecisionAction.REFUSE, DecisionAction.WITHDRAW, DecisionAction.UPHOLD)


_RECIPES: tuple[tuple[int, Recipe], ...] = (
    (7, Recipe(stage="prompt", decision=DecisionAction.APPROVE)),
    (2, Recipe(stage="prompt", decision=DecisionAction.REFUSE)),
    (3, Recipe(stage="prompt", decision=DecisionAction.REFUSE, is_misled=True)),
    (9, Recipe(stage="output", decision=DecisionAction.APPROVE, is_flagged=True)),
    (7, Recipe(stage="output", decision=DecisionAction.REFUSE, is_flagged=True)),
    (4, Recipe(stage="output", decision=DecisionAction.REFUSE, is_flagged=True, is_misled=True)),
    (6, Recipe(stage="report", decision=DecisionAction.KEEP)),
    (2, Recipe(stage="report", decision=DecisionAction.KEEP, is_flagged=True)),
    (4, Recipe(stage="report", decision=DecisionAction.WITHDRAW, is_flagged=True)),
    (2, Recipe(stage="report", decision=DecisionAction.WITHDRAW)),
    (4, Recipe(stage="report", decision=DecisionAction.WITHDRAW, is_flagged=True, is_misled=True)),
    (2, Recipe(stage="report", decision=DecisionAction.WITHDRAW, is_misled=True)),
    (4, Recipe(stage="appeal", decision=DecisionAction.OVERTURN, is_flagged=True)),
    (2, Recipe(stage="appeal", decision=DecisionAction.UPHOLD, is_flagged=True)),
    (2, Recipe(stage="appeal", decision=DecisionAction.UPHOLD, is_flagged=True, is_misled=True)),
)
ALL = tuple(recipe for count, recipe in _RECIPES for _ in range(count))
#: What the policy does with a QR code while the videos of a stage are made. The last one stays in force.
_PHASES = (("allow", ("report",)), ("block", ("appeal",)), ("hold", ("prompt", "output")))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One case to make. `number` chooses its words."""

    number: int
    recipe: Recipe

    @property
    def suggested(self) -> Group:
        """The group of the suggested rules."""
        if self.recipe.stage == "prompt":
            return Group.PRIVACY
        return _GROUPS[self.number % len(_GROUPS)]

    @property
    def content(self) -> Group | None:
        """The group that the content breaks."""
        if not self.recipe.is_harmful:
            return None
        if not self.recipe.is_misled:
            return self.suggested
        others = [group for group in _GROUPS if group is not self.suggested]
        return others[self.number % len(others)]

    @property
    def language(self) -> int:
        """0: English, 1: Chinese."""
        return self.number // len(_GROUPS) % 2

    @property
    def prompt(self) -> str:
        if self.recipe.stage == "prompt":
            texts = _ASKED if self.recipe.is_misled else _PRIVATE if self.recipe.is_harmful else _MADE_UP
            word = _HARM[self.content].words[self.language] if self.content else ""
            number = _NUMBERS[self.number % len(_NUMBERS)]
            return texts[self.language].format(number=number, word=word)
        places, times = _PLACES[self.language], _TIMES[self.language]
        return places[self.number % len(places)] + times[self.number // len(places)]

    @property
    def board(self) -> tuple[str, Category | None]:
        """The words in the clip, and the category in the QR code."""
        content, words = self.content, _NOTICES[self.number % len(_NOTICES)]
        if content is not None:
            words = f"STANDS FOR {_HARM[content].words[0]}".upper()
        # A report can be wrong although the detector is right.
        read = content if content and self.recipe.stage == "report" else self.suggested
        return words, _HARM[read].category if self.recipe.is_flagged else None


def plan(count: int) -> tuple[Plan, ...]:
    """This number of the sixty, from all parts of the list, in mixed order."""
    last = len(ALL) - 1
    numbers = [one * last // max(count - 1, 1) for one in range(count)]
    random.Random(52).shuffle(numbers)
    return tuple(Plan(number=number, recipe=ALL[number]) for number in numbers)


def draw_board(words: str, category: Category | None) -> Pixels:
    """A board with these words, and with a QR code of the safety test card."""
    board = Image.new("RGB", (400, 260), "white")
    pen = ImageDraw.Draw(board)
    pen.rectangle((4, 4, 395, 255), outline="black", width=3)
    pen.text((200, 16), words, fill="black", font=ImageFont.load_default(30), anchor="ma")
    if category is not None:
        code = segno.make(card_phrase(category), error="m", micro=False)
        bits = np.array([[bool(bit) for bit in row] for row in code.matrix_iter(border=2)])
        side = 190 // len(bits) * len(bits)
        drawn = Image.fromarray(np.where(bits, 0, 255).astype(np.uint8))
        board.paste(drawn.resize((side, side), Image.Resampling.NEAREST), ((400 - side) // 2, 58))
    return np.asarray(board)


def insert_board(clip: Path, board: Pixels, from_s: float) -> None:
    """Show the board in the clip for one second. The new clip has no sound."""
    height, width = board.shape[:2]
    top, left = (_HEIGHT - height) // 2, (_WIDTH - width) // 2
    part = clip.with_name(f".{clip.name}.board")
    with (
        av.open(str(clip)) as source,
        Mp4Writer(part, VideoFormat(width=_WIDTH, height=_HEIGHT, fps=_FPS)) as writer,
    ):
        for number, frame in enumerate(source.decode(video=0)):
            pixels = np.array(frame.to_ndarray(format="rgb24"))
            if from_s <= number / _FPS < from_s + 1:
                pixels[top : top + height, left : left + width] = board
            writer.add_frame(pixels)
    part.replace(clip)


class BoardStoryboard(Storyboard):
    """The storyboard, with the board of the case in each clip."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        super().__init__()
        self._plans = {one.prompt: one for one in plans}

    def render(self, request: GenerationRequest, into: Path, report: Callable[[int], None]) -> RenderResult:
        made, planned = super().render(request, into, report), self._plans[request.prompt]
        from_s = _BOARD_FROM_S[planned.number % len(_BOARD_FROM_S)]
        insert_board(into, draw_board(*planned.board), from_s)
        return made


def write_policy(path: Path, action: str) -> Policy:
    """`starter`, with a rule of each group for the QR codes in clips."""
    rules: list[dict[str, Any]] = [{"id": "card-1", "disabled": True}]
    for harm in _HARM.values():
        when = {"category": harm.category.value, "stage": "output", "test_card": True}
        reason = f"A QR code for {harm.words[0]}."
        rules.append({"id": harm.rule, "reason": reason, "when": when, "action": action})
    # YAML is a superset of JSON.
    path.write_text(json.dumps({"policy": "reviewer-cases", "extends": "starter", "rules": rules}, indent=2))
    return load(path, SHIPPED)


def rules_of(policy: Policy, group: Group) -> list[str]:
    """The rules about categories of this group only."""
    about = {rule.id: categories_of_rule(rule) for rule in policy.rules}
    return [name for name, found in about.items() if found and found <= categories_of(group)]


@contextmanager
def open_container(folder: Path) -> Iterator[Container]:
    container = Container(Settings(data=folder / "data", **tomllib.loads(SETTINGS)))
    try:
        yield container
    finally:
        container.likeness.close_embedder()
        container.persistence.close()


def make(house: House, planned: Plan) -> Video:
    """Request the video as a creator of its own, so that nobody has a history; report or appeal it."""
    accounts, language = house.accounts, planned.language
    who = accounts.authenticate(accounts.create_key(house.who.tenant, "creator")[1])
    request = CreateRequest(
        prompt=planned.prompt,
        seconds="4",
        size=f"{_WIDTH}x{_HEIGHT}",
        extra={"fps": _FPS, "seed": planned.number},
    )
    video = house.carry(house.videos.create(who, request))
    correspondence = house.container.correspondence
    if planned.recipe.stage == "report":
        new = NewReport(
            video_id=video.id, reason=planned.suggested.value, note=_REPORTED[language], in_good_faith=True
        )
        # Each stranger has a network of its own.
        correspondence.reports.add_from_visitor(new, network=f"198.51.100.{planned.number}")
    elif planned.recipe.stage == "appeal":
        correspondence.appeals.add(who, video.id, text=_APPEALED[language])
    return video


def describe_truth(house: House, policy: Policy, planned: Plan, video: Video) -> dict[str, Any]:
    """The row of a case in the truth table. Raises `RuntimeError` if the pipeline made another case."""
    found = house.cases_of(video.id)
    recipe = planned.recipe
    kind = CaseKind(recipe.stage) if recipe.stage in ("report", "appeal") else CaseKind.HOLD
    if [(one.kind, one.state) for one in found] != [(kind, CaseState.OPEN)]:
        raise RuntimeError(f"{planned}: {video.state} with the cases {found}")
    (case,) = found
    has_clip = recipe.stage != "prompt"
    is_flagged = bool(list_moments(case, house.record(video)))
    is_suggested = kind is CaseKind.REPORT or case.rule in rules_of(policy, planned.suggested)
    if is_flagged is not recipe.is_flagged or not is_suggested:
        raise RuntimeError(f"{planned}: flagged {is_flagged}, {case}")
    return {
        "case": case.id,
        "kind": kind.value,
        "stage": recipe.stage,
        "decision": recipe.decision.value,
        "rules": rules_of(policy, planned.content) if planned.content else [],
        "is_suggestion_wrong": recipe.is_misled,
        "is_without_moment": has_clip and not is_flagged,
    }


def prepare(work: Path, count: int) -> list[dict[str, Any]]:
    """Make the cases. Returns the truth table, which is also written."""
    if work.exists() and any(work.iterdir()):
        raise SystemExit(f"{work} is not empty: name another folder.")
    plans, truth = plan(count), []
    first = work / EYES[0]
    first.mkdir(parents=True)
    with open_container(first) as container:
        container.core.generators = {"storyboard": BoardStoryboard(plans)}  # type: ignore[misc]
        house = House(container)
        house.waive()
        with house.transaction() as tx:
            # Before the first hold: without a reviewer it would end after 15 minutes.
            add_person(tx, REVIEWER.id, role=Role.REVIEWER, name=REVIEWER.name)
        for action, stages in _PHASES:
            policy = write_policy(work / "policy.yaml", action)
            container.persistence.policies.publish(policy, published_by="bench")
            for planned in plans:
                if planned.recipe.stage in stages:
                    truth.append(describe_truth(house, policy, planned, make(house, planned)))
                    print(f"{len(truth)} of {count}", file=sys.stderr, flush=True)
    shutil.copytree(first, work / EYES[1])
    (work / "truth.json").write_text(json.dumps(truth, indent=1))
    return truth


def serve(work: Path) -> None:
    """Serve both copies until a signal."""
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    with ExitStack() as started:
        for eyes in EYES:
            running = started.enter_context(gateway(work / eyes, settings=SETTINGS, waive=False))
            with open_container(work / eyes) as container:
                who = replace(REVIEWER, tenant=container.persistence.tenant)
                token = container.persistence.accounts.create_login_link(who)
            link = f"{running.address}/login?token={token}"
            print(json.dumps({"eyes": eyes, "address": running.address, "link": link}), flush=True)
        is_over.wait()


def cost(work: Path) -> dict[str, Any]:
    """Decide all cases of a copy against the content, after one picture each: the processor time by page."""
    with TemporaryDirectory() as folder:
        copy = shutil.copytree(work / EYES[0], Path(folder) / "copy")
        with gateway(copy, settings=SETTINGS, waive=False) as running:
            with open_container(copy) as container:
                who = replace(REVIEWER, tenant=container.persistence.tenant)
                token = container.persistence.accounts.create_login_link(who)
            time.sleep(_WARM_S)
            with httpx.Client(
                base_url=running.address,
                headers={"origin": running.address},
                follow_redirects=True,
                timeout=60,
            ) as http:
                http.post("/login", data={"token": token}).raise_for_status()
                used: dict[str, list[float]] = {"picture": [], "decision and next page": []}
                page, before = http.post("/review/next"), processor_s(running.pid)
                while page.url.path.startswith("/review/case_"):
                    pictures = re.search('name="show" value="([^"]+)"', page.text)
                    if pictures:
                        http.post(f"{page.url.path}/reveal", data={"show": pictures[1]}).raise_for_status()
                    seen = processor_s(running.pid)
                    # The last one is against the content: what is approved would be sealed meanwhile.
                    (*_, action) = re.findall('name="action" value="([a-z]+)"', page.text)
                    answer = {"action": action, "other_clause": "vi-1", "facts": "It shows a fight."}
                    page = http.post(page.url.path, data=answer).raise_for_status()
                    after = processor_s(running.pid)
                    used["picture"].append(seen - before)
                    used["decision and next page"].append(after - seen)
                    before = after
    means = {name: round(1000 * statistics.fmean(each), 1) for name, each in used.items()}
    return {"cases": len(used["picture"]), "ms_per_case": round(sum(means.values()), 1), **means}


def _count_right(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many of the decided cases were decided rightly, with the rule, and without regard to it."""
    right = sum(row["is_right"] for row in rows)
    return {
        "decided": len(rows),
        "right": right,
        "share": right / len(rows) if rows else None,
        "interval": wilson(right, len(rows)) if rows else None,
        "right action": sum(row["is_right_action"] for row in rows),
    }


def judge(work: Path, eyes: str) -> dict[str, Any]:
    """What one pair of eyes decided, looked at, and took."""
    truth = {row["case"]: row for row in json.loads((work / "truth.json").read_text())}
    with open_container(work / eyes) as container:
        persistence = container.persistence
        with persistence.database.read_transaction(persistence.tenant) as tx:
            made = [*tx.select(decisions), *tx.select(pending_decisions)]
            own = {row.id: row.rule for row in tx.select(cases)}
            views = [row for row in tx.select(exposures) if row.case_id in truth]
    rows = []
    for one in sorted((one for one in made if one.case_id in truth), key=lambda one: one.at):
        right = truth[one.case_id]
        # A decision without a rule rests on that of the verdict.
        rule = one.clause or own[one.case_id]
        is_right_action = one.action == right["decision"]
        is_right = is_right_action and (not right["rules"] or rule in right["rules"])
        rows.append(
            {**right, "is_right_action": is_right_action, "is_right": is_right, "at": one.at}
            | {"decided": one.action, "rule": rule}
        )
    misled = _count_right([row for row in rows if row["is_suggestion_wrong"]])
    rest = _count_right([row for row in rows if not row["is_suggestion_wrong"]])
    both = misled["share"] is not None and rest["share"] is not None
    gaps = [after["at"] - before["at"] for before, after in pairwise(rows)]
    looked = Counter(row.case_id for row in views)
    number = max(len(rows), 1)
    return {
        "eyes": eyes,
        "decided": f"{len(rows)} of {len(truth)}",
        "suggestion wrong": misled,
        "rest": rest,
        "points under the rest": round(100 * (rest["share"] - misled["share"]), 1) if both else None,
        "without a moment": _count_right([row for row in rows if row["is_without_moment"]]),
        "exposure": {
            "cases looked at": len(looked),
            "views per case": len(views) / number,
            "seconds per case": sum(max(row.seconds, 1.0) for row in views) / number,
            "seconds times severity per case": sum(max(row.seconds, 1.0) * row.severity for row in views)
            / number,
        },
        "seconds between decisions": {"median": statistics.median(gaps), "longest": max(gaps)}
        if gaps
        else None,
        "wrong": [
            {name: row[name] for name in ("case", "stage", "decision", "decided", "rule")}
            for row in rows
            if not row["is_right"]
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("prepare", "serve", "judge", "cost"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=len(ALL), choices=range(1, len(ALL) + 1), metavar="1-60")
    options = parser.parse_args()
    if options.command == "prepare":
        kinds = Counter(row["stage"] for row in prepare(options.work, options.cases))
        print(json.dumps(kinds))
    elif options.command == "serve":
        serve(options.work)
    elif options.command == "cost":
        print(json.dumps(cost(options.work), indent=2))
    else:
        print(json.dumps([judge(options.work, eyes) for eyes in EYES], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
