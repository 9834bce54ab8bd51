"""`safelight simulate`: a simulated provider, to try advice and the gateway without cost."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.cli.language import texts
from safelight.cli.output import Exit, emit
from safelight.core.errors import InvalidField, SafelightError
from safelight_lab.simulation.hidden_filter import FilterFamily
from safelight_lab.simulation.scene_grammar import find_words
from safelight_lab.simulation.simulated_provider import SimulatedDrift

if TYPE_CHECKING:
    from safelight_lab.simulation.simulated_provider import ProviderBehaviour

app = typer.Typer(no_args_is_help=True)


@app.callback()
def simulate() -> None:
    """Run a simulated provider."""


@app.command()
def upstream(
    family: Annotated[
        FilterFamily, typer.Option("--family", help="The kind of the hidden filter.")
    ] = FilterFamily.LEXICON,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="The same seed gives the same filter and the same decisions.")
    ] = 0,
    rate: Annotated[
        float, typer.Option("--rate", help="Share of ordinary prompts that the filter refuses, up to 0.9.")
    ] = 0.3,
    noise: Annotated[
        float, typer.Option("--noise", help="Probability of the wrong answer, up to 0.4 and below --rate.")
    ] = 0.03,
    price: Annotated[float, typer.Option("--price", min=0, help="US dollars for a second of video.")] = 0.1,
    output_share: Annotated[
        float, typer.Option("--output-share", min=0, max=1, help="Share of the refusals that are charged.")
    ] = 0.3,
    refund_share: Annotated[
        float, typer.Option("--refund-share", min=0, max=1, help="Share of those that are refunded.")
    ] = 0.5,
    hang_share: Annotated[
        float, typer.Option("--hang-share", min=0, max=1, help="Share of the requests that never end.")
    ] = 0.0,
    drift_on: Annotated[
        str,
        typer.Option(
            "--drift-on", help="The time, such as 2026-12-01T00:00Z, from which it behaves differently."
        ),
    ] = "",
    drift_kind: Annotated[
        SimulatedDrift,
        typer.Option(
            "--drift-kind",
            help="From then on, more or less is refused, only prompts with --drift-words are, requests fail, "
            "refusals are charged, or a second costs half as much again.",
        ),
    ] = SimulatedDrift.MORE,
    drift_share: Annotated[
        float,
        typer.Option("--drift-share", min=0, max=1, help="Share of the requests that --drift-kind concerns."),
    ] = 0.2,
    drift_words: Annotated[
        str, typer.Option("--drift-words", help="English words, separated by commas, of --drift-kind words.")
    ] = "",
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 is any free one.")] = 0,
    api_key: Annotated[
        str,
        typer.Option(
            "--api-key", help="Key that every request must have; required if --host is not this machine only."
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Serve `/v1/videos` with a hidden filter, charges and refunds, until Ctrl-C. All of it is simulated."""
    from safelight.app.settings.addresses import is_loopback
    from safelight.providers.attempts.fields import read_time
    from safelight_lab.simulation.simulated_provider import ProviderBehaviour

    if not (0 <= noise <= 0.4 and noise < rate <= min(0.9, 1 - noise)):
        raise InvalidField(
            "--noise must be from 0 to 0.4, and --rate above it and at most 0.9.", param="rate"
        )
    if not api_key and not is_loopback(host):
        raise InvalidField(f"{host} can be reached from other machines: set --api-key.", param="api_key")
    words = find_words(drift_words)
    if bool(words) != (drift_kind is SimulatedDrift.WORDS):
        raise InvalidField("--drift-kind words and --drift-words belong together.", param="drift_words")
    behaviour = ProviderBehaviour(
        seed=seed,
        price=price,
        output_share=output_share,
        refund_share=refund_share,
        hang_share=hang_share,
        drift_at=read_time(drift_on) if drift_on else None,
        drift_kind=drift_kind,
        drift_share=drift_share,
        drift_words=words,
    )
    _serve(family, behaviour, (rate, noise), (host, port), api_key=api_key, as_json=as_json)
    return Exit.OK


def _serve(
    family: FilterFamily,
    behaviour: ProviderBehaviour,
    shares: tuple[float, float],
    address: tuple[str, int],
    *,
    api_key: str,
    as_json: bool,
) -> None:
    from safelight_lab.simulation.hidden_filter import make_filter
    from safelight_lab.simulation.simulated_provider import SimulatedProvider, make_upstream

    rate, noise = shares
    hidden = make_filter(family, behaviour.seed, rate=rate, noise=noise)
    provider = SimulatedProvider(hidden=hidden, behaviour=behaviour, clock=time.time)
    model = f"simulated-{family.value}"
    server = make_upstream(provider, model, api_key=api_key, host=address[0], port=address[1])

    def started() -> None:
        facts = {"url": server.url, "model": model, "family": family.value, "seed": behaviour.seed}
        emit({"simulated": True, **facts}, as_json, texts()("simulate.started", **facts))
        sys.stdout.flush()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    try:
        asyncio.run(server.serve(started))
    except OSError as error:
        raise SafelightError(
            f"Port {address[1]} of {address[0]} cannot be used: {error.strerror}."
        ) from error
