"""`safelight explain-error`: explain an error message of a video provider."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.errors import InvalidField
from safelight.core.i18n import translate_sentence
from safelight_client.money import format_money

from .language import category_name, join_sentences, language, texts
from .operations import Result, command
from .output import Exit, print_prose, printable
from .provider_names import require_known_provider
from .text_input import read_text

if TYPE_CHECKING:
    from rich.console import Console

    from safelight.providers.attempts.gate import GateAnswer
    from safelight.providers.provider_errors import ProviderError

app = typer.Typer()

#: Maximum length of the text that is read.
MAX_BYTES = 8 * 1024 * 1024
_COLOURS = {"content_block": "red", "transient": "yellow", "timeout": "yellow", "rate_limit": "yellow"}
_SLICE = "provider_errors"
#: Start of `documented` if no page documents the words of a rule.
NO_PAGE = "no page: "
#: A page that the provider did not write: a thread of users, or a third-party article.
_REPORT = re.compile(
    r"/issues/|/pull/|//community\.|//(?:help\.apiyi|docs\.laozhang)\.(?:com|ai)/|//sora2\.center/|//socket\.dev/"
)


@command(app)
def explain_error(
    ctx: typer.Context,
    text: Annotated[
        str | None,
        typer.Argument(
            help="The error message; `-` reads standard input, as does a pipe without this argument."
        ),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the error from a file.")] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", help="The provider, if you know it: veo, fal, kling ...")
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", help="The prompt of the request: check it too, and say what to send next."),
    ] = None,
) -> Result:
    """Explain a provider's error: which party refused at which stage, the charge, and the next step.

    Sends nothing. Exit code 0: known. 2: the provider of --provider is not known. 5: the error is not known.
    """
    from safelight.providers.attempts.gate import GateAnswer, explanation_object, gate_of_error
    from safelight.providers.provider_errors import ErrorKind
    from safelight.providers.provider_errors import decode as decoded

    if provider:
        require_known_provider(provider)
    given = _read_error(text, file)
    found = decoded(given, provider=provider)
    gate = GateAnswer(gate=gate_of_error(found, given))
    about = None if prompt is None else _explain_prompt(ctx, found, prompt, provider or "")
    payload = {**explanation_object(found, given), "prompt": about}

    def printed(console: Console) -> None:
        _print_error(console, found, given, gate)
        if about is not None:
            _print_prompt(console, about)

    return Result(payload, printed, Exit.NOT_COVERED if found.kind is ErrorKind.UNKNOWN else Exit.OK)


def _explain_prompt(ctx: typer.Context, found: ProviderError, prompt: str, provider: str) -> dict[str, Any]:
    """The answer about the prompt, in the language in use."""
    from safelight.providers.advice.model_choice import list_offers
    from safelight.providers.advice.refused_prompt import explain_prompt

    from .check import check_texts, read_prompt
    from .commands import load_container
    from .prompt_checker import require_length

    text = read_prompt(prompt, None)
    container = load_container(ctx)
    require_length(container, text)
    refused = explain_prompt(
        found,
        text,
        provider,
        lambda checked, options: check_texts(container, checked, None, (), options),
        tuple(list_offers(container.core.generators)),
    )
    return refused.as_wire(language())


def _print_prompt(console: Console, about: Mapping[str, Any]) -> None:
    """The help lines, the likely words, the prompt to send next and its price."""
    t = texts("advice")
    if about["help_lines"]:
        print_prose(console, t("title.help"))
        for line in about["help_lines"]:
            print_prose(console, printable(line["text"]), start="  ")
    for line in about["words"]:
        quoted = t("separator").join(t("quote", text=text) for text in line["texts"])
        said = f"{quoted}{t('colon')}{line['reason']}" if quoted else line["reason"]
        print_prose(console, printable(said), start=f"{t('refused_prompt.words')}{t('colon')}")
    step, price = about["next"], about["price"]
    said = join_sentences(filter(None, (step["text"], step["change"], step["condition"])))
    print_prose(console, printable(said), start=f"{t('refused_prompt.next')}{t('colon')}")
    if step["prompt"]:
        print_prose(console, printable(step["prompt"]), start="  ")
        print_prose(console, printable(_price(price)), start=f"{t('refused_prompt.price')}{t('colon')}")


def _price(price: Mapping[str, Any] | None) -> str:
    if price is None:
        return texts()("try.unknown")
    t = texts("advice")
    usd, seconds = format_money(price["usd"]), price["seconds"]
    return t("refused_prompt.price_of", price=usd, seconds=f"{seconds:g}", model=price["model"])


def _read_error(text: str | None, file: Path | None) -> str:
    if text is not None and file is not None:
        raise InvalidField("Give the error itself or --file, not both.", param="text")
    if file is not None or text == "-" or (text is None and not sys.stdin.isatty()):
        return read_text(file, param="text", limit=MAX_BYTES)
    if text is None:
        raise InvalidField("Give the error as an argument, with --file or through a pipe.", param="text")
    return text


def _print_error(console: Console, found: ProviderError, given: str, gate: GateAnswer) -> None:
    from rich.cells import cell_len

    from safelight.providers.provider_errors.classify import NOT_ENOUGH

    t = texts()
    summary = printable(_translated(found.summary))
    if found.kind.value == "unknown":
        step = t("error.name_it") if found.next_step == NOT_ENOUGH else _translated(found.next_step)
        print_prose(console, join_sentences([summary, step]))
        return
    print_prose(console, summary, style=f"bold {_COLOURS.get(found.kind.value, '')}".strip())
    rows = [(t(f"error.label.{name}"), printable(value)) for name, value in _rows(found, given)]
    rows += _gate_rows(gate, found)
    width = max(cell_len(label) for label, _ in rows) + 2
    for label, value in rows:
        print_prose(console, value, start=label + " " * (width - cell_len(label)))
    if found.rule:
        _print_sources(console, found)


def _print_sources(console: Console, found: ProviderError) -> None:
    """Each page on a line of its own, which is not broken, so that a terminal can open the address."""
    t = texts()
    pages = [page for page in found.documented.split("; ") if not page.startswith(NO_PAGE)]
    sure = t(f"error.confidence.{found.confidence.value}{_kind_of_pages(found, pages)}")
    title = t("error.pages" if pages else "error.no_page", sure=sure)
    print_prose(console, "\n".join([title, *(f"  {page}" for page in pages)]))


def _kind_of_pages(found: ProviderError, pages: list[str]) -> str:
    """End of the key for a likely reading: whether its pages are documentation, reports, or both."""
    reports = sum(bool(_REPORT.search(page)) for page in pages)
    if found.confidence.value != "likely" or not reports:
        return ""
    return "_reported" if reports == len(pages) else "_both"


def _translated(sentence: str) -> str:
    text = translate_sentence(_SLICE, sentence, language())
    # Names of providers were inserted; Chinese is set with a space after a Latin word.
    return sentence if text is None else re.sub(r"(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])", " ", text)


def _rows(found: ProviderError, given: str) -> Iterator[tuple[str, str]]:
    """What is known: label and value of each row. What is not known has no row, except the charge.

    The original has a row unless it is the whole of the `given` text.
    """
    from safelight.providers.attempts.gate import find_appeal

    t = texts()
    guessed = f"error.kind.{found.kind.value}_{found.confidence.value}"
    yield "kind", t(guessed if t.has(guessed) else f"error.kind.{found.kind.value}")
    if found.source.value != "unknown":
        provider = found.provider if found.source.value in ("provider", "relay") else ""
        names = t("separator").join(_title(name) for name in (provider, found.via) if name)
        source = t(f"error.source.{found.source.value}")
        if found.likely_provider:
            source = t("error.probably", source=source, names=_title(found.likely_provider))
        yield "source", t("error.named", source=source, names=names) if names else source
    if found.stage.value != "unknown":
        yield "stage", t(f"error.stage.{found.stage.value}")
    if found.category != "unknown":
        yield "category", category_name(found.category)
    yield "charged", _charged(found)
    if found.retry.value != "unknown":
        key = found.retry.value
        if key == "change_prompt" and _is_about_reference(found):
            key = "change_reference"
        retry = t(f"error.retry.{key}")
        after = f"{found.after_s:g}" if found.after_s is not None else ""
        yield "retry", t("error.after", retry=retry, seconds=after) if after else retry
    yield "next", _translated(found.next_step)
    if (appeal := find_appeal(found)) is not None:
        said = (
            translate_sentence("provider_rules", one.statement, language()) or one.statement for one in appeal
        )
        yield "appeal", join_sentences(said) or t("error.no_appeal")
    original = " ".join(part for part in (found.code, found.message) if part)
    if original and original.split() != given.split():
        yield "original", original


def _gate_rows(gate: GateAnswer, found: ProviderError) -> list[tuple[str, str]]:
    """The cause, and how to tell; nothing if the error does not show it.

    The cause has no row if another row says the same.
    """
    t = texts("attempts")
    said = gate.as_json(t)
    if gate.gate.value == "unknown":
        return []
    same = (gate.gate.value, found.source.value) in (
        ("provider_filter", "provider"),
        ("own_policy", "gateway"),
    )
    cause = [] if same or gate.gate.value == "account" else [(t("field.gate"), said["text"])]
    test = texts()("error.test_reference") if _is_about_reference(found) else said["test"]
    return [*cause, (t("field.test"), test)]


def _is_about_reference(found: ProviderError) -> bool:
    """Whether the reference was refused, and not the prompt."""
    return found.kind.value == "content_block" and found.stage.value == "input" and found.modality == "image"


def _title(name: str) -> str:
    from safelight.providers.provider_errors.registry import named

    provider = named(name)
    return provider.title if provider is not None and provider.title else name


def _charged(found: ProviderError) -> str:
    """Whether it was charged, the amount if the error states it, and the source of this."""
    t = texts()
    charged = t(f"error.charged.{found.charged.value}")
    if found.amount is not None:
        charged = t("error.amount", charged=charged, amount=format_money(found.amount, found.currency))
    key = f"error.charge_source.{found.charge_source.replace(' ', '_') or 'none'}"
    source = t(key) if t.has(key) else _translated(found.charge_source)
    return t("error.because", charged=charged, source=source)
