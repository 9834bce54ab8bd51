"""`safelight train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.errors import ConfigurationError, NotFound, SafelightError

from .exit_codes import Exit
from .output import emit, progress_console

if TYPE_CHECKING:
    from safelight.detectors.text.training import Trainer
    from safelight.detectors.text.training_data import Example

app = typer.Typer(add_completion=False)


@app.command()
def train(
    out: Annotated[
        Path, typer.Option("--out", help="The folder for heads, operating points and card.")
    ] = Path("heads"),
    extra: Annotated[
        list[Path] | None, typer.Option("--extra", help="A folder of labelled JSONL to fit, too; repeatable.")
    ] = None,
    benign: Annotated[
        list[Path] | None,
        typer.Option("--benign", help="A folder of JSONL to choose operating points on; repeatable."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; say whether the shipped heads come out of the committed examples again.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Build the heads for prompts from the committed examples, and from more where given.

    The same examples give the same file on one kind of machine. To use them: `heads = "FOLDER"` under
    [detectors.minilm] and [detectors.ngrams].
    """
    import numpy as np

    from safelight.detectors.text import classifiers, distress_training, model_card, training, training_data

    _scipy()
    own = training_data.committed()
    if check:
        return _checked(own, as_json)
    trainer = _trainer()
    more = [one for folder in extra or () for one in _folder(folder)]
    unseen = [one for folder in benign or () for one in _folder(folder)]
    progress_console().print(f"{len(own)} committed examples, {len(more)} more, {len(unseen)} unseen.")
    categories = training.categories_of(training.fitted(own))
    taken = training.fitted(own) + more
    fitting = trainer.fitting(taken, categories, training_data.committed_sha256())
    data = classifiers.dump(fitting.weights(np.ones(len(taken), dtype=np.bool_)))
    loaded = classifiers.load(data)
    folds = trainer.folds(fitting, taken)
    chosen = trainer.operating(loaded, taken, trainer.across_writers(folds, taken), unseen)
    across = trainer.across_figures(folds, taken, unseen)
    operated = classifiers.operated(loaded, {"heads": loaded.sha256, **chosen})
    kept_out = training.kept_out_figures(trainer, operated, own)
    card = model_card.card(
        operated,
        size=len(data),
        data_sha256=training_data.committed_sha256(),
        own=own,
        more=more,
        unseen=unseen,
        across=across,
        kept_out=kept_out,
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "heads.npz").write_bytes(data)
        written = model_card.operating(
            loaded.sha256, chosen, sorted({f"{one.source} ({one.lang})" for one in (*taken, *unseen)})
        )
        (out / "operating.json").write_text(written, encoding="utf-8")
        (out / "card.md").write_text(card, encoding="utf-8")
        if unseen:
            # Its operating points are a part of harmless prompts nobody learned from.
            (out / "distress.npz").write_bytes(distress_training.fit(trainer, own, unseen))
    except OSError as error:
        raise SafelightError(f"{out} cannot be written: {error.strerror}.") from error
    emit(
        {
            "out": str(out),
            "sha256": loaded.sha256,
            "examples": len(taken),
            "across": across,
            "kept_out": kept_out,
        },
        as_json,
        f"{out}: heads {loaded.sha256[:16]}, "
        + "; ".join(f"{name}: {row['found']} of {row['n']} found" for name, row in kept_out.items()),
    )
    return Exit.OK


def _checked(own: list[Example], as_json: bool) -> int:
    """Whether the shipped heads come out of the committed examples and the embeddings they hold."""
    from safelight.detectors.text import classifiers, training, training_data

    shipped = classifiers.load()
    again = training.refitted(own, shipped.known, training_data.committed_sha256())
    same = again.sha256 == shipped.sha256
    emit({"sha256": again.sha256, "same": same}, as_json, f"{again.sha256}: {'same' if same else 'other'}")
    return Exit.OK if same else Exit.ERROR


def _scipy() -> None:
    import importlib.util

    if any(importlib.util.find_spec(name) is None for name in ("scipy", "threadpoolctl")):
        raise ConfigurationError("Training needs SciPy.", remedy="pip install scipy threadpoolctl")


def _trainer() -> Trainer:
    from safelight.detectors.text.minilm.cache import default_folder
    from safelight.detectors.text.minilm.encoder import Encoder
    from safelight.detectors.text.minilm.package import SENTENCE, installed
    from safelight.detectors.text.training import Trainer

    weights = installed()
    if weights is None:
        raise ConfigurationError("Training needs MiniLM.", remedy=SENTENCE)
    encoder = Encoder(weights, default_folder())
    return Trainer(lambda text: encoder.read(text))


def _folder(folder: Path) -> list[Example]:
    from safelight.detectors.text import training_data

    if not folder.is_dir():
        raise NotFound(f"{folder} is no folder.")
    try:
        return training_data.added(folder)
    except (ValueError, KeyError, TypeError) as error:
        raise SafelightError(f"{folder} holds a line that is no example: {error!r}.") from error
