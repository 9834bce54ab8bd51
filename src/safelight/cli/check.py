"""`safelight check`: check a prompt and its reference images against the policy."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.errors import InvalidField, NotFound
from safelight.core.fileio import path_as_text
from safelight.providers.advice.prompt_advice import AdviceOptions, BlockedAt

from .check_advice import advice_options
from .check_data import MIN_SCORE, CheckOutput, visible_findings
from .check_try import TryRequest
from .commands import load_container
from .language import language
from .operations import Json
from .output import Exit, emit
from .prompt_checker import (
    FIELD,
    SharedPipeline,
    exit_of,
    find_policy,
    has_data,
    make_pipeline,
    require_length,
    require_unicode,
)
from .provider_names import require_known_provider
from .text_input import read_text

if TYPE_CHECKING:
    from rich.console import Console

    from safelight.app.container import Container
    from safelight.providers.advice.check_result import CheckResult
    from safelight.screening.evaluation import StageResult

app = typer.Typer(add_completion=False)
#: Parameters that `--rows` can be used with.
_WITH_ROWS = frozenset({"rows", "policy", "provider", "as_json"})
#: Verdicts of prompts that are sent to a provider.
_TRIED = frozenset({"allow", "label"})
#: Pictures and clips are screened for at most this time. Longer than in a check by HTTP, because the
#: sandbox and the models are started first, and no connection is kept open.
_REFERENCES_S = 60.0


class CheckLevel(StrEnum):
    """The readers of the printed text: levels of an explanation. JSON is always for developers."""

    END_USER = "end_user"
    DEVELOPER = "developer"


@app.command()
def check(
    ctx: typer.Context,
    prompt: Annotated[
        str | None, typer.Argument(help="The prompt; `-` reads it from standard input.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the prompt from a file.")] = None,
    rows: Annotated[
        Path | None,
        typer.Option(
            "--rows", help="Check every prompt of a file: text with a prompt a line, CSV, or JSON lines."
        ),
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Another policy: a built-in name or a document.")
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            help="Also predict from its documentation what this provider or model does: veo, runway ...",
        ),
    ] = None,
    ref: Annotated[
        list[Path] | None,
        typer.Option("--ref", help="A reference image or clip of the request; repeatable."),
    ] = None,
    apply: Annotated[
        int | None,
        typer.Option("--apply", min=1, help="Apply the suggestion with this number and check the result."),
    ] = None,
    blocked: Annotated[
        BlockedAt | None,
        typer.Option(
            "--blocked", help="The provider blocked this request, or its output: print what to fix."
        ),
    ] = None,
    purpose: Annotated[
        str, typer.Option("--purpose", help="What the video is for, in your own words; only if it is true.")
    ] = "",
    age: Annotated[
        int | None,
        typer.Option(
            "--age", min=18, max=120, help="The age of the only person in the prompt; only if it is true."
        ),
    ] = None,
    rewrite_failed: Annotated[
        bool,
        typer.Option("--rewrite-failed", help="The provider refused an honest rewrite of the prompt too."),
    ] = False,
    ref_shows: Annotated[
        list[str] | None,
        typer.Option(
            "--ref-shows",
            help="A risk in a reference image: sharp_objects, heights, medical, deep_water, pained_faces, "
            "none; repeatable.",
        ),
    ] = None,
    negative_prompt: Annotated[
        str, typer.Option("--negative-prompt", help="The negative prompt; checked too.")
    ] = "",
    template: Annotated[
        str, typer.Option("--template", help="Text that is added around every prompt; checked too.")
    ] = "",
    rewritten: Annotated[
        str,
        typer.Option("--rewritten", help="What a language model made of the prompt; checked too."),
    ] = "",
    rewriter: Annotated[
        bool,
        typer.Option(
            "--rewriter",
            help="Also ask the language model of the settings for rewrites. The prompt is sent there.",
        ),
    ] = False,
    try_it: Annotated[
        bool,
        typer.Option(
            "--try",
            help="Also make one attempt of the shortest length at --provider, through the gateway of --url.",
        ),
    ] = False,
    url: Annotated[
        str,
        typer.Option(
            "--url",
            envvar="SAFELIGHT_URL",
            help="For --try: base URL of the gateway with /v1. The key: SAFELIGHT_API_KEY.",
        ),
    ] = "",
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", min=0, help="For --try: most US dollars of the attempt.")
    ] = None,
    canary: Annotated[
        bool,
        typer.Option(
            "--canary", help="For --try: a canary, whose drift is tested apart from other attempts."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="For --try: do not ask. Needs --max-cost, except on own hardware.")
    ] = False,
    idempotency_key: Annotated[
        str,
        typer.Option(
            "--idempotency-key",
            help="For --try: the key of an attempt whose answer was lost; not made twice.",
        ),
    ] = "",
    checklist: Annotated[
        bool, typer.Option("--checklist", help="Print all suggestions and the ten points of the checklist.")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", help="Also print on standard error whether the running gateway inspected the text."
        ),
    ] = False,
    level: Annotated[
        CheckLevel,
        typer.Option(
            "--level",
            help="Who reads the text: end_user gets no category and no words of a prompt without help.",
        ),
    ] = CheckLevel.END_USER,
    as_json: Json = False,
) -> int:
    """Check a prompt against the policy. Without --try, generates, records and charges nothing.

    Exit code 0: allowed, and with --try passed. 1: --try failed, or sent nothing. 2: the provider of
    --provider is not known. 3: blocked. 4: held. 5: not covered. 6: allowed under a waiver. With --rows: that
    of the worst row; 5 also if one could not be read.
    """
    from safelight.providers.advice.check_result import applied_wire, find_suggestion

    provider = (provider or "").strip()
    if rows is not None:
        _require_only_rows(ctx)
    if try_it:
        _require_triable(provider, ref, negative_prompt or template or rewritten)
        if max_cost is not None and not math.isfinite(max_cost):
            raise InvalidField("--max-cost must be a number of US dollars.", param="max-cost")
    elif provider:
        require_known_provider(provider)
    if verbose:
        logging.basicConfig(format="%(message)s")
        logging.getLogger("safelight.screening.text_socket").setLevel(logging.INFO)
    if rows is not None:
        from .check_rows import check_rows

        return check_rows(load_container(ctx), rows, policy, provider, as_json=as_json)
    text = read_prompt(prompt, file)
    container = load_container(ctx)
    require_length(container, text)
    options = advice_options(
        AdviceOptions(
            provider=provider,
            blocked_at=blocked,
            purpose=purpose,
            age=age,
            rewrite_failed=rewrite_failed,
            rewriter=rewriter,
        ),
        {"negative_prompt": negative_prompt, "template": template, "rewritten_prompt": rewritten},
        ref_shows,
    )
    references = tuple(ctx.with_resource(path_as_text(path)) for path in ref or ())
    checked = check_texts(container, text, policy, references, options)
    applied, tried_result = None, checked
    if apply is not None and checked.prompt_advice.helps:
        suggestion = find_suggestion(checked, apply)
        changed = replace(options, rewriter=False)
        tried_result = check_texts(container, suggestion.rewritten, policy, references, changed)
        applied = applied_wire(checked, suggestion, tried_result)
    output = build_output(container, checked, applied)
    if try_it:
        wanted = TryRequest(
            prompt=applied["prompt"] if applied else text,
            provider=provider,
            url=url,
            max_cost=max_cost,
            confirmed=yes,
            is_canary=canary,
            purpose=purpose,
            idempotency_key=idempotency_key,
        )
        output = _with_try(output, wanted, (checked, tried_result))
    taxonomy = container.core.taxonomy

    def printed(console: Console) -> None:
        from safelight.policy.explanations import ExplanationLevel

        from .check_advice import print_advice
        from .check_output import MAX_LINES, print_check, print_further_checks

        lines = print_check(
            console,
            text,
            checked,
            output,
            taxonomy=taxonomy,
            whole_checklist=checklist,
            level=ExplanationLevel(level.value),
        )
        print_advice(console, output, whole=checklist, room=MAX_LINES - 1 - lines)
        print_further_checks(console, checked, ExplanationLevel(level.value))

    emit(output, as_json, printed)
    return output.exit


def _require_only_rows(ctx: typer.Context) -> None:
    given = {name for name in ctx.params if _is_given(ctx, name)}
    if given - _WITH_ROWS:
        raise InvalidField("Use --rows only with --policy, --provider and --json.", param="rows")


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _require_triable(provider: str, references: list[Path] | None, other: str) -> None:
    if not provider:
        raise InvalidField("--try needs --provider: a provider, or a model of the gateway.", param="provider")
    if references or other:
        raise InvalidField(
            "--try tries the prompt alone. Leave out --ref, --negative-prompt, --template and --rewritten.",
            param="try",
        )


def _with_try(output: CheckOutput, wanted: TryRequest, checks: Iterable[CheckResult]) -> CheckOutput:
    """The output with the result of the attempt. Nothing is sent if one of the checks gives no help.

    `checks`: those of the prompt and of what is tried, which is another text after `--apply`.
    """
    import msgspec

    from .check_try import exit_of_try, try_prompt

    refused = next((one for one in checks if not _may_be_tried(one)), None)
    if refused is None:
        tried = try_prompt(wanted)
    else:
        no_suggestions = refused.prompt_advice.as_wire(language())["no_suggestions"] or {}
        tried = {"state": "not_tried", "reason": no_suggestions.get("text") or refused.summary}
    return msgspec.structs.replace(output, tried=tried, exit=exit_of_try(tried, output.exit))


def _may_be_tried(checked: CheckResult) -> bool:
    return checked.prompt_advice.helps and checked.verdict in _TRIED


def read_prompt(prompt: str | None, file: Path | None) -> str:
    """Read the prompt from the argument, the file or stdin.

    Raises `InvalidField` unless exactly one source is given, and for text that is empty or not Unicode, and
    `NotFound` if the file is unreadable.
    """
    if (prompt is None) == (file is None):
        raise InvalidField("Give either a prompt or --file with a file that contains one.", param=FIELD)
    text = read_text(file, param=FIELD) if file is not None or prompt == "-" else prompt or ""
    if not text.strip():
        raise InvalidField("The prompt is empty.", param=FIELD)
    require_unicode(text)
    return text


def run_check(
    container: Container,
    texts: Mapping[str, str],
    policy: str | None,
    references: tuple[Path, ...] = (),
    *,
    negated: frozenset[str] = frozenset(),
) -> tuple[tuple[StageResult, ...], Mapping[str, float | None]]:
    """Screen the texts and the references. Also returns the reference files that were not checked in time,
    with the estimated seconds of the scan of a clip.

    Without a data directory, the policy from the settings applies without waivers.
    """
    from safelight.screening.prompt import PromptStage

    tenant_policy = find_policy(container, policy)
    prompt = PromptStage(pipeline=SharedPipeline(container)).screen(texts, tenant_policy, negated=negated)
    if not references or prompt.verdict.action.value == "block":
        return (prompt,), {}
    from safelight.screening.evaluation import ScreeningContext
    from safelight.screening.known_content import KnownContent
    from safelight.screening.reference import ReferenceInput, ReferenceStage
    from safelight.screening.scene_detection import SceneDetection
    from safelight.screening.timed_reference import TimedReferenceStage

    files = [ReferenceInput.of(_require_readable(path), "input_reference") for path in references]
    # Without a data directory, no person is enrolled, so scene detection needs no face matching.
    scene_detection = (
        container.pipeline.scene_detection
        if has_data(container)
        else SceneDetection(detectors=container.core.detectors.scene_detectors())
    )
    stage = ReferenceStage(
        scanner=container.core.scanner,
        pipeline=make_pipeline(container),
        scene_detection=scene_detection,
        known_content=KnownContent(lists=container.core.hash_lists),
    )
    context = ScreeningContext(policy=tenant_policy, texts=texts, prior=prompt.findings)
    with ThreadPoolExecutor(max_workers=1) as threads:
        timed = TimedReferenceStage(
            stage=stage, threads=threads, timeout_s=_REFERENCES_S, check_timeout_s=_REFERENCES_S
        )
        found, left = timed.screen_files(files, context)
    return (prompt, *found), {str(file.path): seconds for file, seconds in left.items()}


def _require_readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error


def check_texts(
    container: Container,
    text: str,
    policy: str | None,
    references: tuple[Path, ...],
    options: AdviceOptions,
) -> CheckResult:
    """Screen the prompt with its other texts and references, and combine the results into one."""
    from safelight.providers.advice.check_result import summarize_check

    texts = {FIELD: text, **options.texts}
    stages, unchecked = run_check(container, texts, policy, references, negated=options.negated)
    if options.provider and has_data(container):
        tenant, history = container.persistence.tenant, container.persistence.risk_history
        provider = options.provider
        options = replace(
            options,
            estimate=lambda: history.estimate(tenant, provider, text),
            estimate_others=lambda prompts: history.estimate_all(tenant, provider, prompts),
        )
    found = summarize_check(
        stages,
        container.core.taxonomy,
        texts=texts,
        options=options,
        references=len(references),
        not_checked=unchecked,
    )
    found = replace(found, template_required=find_policy(container, policy).policy.demands_template)
    if not options.rewriter:
        return found
    from safelight.providers.advice.model_rewriting import ModelRewriting

    def check_again(prompt: str) -> CheckResult:
        return check_texts(container, prompt, policy, (), replace(options, rewriter=False, suggests=False))

    rewriting = ModelRewriting(
        rewriter=container.core.rewriter,
        check=check_again,
        estimate=options.estimate_others,
        embedder=container.core.search_embedder,
        blocked_at=options.blocked_at,
    )
    return rewriting.extend(found, text)


def build_output(
    container: Container, checked: CheckResult, applied: dict[str, Any] | None = None
) -> CheckOutput:
    """Convert the result of a check to its printed form. `applied`: the applied suggestion, if any."""
    from safelight.policy.explanations import can_name
    from safelight.policy.findings import Basis, to_json
    from safelight.policy.grounding import is_text
    from safelight.providers.advice.check_result import advice_wire

    result, explanation = checked.deciding, checked.explanation
    verdict = result.verdict
    visible = visible_findings(result, container.core.taxonomy)
    withheld = [
        finding
        for finding in result.findings
        if finding not in visible
        and (finding in verdict.findings or finding.score >= MIN_SCORE)
        and can_name(finding.category, learned=is_text(finding) and finding.basis is Basis.LEARNED)
    ]
    coverage: dict[str, list[str]] = {}
    for cell in checked.coverage:
        name = cell.category if cell.modality.value == "text" else f"{cell.category} in {cell.modality.value}"
        if cell.modality.value == "text" or cell.required:
            coverage.setdefault(cell.status.value, []).append(name)
    return CheckOutput(
        exit=Exit.NOT_COVERED if checked.undecided else exit_of(result),
        action=verdict.action.value,
        category=", ".join(explanation.categories),
        rule=explanation.rule,
        reason=explanation.reason,
        sentence=explanation.sentence,
        policy=verdict.policy,
        policy_sha256=verdict.policy_sha256,
        details=explanation.as_wire(),
        findings=tuple(to_json(finding) for finding in visible),
        withheld=()
        if verdict.vault
        else tuple(
            sorted({container.core.taxonomy.group_of(finding.category) or "" for finding in withheld} - {""})
        ),
        coverage=coverage,
        lists_only=tuple(dict.fromkeys(cell.category for cell in checked.lists_only)),
        notes=tuple(dict.fromkeys(cell.note for cell in checked.lists_only)),
        missing={missing.name: missing.sentence for missing in container.core.detectors.missing},
        waivers=verdict.waivers,
        latency_ms=round(sum(float(stage.details.get("latency_ms", 0.0)) for stage in checked.stages), 2),
        provider=checked.advice.as_wire() if checked.advice is not None else None,
        not_checked=tuple(checked.not_checked),
        scan_seconds={
            path: round(seconds, 1) for path, seconds in checked.not_checked.items() if seconds is not None
        },
        template_required=checked.template_required,
        applied=applied,
        **advice_wire(checked, language()),
    )
