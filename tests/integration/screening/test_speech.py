"""Show 6, a plumbing test: words and times from the synthesiser's own events, over the real wire format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safelight.detectors.protocol import Transcriber
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.remote.plugins import TRANSCRIPTION
from safelight.detectors.text.pipeline import TextPipeline
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Coverage, Finding, Modality, Stage, TimeRange
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, Verdict, WaiverTerms
from safelight.screening.evaluation import ScreeningContext, StageInput, StageResult, evaluate
from safelight.screening.output import OutputStage
from safelight.screening.prompt import PromptStage
from safelight.screening.scanning.report import ScanReport
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight.screening.scanning.tasks import OutputDirs
from safelight.screening.speech import SpeechAnalyzer
from safelight.testing.speech import SpeechMissing, Spoken, found_at, samples_of, synthesize
from safelight.testing.transcription import FailureMode, ScriptedTranscriber
from support.clips import RATE, hum, make_clip
from support.optional_tools import leave_out
from support.rows import each_row
from support.verdicts import seen

DEMO = WaiverTerms(id="waiver_1", name="demo", categories=("*",))
LINES = ("Good morning everybody, welcome to the harbour.", "The market opens at nine, bring a basket.")
#: Where they stand in the clip.
AT_S = (1.0, 6.5)
SECONDS = 11


@pytest.fixture(scope="module")
def spoken() -> tuple[Spoken, ...]:
    try:
        return tuple(synthesize(line) for line in LINES)
    except SpeechMissing as error:
        leave_out("espeak-ng", str(error))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, spoken: Sequence[Spoken]) -> Path:
    sound = hum(float(SECONDS)) * np.float32(0.3)
    for one, at_s in zip(spoken, AT_S, strict=True):
        voice = one.at(RATE)
        start = round(at_s * RATE)
        sound[start : start + voice.size] += 0.6 * voice
    folder = tmp_path_factory.mktemp("clip")
    return make_clip(folder / "said.mp4", frames=SECONDS * 8, fps=8, sound=sound)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "quiet.mp4", frames=24, sound=hum(1.0))


@pytest.fixture(scope="module")
def pipeline() -> TextPipeline:
    settings = {"minilm": False, "text-guard": False}
    return TextPipeline(DetectorRegistry.discover(settings).text_detectors(), budget_s=20.0)  # type: ignore[arg-type]


def tenant_policy(*waivers: WaiverTerms, policy: str = "starter") -> TenantPolicy:
    return TenantPolicy(tenant="t", taxonomy=SHIPPED, policy=load(policy, SHIPPED), waivers=waivers)


def scanner(sandbox: Sandbox) -> Scanner:
    return Scanner(sandbox, (("vad", {}),), ScannerOptions(warm_children=0, video_timeout_s=60.0))


def hello() -> ScriptedTranscriber:
    """A server that hears one word in every recording."""
    return ScriptedTranscriber(lambda _wav: [("hello", 0.1, 0.2)])


def asking(server: ScriptedTranscriber, **options: object) -> Transcriber:
    settings = {"url": server.url, "model": "whisper-1", "timeout_s": 10.0, **options}
    assert TRANSCRIPTION.missing(settings) is None
    return TRANSCRIPTION.load(settings)


def scan(
    sandbox: Sandbox, clip: Path, pipeline: TextPipeline, hearing: SpeechAnalyzer, *waivers: WaiverTerms
) -> tuple[StageResult, ScanReport]:
    stage = OutputStage(scanner=scanner(sandbox), pipeline=pipeline, speech_analyzer=hearing)
    return stage.scan(clip, ScreeningContext(policy=tenant_policy(*waivers)), subject_sha256="0" * 64)


def test_the_transcript_keeps_words_and_times(
    clip: Path, spoken: Sequence[Spoken], sandbox: Sandbox, pipeline: TextPipeline, tmp_path: Path
) -> None:
    def listens(wav: bytes) -> Iterable[tuple[str, float, float]]:
        samples, rate = samples_of(wav)
        for one in spoken:
            begins = found_at(one, samples, rate)
            assert begins is not None
            last = len(one.words) - 1
            for index, word in enumerate(one.words):
                stop = "." if index == last else ""
                yield word.text + stop, begins + word.start_s, begins + word.end_s

    with ScriptedTranscriber(listens) as server:
        hearing = SpeechAnalyzer(transcriber=asking(server, api_key_env=""), scratch=lambda: tmp_path)
        judged, report = scan(sandbox, clip, pipeline, hearing, DEMO)
    assert report.transcript is not None
    assert [len(line.words) for line in report.transcript] == [len(one.words) for one in spoken]
    for line, one, at_s in zip(report.transcript, spoken, AT_S, strict=True):
        for heard, said in zip(line.words, one.words, strict=True):
            assert heard.text == said.text
            assert heard.start_s == pytest.approx(at_s + said.start_s, abs=0.2)
            assert heard.end_s == pytest.approx(at_s + said.end_s, abs=0.2)
    assert judged.verdict.action is Action.ALLOW
    cell = judged.coverage.cell("extremism", Modality.AUDIO)
    assert (cell.required, cell.complete) == (True, True)
    [asked] = server.asked
    assert asked.fields["model"] == ["whisper-1"]
    assert asked.fields["timestamp_granularities[]"] == ["word", "segment"]
    # Only the speech is sent, and nothing stays behind.
    assert (asked.rate, asked.seconds < SECONDS - 1) == (16_000, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("manner", [one for one in FailureMode if one is not FailureMode.WELL])
def test_a_failing_transcription_server_leaves_a_gap_that_no_waiver_excuses(
    manner: FailureMode, clip: Path, sandbox: Sandbox, pipeline: TextPipeline, tmp_path: Path
) -> None:
    with ScriptedTranscriber(lambda _wav: [], manner=manner) as server:
        hearing = SpeechAnalyzer(
            transcriber=asking(server, timeout_s=0.5, timeout_per_s=0.0), scratch=lambda: tmp_path
        )
        judged, _report = scan(sandbox, clip, pipeline, hearing, DEMO)
    assert judged.verdict.action is Action.HOLD
    assert {(hole.category, hole.modality) for hole in judged.verdict.gaps} == {
        (category, Modality.AUDIO) for category in ("sexual", "sexual/minors", "extremism")
    }
    assert all(hole.note for hole in judged.verdict.gaps)


def test_untranscribed_speech_is_a_gap_that_a_waiver_excuses(
    clip: Path, sandbox: Sandbox, pipeline: TextPipeline
) -> None:
    strict, report = scan(sandbox, clip, pipeline, SpeechAnalyzer())
    assert report.transcript is None
    assert strict.verdict.action is Action.HOLD
    assert "Speech present, not transcribed" in strict.verdict.reason
    waived, _report = scan(sandbox, clip, pipeline, SpeechAnalyzer(), DEMO)
    assert waived.verdict.action is Action.ALLOW
    assert ("sexual", Modality.AUDIO) in {(cell.category, cell.modality) for cell in waived.verdict.waived}


def test_without_speech_the_transcript_is_complete(
    quiet: Path, sandbox: Sandbox, pipeline: TextPipeline
) -> None:
    judged, report = scan(sandbox, quiet, pipeline, SpeechAnalyzer(), DEMO)
    assert report.transcript == ()
    assert not [cell for cell in judged.verdict.waived if cell.modality is Modality.AUDIO]
    assert judged.coverage.cell("sexual", Modality.AUDIO).complete


def test_without_the_speech_detector_all_sound_is_transcribed(
    quiet: Path, sandbox: Sandbox, pipeline: TextPipeline, tmp_path: Path
) -> None:
    deaf = Scanner(sandbox, (), ScannerOptions(warm_children=0))
    with ScriptedTranscriber(lambda _wav: [("hello", 0.1, 0.4)]) as server:
        hearing = SpeechAnalyzer(transcriber=asking(server), scratch=lambda: tmp_path)
        stage = OutputStage(scanner=deaf, pipeline=pipeline, speech_analyzer=hearing)
        context = ScreeningContext(policy=tenant_policy(DEMO))
        judged, report = stage.scan(quiet, context, subject_sha256="0" * 64)
    assert [line.text for line in report.transcript or ()] == ["hello"]
    assert judged.verdict.action is Action.ALLOW
    unknown = OutputStage(scanner=deaf, pipeline=pipeline)
    alone, _report = unknown.scan(quiet, ScreeningContext(policy=tenant_policy()), subject_sha256="0" * 64)
    assert "It is unknown whether the sound contains speech" in alone.verdict.reason


@pytest.fixture(scope="module")
def listened(clip: Path, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> ScanReport:
    """A scan whose speech stays where it is."""
    return scanner(sandbox).scan_video(clip, outputs=OutputDirs(speech=tmp_path_factory.mktemp("speech")))


@pytest.fixture
def analyze(listened: ScanReport, pipeline: TextPipeline) -> Callable[..., Any]:
    """What is heard in that scan."""

    def heard(hearing: SpeechAnalyzer, **known: Any) -> Any:
        return hearing.analyze(listened, pipeline, **known)

    return heard


def spoken_verdict(
    text: str,
    listened: ScanReport,
    pipeline: TextPipeline,
    policy: TenantPolicy,
) -> tuple[Verdict, Sequence[Finding]]:
    """The verdict on a clip in which this is said, word by word."""

    def listens(wav: bytes) -> Iterable[tuple[str, float, float]]:
        words = text.split() if " " in text else list(text)
        return [(word, 0.3 + 0.1 * index, 0.4 + 0.1 * index) for index, word in enumerate(words)]

    with ScriptedTranscriber(listens) as server:
        heard = SpeechAnalyzer(transcriber=asking(server)).analyze(listened, pipeline)
    judged = evaluate(
        policy,
        StageInput(
            stage=Stage.OUTPUT,
            subject_sha256="0" * 64,
            findings=heard.findings,
            coverage=(*listened.coverage, *heard.cells),
            modalities=frozenset({Modality.FRAMES, Modality.AUDIO}),
        ),
    )
    return judged.verdict, heard.findings


@each_row
def test_speech_has_the_same_verdict_as_the_same_prompt(
    text: str, policy: str, listened: ScanReport, pipeline: TextPipeline
) -> None:
    rules = tenant_policy(
        DEMO, WaiverTerms(id="w2", name="rest", categories=tuple(one.name for one in SHIPPED)), policy=policy
    )
    prompt = PromptStage(pipeline=pipeline).screen({"prompt": text}, rules).verdict
    said, findings = spoken_verdict(text, listened, pipeline, rules)
    assert (said.action, said.category, said.rule) == (prompt.action, prompt.category, prompt.rule)
    assert ("market" in text) == (prompt.action is Action.ALLOW)
    for finding in findings:
        assert finding.modality is Modality.AUDIO
        assert finding.attributes["speech"] is True
        assert any(isinstance(place, TimeRange) for place in finding.evidence)


def test_a_claim_of_identity_and_a_spoken_name_are_labelled(
    listened: ScanReport, pipeline: TextPipeline
) -> None:
    for text, rule in (
        ("i am the president and school is closed", "de-3"),
        ("albert einstein was right", "de-4"),
    ):
        verdict, findings = spoken_verdict(text, listened, pipeline, tenant_policy(DEMO))
        assert (verdict.action, rule in verdict.matched_rules) == (Action.LABEL, True)
        assert "verified" in verdict.reason
        [place] = [one for one in findings[0].evidence if isinstance(one, TimeRange)]
        assert 0.5 < place.start_s < place.end_s < 4.0
    strict, _findings = spoken_verdict(
        "大家好，我是总统，今天天气很好", listened, pipeline, tenant_policy(DEMO, policy="strict")
    )
    assert strict.action is Action.HOLD


def test_nothing_is_sent_if_findings_suggest_child_abuse(analyze: Callable[..., Any]) -> None:
    with hello() as server:
        hearing = SpeechAnalyzer(transcriber=asking(server))
        heard = analyze(hearing, known=(seen("sexual/minors", 0.4, "frames"),))
    assert (server.asked, heard.transcript) == ([], None)
    assert not any(cell.complete for cell in heard.cells)


def test_a_transcript_is_requested_once_and_within_its_limits(analyze: Callable[..., Any]) -> None:
    with hello() as server:
        hearing = SpeechAnalyzer(transcriber=asking(server))
        assert analyze(hearing) == analyze(hearing)
        assert len(server.asked) == 1
        for limit in ({"max_mb": 0.01}, {"minutes_per_day": 0.01}):
            refused = analyze(SpeechAnalyzer(transcriber=asking(server, **limit)))
            assert (refused.transcript, any(cell.complete for cell in refused.cells)) == (None, False)
        assert len(server.asked) == 1
        server.manner = FailureMode.FAILING
        tired = asking(server, failure_threshold=2)
        for _ in range(4):
            analyze(SpeechAnalyzer(transcriber=tired))
        assert len(server.asked) == 3


def test_likeness_in_audio_is_checked_in_part_because_voices_are_not_compared(
    analyze: Callable[..., Any],
) -> None:
    with hello() as server:
        for hearing, ran in (({}, False), ({"transcriber": asking(server)}, True)):
            found = Coverage().merge(analyze(SpeechAnalyzer(**hearing)).cells)
            cell = found.cell("likeness", Modality.AUDIO)
            assert (cell.ran, cell.complete) == (ran, False)
            assert cell.note.endswith("Spoken names are checked; voices are not compared.")
