"""What Whisper base hears behind the speech detector, on synthesised speech, and what the policy makes of it.

    python -m bench.spoken words | silence | harm | list [--speech FOLDER] [--json]

`words`: words (Chinese: syllables) that are wrong, by kind of sound, with CPU and memory. `silence`: clips
without speech that get text. `harm`: the rows of `bench/acts/test/spoken.jsonl`, written and spoken; prints
counts only. English is spoken by espeak-ng. Its Mandarin is not understood, so Chinese rows are read from
FOLDER/ID.npy (mono, 16 kHz); `list` prints their ids and texts.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from bench.sound import sounds, storyboard_sounds
from safelight.app.container import load as load_parts
from safelight.media.probe import VideoLimits
from safelight.policy.documents import load
from safelight.policy.statistics import wilson
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, WaiverTerms
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.output import OutputStage
from safelight.screening.prompt import PromptStage
from safelight.screening.scanning.audio import AudioResult, scan_audio
from safelight.screening.scanning.detector_runner import DetectorRunner
from safelight.screening.scanning.report import ScanReport
from safelight.testing.speech import synthesize

Samples = npt.NDArray[np.float32]
RATE = 16_000
VOICES = ("en", "en-us", "en-gb", "en+f3", "en-us+m7")
ENGLISH = (
    "The children are playing football in the garden behind the school.",
    "My brother works at the hospital and comes home late in the evening.",
    "We will drink coffee in the kitchen before the train leaves.",
    "Please close the window, because it is getting cold in here.",
    "The market opens at nine in the morning and closes in the afternoon.",
    "She opened the letter and read it twice without a word.",
    "Two boats are waiting in the harbour until the storm is over.",
    "Nobody knew that the old bridge would be closed for a month.",
    "The teacher asked us to bring paper, scissors and a little glue.",
    "He bought a bottle of milk and some bread on his way home.",
    "The museum shows paintings of the sea from three hundred years.",
    "Tomorrow the weather will be warm with a little rain at night.",
)
CHINESE = (
    "今天早上我和朋友去公园散步，看见很多人在打太极拳。",
    "我的弟弟在医院工作，每天晚上很晚才回家。",
    "明天上午九点开会，请大家不要迟到。",
    "妈妈在厨房里做饭，孩子们在院子里踢足球。",
    "请把窗户关上，外面开始下雨了。",
    "老师让我们带纸、剪刀和胶水来上课。",
    "这座老桥下个月要关闭，因为需要修理。",
    "他在回家的路上买了牛奶和面包。",
    "博物馆里有很多三百年前的图画。",
    "火车站离这里很远，我们应该坐公共汽车去。",
    "春节的时候，全家人一起吃饺子看电视。",
    "船在港口等了两天，风终于停了。",
)
_ACTS = Path(__file__).parent / "acts" / "test" / "spoken.jsonl"
_STOPS = (Action.HOLD, Action.BLOCK)


def chinese_rows() -> Iterator[tuple[str, str]]:
    """Id and text of everything that espeak-ng cannot speak."""
    yield from ((f"zh-{number}", text) for number, text in enumerate(CHINESE))
    for line in _ACTS.read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["lang"].startswith("zh"):
            yield row["id"], row["text"]


class Listener:
    """The speech detector and the transcriber, as the scan's child has them."""

    def __init__(self) -> None:
        self.runners = [DetectorRunner(name, {}, call_timeout_s=120.0) for name in ("vad", "whisper")]

    def hear(self, samples: Samples) -> tuple[AudioResult, float]:
        """The result, and its CPU seconds."""
        for runner in self.runners:
            runner.reset()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "sound.mkv")
            with av.open(path, "w") as file:
                track = file.add_stream("pcm_s16le", rate=RATE, layout="mono")
                pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
                frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
                frame.sample_rate = RATE
                file.mux([*track.encode(frame), *track.encode(None)])
            began = time.process_time()
            found = scan_audio(path, VideoLimits(), self.runners, None)
            return found, time.process_time() - began


def units(text: str) -> list[str]:
    """Words of an English text; of a Chinese one its toneless syllables, by pypinyin."""
    if any("\u3400" <= letter <= "\u9fff" for letter in text):
        # Only measured with it; imported by name, because nothing else needs it.
        pinyin = importlib.import_module("pypinyin").lazy_pinyin
        return [one for one in pinyin(text, errors="ignore") if one.isalpha()]
    kept = "".join(letter if letter.isalnum() or letter.isspace() else " " for letter in text.lower())
    return unicodedata.normalize("NFKC", kept).split()


def wrong_units(said: Sequence[str], heard: Sequence[str]) -> int:
    """Substitutions, insertions and deletions between two lists of words."""
    row = list(range(len(heard) + 1))
    for index, one in enumerate(said, start=1):
        above, row[0] = row[0], index
        for place, other in enumerate(heard, start=1):
            above, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, above + (one != other)),
            )
    return row[-1]


def behind(voice: Samples, kind: str, rng: np.random.Generator) -> Samples:
    """The voice with a second of silence on both sides, over a sound as loud as it is or half as loud."""
    wide = np.concatenate([np.zeros(RATE, np.float32), voice, np.zeros(RATE, np.float32)])
    if kind == "alone":
        return wide
    name, share = kind.split(", ")
    noise = np.resize(sounds(rng)[name](), wide.size)
    level = float(voice.std()) * {"10 dB below": 0.316, "as loud": 1.0}[share]
    return np.asarray(wide + noise * level / max(float(noise.std()), 1e-6), np.float32)


