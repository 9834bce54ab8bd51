"""`safelight train`: train the prompt classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.cli.output import Exit, emit, progress_console
from safelight.core.errors import ConfigurationError, NotFound, SafelightError

if TYPE_CHECKING:
    from safelight.detectors.text.minilm.encoder import Encoder
    from safelight_lab.training.training_data import Example
    from safelight_lab.training.training_run import TrainedClassifiers

app = typer.Typer(add_completion=False)

#: Modules that training needs and an ordinary installation does not have, with their packages.
_MODULES = {"sklearn": "scikit-learn", "wordfreq": "wordfreq"}


@app.command()
def train(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the classifiers, their operating points and model card.")
    ] = Path("classifiers"),
    extra: Annotated[
        list[Path] | None,
        typer.Option("--extra", help="A folder of labelled JSONL to train on as well; repeatable."),
    ] = None,
    acts: Annotated[
        Path | None,
        typer.Option("--acts", help="A folder of pairs of acts and harmless twins, such as bench/acts/fit."),
    ] = None,
    distress: Annotated[
        Path | None,
        typer.Option(
            "--distress", help="The same folder, for the classifier of distress that reads meaning."
        ),
    ] = None,
    threats: Annotated[
        Path | None,
        typer.Option("--threats", help="A folder of threats and harmless twins, such as bench/threats."),
    ] = None,
    e5: Annotated[
        Path | None,
        typer.Option(
            "--e5", help="The folder of the E5 model; needed with --acts, --distress and --threats."
        ),
    ] = None,
    e5_file: Annotated[
        Path | None,
        typer.Option(
            "--e5-file", help="The file from which that folder was made, e5-small-q4.bin; needed with --acts."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Train the prompt classifiers from the committed examples, generated harmless texts and your own
    examples.

    The operating points are chosen on the harmless texts of all of them, by models that have not seen them.
    The same examples give the same file on one kind of machine. To use the result, set `classifiers =
    "FOLDER"` under [detectors.minilm], [detectors.ngrams] and [detectors.distress]. With `--acts`, only the
    reader of acts is trained, beside the classifiers in use; set the folder under [detectors.acts]. It takes
    hours, and a run that was stopped goes on if you repeat the command. With `--distress`, only the
    classifier of distress that reads meaning; set it under [detectors.distress]. With `--threats`, only the
    classifier of threats; set it under [detectors.threats].
    """
    from safelight_lab.training import distress_training, model_card, training_data

    if distress is not None or threats is not None:
        return _train_meaning(out, distress, threats, e5, as_json=as_json)
    if acts is not None:
        return _train_acts(out, acts, extra, e5, e5_file, as_json=as_json)
    _require_packages()
    encoder = _make_encoder()
    examples = [*training_data.load_committed(), *_read_folders(extra)]
    trained = _train(examples, encoder)
    _write(
        out,
        trained,
        distress_training.fit([*examples, *training_data.load_distress()]),
        model_card.render_card(trained),
    )
    figures = model_card.count_report(trained)
    emit(
        {
            "out": str(out),
            "sha256": trained.operating.classifiers,
            "fitted": trained.fitted,
            "report": figures,
        },
        as_json,
        f"{out}: classifiers {trained.operating.classifiers[:16]}, "
        f"{sum(map(len, trained.operating.points.values()))} operating points; see card.md.",
    )
    return Exit.OK


def _train(examples: list[Example], encoder: Encoder) -> TrainedClassifiers:
    from safelight.detectors.protocol import TextContent
    from safelight.detectors.text.glosses import Glosses
    from safelight.detectors.text.minilm.cache import default_folder
    from safelight.detectors.text.normalise import views
    from safelight.detectors.text.words import load_shipped
    from safelight_lab.training import training_data, training_run

    words = load_shipped()

    def find_listed(text: str) -> frozenset[str]:
        content = TextContent(field="prompt", text=text, views=views(text))
        return frozenset(one.category for one in words.inspect_text(content) if one.score >= 0.5)

    return training_run.train(
        training_run.with_generated(examples, lambda word: find_listed(word) <= training_data.FACTS),
        training_run.Tools(encoder=encoder, glosses=Glosses.load(default_folder()), find_listed=find_listed),
        training_data.hash_committed(),
        progress_console().print,
    )


