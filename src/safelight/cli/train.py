"""`safelight train`: train the prompt classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
        Path, typer.Option("--out", help="Folder for the classifiers, their operating points and model card.")
    ] = Path("classifiers"),
    extra: Annotated[
        list[Path] | None,
        typer.Option("--extra", help="A folder of labelled JSONL to train on as well; repeatable."),
    ] = None,
    calibration_data: Annotated[
        list[Path] | None,
        typer.Option(
            "--calibration-data",
            help="A folder of JSONL with harmless prompts to choose operating points on; repeatable.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; check that the committed examples reproduce the bundled classifiers.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Train the prompt classifiers from the committed examples and your own.

    The same examples give the same file on one kind of machine. To use the result, set
    `classifiers = "FOLDER"` under [detectors.minilm] and [detectors.ngrams].
    """
    from safelight.detectors.text import training_data

    _require_scipy()
    committed = training_data.load_committed()
    if check:
        return _check_bundled(committed, as_json)
    trainer = _make_trainer()
    examples = Examples(
        committed=committed, extra=_read_folders(extra), calibration=_read_folders(calibration_data)
    )
    progress_console().print(
        f"{len(committed)} committed examples, {len(examples.extra)} extra, "
        f"{len(examples.calibration)} for calibration."
    )
    trained = _train(trainer, examples)
    _write(out, trainer, examples, trained)
    kept_out = "; ".join(
        f"{name}: {row['found']} of {row['n']} found" for name, row in trained.kept_out.items()
    )
    emit(
        {
            "out": str(out),
            "sha256": trained.sha256,
            "examples": trained.examples,
            "across": trained.across,
            "kept_out": trained.kept_out,
        },
        as_json,
        f"{out}: classifiers {trained.sha256[:16]}, {kept_out}",
    )
    return Exit.OK


@dataclass(frozen=True, kw_only=True)
class Examples:
    """The labelled prompts of one training run."""

    committed: list[Example]
    #: Training data that the operator added.
    extra: list[Example]
    #: Harmless prompts for choosing operating points; no classifier is trained on them.
    calibration: list[Example]


@dataclass(frozen=True, kw_only=True)
class TrainedClassifiers:
    """Trained weights with their operating points and figures."""

    weights: bytes
    sha256: str
    operating: str
    card: str
    #: Number of training examples.
    examples: int
    across: Mapping[str, Any]
    kept_out: Mapping[str, Any]


def _train(trainer: Trainer, examples: Examples) -> TrainedClassifiers:
    import numpy as np

    from safelight.detectors.text import classifiers, model_card, training, training_data

    fitted = training.fit_examples(examples.committed)
    used = fitted + examples.extra
    data_sha256 = training_data.hash_committed()
    fitting = trainer.make_training_set(used, training.trainable_categories(fitted), data_sha256)
    weights = classifiers.dump(fitting.fit(np.ones(len(used), dtype=np.bool_)))
    loaded = classifiers.load(weights)
    folds = trainer.train_folds(fitting, used)
    chosen = trainer.choose_operating_points(
        loaded, used, trainer.score_held_out(folds, used), examples.calibration
    )
    across = trainer.count_held_out(folds, used, examples.calibration)
    operated = classifiers.with_operating_points(loaded, {"classifiers": loaded.sha256, **chosen})
    kept_out = training.count_reported(trainer, operated, examples.committed)
    report = model_card.TrainingReport(
        weights_bytes=len(weights),
        data_sha256=data_sha256,
        committed=examples.committed,
        extra=examples.extra,
        unseen=examples.calibration,
        across_sources=across,
        held_out=kept_out,
    )
    sources = sorted({f"{one.source} ({one.lang})" for one in (*used, *examples.calibration)})
    return TrainedClassifiers(
        weights=weights,
        sha256=loaded.sha256,
        operating=model_card.render_operating_points(loaded.sha256, chosen, sources),
        card=model_card.render_card(operated, report),
        examples=len(used),
        across=across,
        kept_out=kept_out,
    )


def _write(out: Path, trainer: Trainer, examples: Examples, trained: TrainedClassifiers) -> None:
    from safelight.detectors.text import distress_training

    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "classifiers.npz").write_bytes(trained.weights)
        (out / "operating.json").write_text(trained.operating, encoding="utf-8")
        (out / "card.md").write_text(trained.card, encoding="utf-8")
        (out / "distress.npz").write_bytes(distress_training.fit(examples.committed))
    except OSError as error:
        raise SafelightError(f"{out} cannot be written: {error.strerror}.") from error


def _check_bundled(committed: list[Example], as_json: bool) -> int:
    """Retrain the bundled classifiers from the committed examples and compare their hash with the bundled
    one.
    """
    from safelight.detectors.text import classifiers, training, training_data

    bundled = classifiers.load()
    retrained = training.refit(committed, bundled.example_levels, training_data.hash_committed())
    same = retrained.sha256 == bundled.sha256
    text = f"{retrained.sha256}: {'identical' if same else 'different'}"
    emit({"sha256": retrained.sha256, "same": same}, as_json, text)
    return Exit.OK if same else Exit.ERROR


def _require_scipy() -> None:
    import importlib.util

    if any(importlib.util.find_spec(name) is None for name in ("scipy", "threadpoolctl")):
        raise ConfigurationError("Training needs SciPy.", remedy="pip install scipy threadpoolctl")


def _make_trainer() -> Trainer:
    from safelight.detectors.text.minilm.cache import default_folder
    from safelight.detectors.text.minilm.encoder import Encoder
    from safelight.detectors.text.minilm.package import NOT_INSTALLED, find_weights
    from safelight.detectors.text.training import Trainer

    weights = find_weights()
    if weights is None:
        raise ConfigurationError("Training needs MiniLM.", remedy=NOT_INSTALLED)
    encoder = Encoder(weights, default_folder())
    return Trainer(lambda text: encoder.read(text))


def _read_folders(folders: list[Path] | None) -> list[Example]:
    return [example for folder in folders or () for example in _read_folder(folder)]


def _read_folder(folder: Path) -> list[Example]:
    from safelight.detectors.text import training_data

    if not folder.is_dir():
        raise NotFound(f"{folder} is not a folder.")
    try:
        return training_data.read_folder(folder)
    except (ValueError, KeyError, TypeError) as error:
        raise SafelightError(f"{folder} contains an invalid example: {error!r}.") from error