def measure_words(speech: Path | None) -> dict[str, Any]:
    listener, rng = Listener(), np.random.default_rng(5)
    said = [
        (text, 0.5 * synthesize(text, voice=VOICES[number % len(VOICES)]).at(RATE))
        for number, text in enumerate(ENGLISH)
    ]
    spoken = {"English": said}
    if speech is not None:
        spoken["Chinese"] = [
            (text, np.load(speech / f"zh-{number}.npy")) for number, text in enumerate(CHINESE)
        ]
    found: dict[str, Any] = {}
    cpu = started = 0.0
    for language, rows in spoken.items():
        for kind in ("alone", "music, 10 dB below", "music, as loud", "pink noise, 10 dB below"):
            wrong = total = gaps = 0
            for text, voice in rows:
                result, spent = listener.hear(behind(voice, kind, rng))
                cpu, started = cpu + spent, started + 1
                heard = units(" ".join(line.text for line in result.transcript))
                wrong += wrong_units(units(text), heard)
                total += len(units(text))
                gaps += bool(result.report and result.report.unreadable)
            found[f"{language}, {kind}"] = {
                "units": total,
                "wrong": round(wrong / total, 3),
                "rows": len(rows),
                "gaps": gaps,
            }
    longer = np.concatenate([voice for _text, voice in said])
    _result, spent = listener.hear(longer)
    found["cost"] = {
        "cpu_s_per_short_clip": round(cpu / started, 2),
        "cpu_s_per_started_30_s": round(spent / -(-longer.size // (30 * RATE)), 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    return found


def measure_silence() -> dict[str, Any]:
    listener = Listener()
    with tempfile.TemporaryDirectory() as folder:
        made = [("storyboard", one) for one in storyboard_sounds(Path(folder))]
    for seed in range(16):
        made += [(name, make()) for name, make in sounds(np.random.default_rng(100 + seed)).items()]
    found: Counter[str] = Counter()
    for name, samples in made:
        result, _cpu = listener.hear(samples)
        found["clips"] += 1
        found["speech detected"] += bool(result.report and result.report.speech)
        found["with text"] += bool(result.transcript)
        found[f"with text: {name}"] += bool(result.transcript)
        found["gaps"] += bool(result.report and result.report.unreadable)
    return dict(found)


class Judge:
    """`starter` with a waiver for what nothing here checks, as `make run` has it."""

    def __init__(self, folder: Path) -> None:
        config = folder / "safelight.toml"
        config.write_text(f"data = {json.dumps(str(folder / 'data'))}\n")
        container = load_parts(config)
        taxonomy = container.core.taxonomy
        waiver = WaiverTerms(id="bench", name="bench", categories=("*",))
        self.policy = TenantPolicy(
            tenant="default", taxonomy=taxonomy, policy=load("starter", taxonomy), waivers=(waiver,)
        )
        self.stage = OutputStage(
            scanner=container.pipeline.stages.output.scanner, pipeline=container.core.text_pipeline
        )
        self.prompts = PromptStage(pipeline=self.stage.pipeline)

    def prompt(self, text: str) -> bool:
        return _is_stopped(self.prompts.screen({"prompt": text}, self.policy))

    def spoken(self, result: AudioResult) -> bool:
        report = ScanReport(transcript=result.transcript)
        context = ScreeningContext(policy=self.policy, texts={}, prior=())
        return _is_stopped(self.stage.evaluate_report(report, context, subject_sha256="0" * 64)[0])


def _is_stopped(result: StageResult) -> bool:
    # A hold for a gap alone finds nothing.
    return result.verdict.action in _STOPS and bool(result.verdict.findings)


def measure_harm(speech: Path | None) -> dict[str, Any]:
    rows = [json.loads(line) for line in _ACTS.read_text("utf-8").splitlines()]
    found: Counter[tuple[str, str]] = Counter()
    listener = Listener()
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(Path(folder))
        for number, row in enumerate(rows):
            is_chinese = row["lang"].startswith("zh")
            if is_chinese and speech is None:
                continue
            group = f"{row['label']}, {'Chinese' if is_chinese else 'English'}"
            if is_chinese and speech is not None:
                voice = np.load(speech / f"{row['id']}.npy")
            else:
                voice = 0.5 * synthesize(row["text"], voice=VOICES[number % len(VOICES)]).at(RATE)
            result, _cpu = listener.hear(behind(voice, "alone", np.random.default_rng(number)))
            text = " ".join(line.text for line in result.transcript)
            for name, counted in (
                ("rows", True),
                ("stopped as a prompt", judge.prompt(row["text"])),
                ("stopped spoken", judge.spoken(result)),
                ("transcript stopped as a prompt", bool(text) and judge.prompt(text)),
                ("gap", bool(result.report and result.report.unreadable)),
                ("no text", not text),
            ):
                found[group, name] += bool(counted)
    return {
        group: {
            name: count if name == "rows" else [count, *(round(end, 2) for end in wilson(count, total))]
            for (of, name), count in found.items()
            if of == group
        }
        for group in sorted({group for group, _name in found})
        if (total := found[group, "rows"])
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("words", "silence", "harm", "list"))
    parser.add_argument("--speech", type=Path, help="Folder with ID.npy of the Chinese rows.")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.part == "list":
        for name, text in chinese_rows():
            print(json.dumps({"id": name, "text": text}, ensure_ascii=False))
        return
    found = {
        "words": lambda: measure_words(given.speech),
        "silence": measure_silence,
        "harm": lambda: measure_harm(given.speech),
    }[given.part]()
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