def _train_acts(
    out: Path,
    pairs: Path,
    extra: list[Path] | None,
    e5: Path | None,
    e5_file: Path | None,
    *,
    as_json: bool,
) -> int:
    from safelight.detectors.text.acts import FILE, ActReader
    from safelight.detectors.text.classifier_detectors import MiniLmDetector
    from safelight.detectors.text.classifiers import load
    from safelight.detectors.text.e5 import NOT_INSTALLED, conversion
    from safelight.detectors.text.e5.encoder import E5Encoder
    from safelight.detectors.text.minilm.cache import default_folder
    from safelight_lab.training import act_training, training_data

    if e5 is None or e5_file is None:
        raise ConfigurationError("Training the reader of acts needs E5, and its file.", remedy=NOT_INSTALLED)
    _require_packages({"torch": "torch"})
    from safelight_lab.training import act_tuning

    minilm = MiniLmDetector(load(), _make_encoder(), default_folder())
    found = [one for folder in extra or () for one in act_training.read_plain(folder)]
    harmless = act_training.harmless_texts(training_data.load_committed(), found)
    texts = act_training.read_texts(
        act_training.read_pairs(pairs), harmless, ActReader(minilm, E5Encoder(e5)), progress_console().print
    )
    source = conversion.read(e5_file.read_bytes())

    def tune(fitted: Sequence[act_training.ActText]) -> dict[str, Any]:
        return act_tuning.tune(fitted, source.tensors, source.layers, progress_console().print)

    kept = act_tuning.keep_tuned(out / "tuned", tune)
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE).write_bytes(act_training.fit(texts, minilm.classifiers.sha256, kept))
    emit({"out": str(out), "fitted": len(texts)}, as_json, f"{out}: the reader of acts, {len(texts)} texts.")
    return Exit.OK


def _train_meaning(
    out: Path, distress: Path | None, threats: Path | None, e5: Path | None, *, as_json: bool
) -> int:
    from safelight.detectors.text import meaning
    from safelight.detectors.text.acts import ActReader
    from safelight.detectors.text.classifier_detectors import MiniLmDetector
    from safelight.detectors.text.classifiers import load
    from safelight.detectors.text.e5 import NOT_INSTALLED
    from safelight.detectors.text.e5.encoder import E5Encoder
    from safelight.detectors.text.minilm.cache import default_folder
    from safelight_lab.training import (
        distress_meaning_training,
        meaning_training,
        threat_training,
        training_data,
    )

    _require_packages()
    if e5 is None:
        raise ConfigurationError("Training a classifier that reads meaning needs E5.", remedy=NOT_INSTALLED)
    committed = [*training_data.load_committed(), *training_data.load_distress()]
    reader = ActReader(MiniLmDetector(load(), _make_encoder(), default_folder()), E5Encoder(e5))
    fitted, lines, figures = 0, list[str](), dict[str, object]()
    for folder, make_kind, read, file in (
        (
            distress,
            distress_meaning_training.distress_kind,
            distress_meaning_training.read_examples,
            meaning.DISTRESS,
        ),
        (threats, lambda: threat_training.THREATS, threat_training.read_examples, meaning.THREATS),
    ):
        if folder is None:
            continue
        kind = make_kind()
        texts = meaning_training.read_texts(kind, read(folder, committed), reader, progress_console().print)
        weights, measured = meaning_training.fit(kind, texts)
        out.mkdir(parents=True, exist_ok=True)
        (out / file).write_bytes(weights)
        fitted += len(texts)
        figures[kind.word] = measured
        lines += [f"{name}: {share}" for name, share in measured["groups"].items()]
        lines += [
            f"{one['threshold']:+}: {one['found']:.1%}, {one['twins']:.1%}" for one in measured["curve"]
        ]
    emit({"out": str(out), "fitted": fitted, **figures}, as_json, "\n".join(lines))
    return Exit.OK


def _write(out: Path, trained: TrainedClassifiers, distress: bytes, card: str) -> None:
    from safelight.detectors.text.classifiers import FILE
    from safelight_lab.training import training_run

    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / FILE).write_bytes(trained.weights)
        (out / "operating.json").write_bytes(training_run.encode_points(trained.operating))
        (out / "card.md").write_text(card, encoding="utf-8")
        (out / "distress.npz").write_bytes(distress)
    except OSError as error:
        raise SafelightError(f"{out} cannot be written: {error.strerror}.") from error


def _require_packages(modules: Mapping[str, str] = _MODULES) -> None:
    import importlib.util

    missing = [package for module, package in modules.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ConfigurationError(
            f"Training needs {' and '.join(missing)}.", remedy=f"pip install {' '.join(missing)}"
        )


def _make_encoder() -> Encoder:
    from safelight.detectors.text.minilm.cache import default_folder
    from safelight.detectors.text.minilm.encoder import Encoder
    from safelight.detectors.text.minilm.package import NOT_INSTALLED, find_weights

    weights = find_weights()
    if weights is None:
        raise ConfigurationError("Training needs MiniLM.", remedy=NOT_INSTALLED)
    return Encoder(weights, default_folder())


def _read_folders(folders: list[Path] | None) -> list[Example]:
    return [example for folder in folders or () for example in _read_folder(folder)]


def _read_folder(folder: Path) -> list[Example]:
    from safelight_lab.training import training_data

    if not folder.is_dir():
        raise NotFound(f"{folder} is not a folder.")
    try:
        return training_data.read_folder(folder)
    except (ValueError, KeyError, TypeError) as error:
        raise SafelightError(f"{folder} contains an invalid example: {error!r}.") from error
