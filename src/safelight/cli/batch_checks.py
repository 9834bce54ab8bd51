"""What `safelight batch` adds to the client: the check of each prompt with our policy, and YAML files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from safelight.yaml_loader import Loader
from safelight_client import BatchError

from .check import run_check
from .language import language

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight_client.batch import PromptCheck

_STEP = "Correct the file, then plan it again."


def make_checker(container: Container) -> Callable[[Mapping[str, Any]], PromptCheck]:
    """A function that checks the texts of one row with the policy in force. Records nothing."""
    from safelight.advice.prompt_advice import AdviceOptions
    from safelight.advice.provider_rules import document_for
    from safelight.moderation.admission import NEGATED_FIELDS
    from safelight.moderation.check_result import summarize_check
    from safelight.policy.verdicts import Action
    from safelight_client.batch import PromptCheck

    def check(fields: Mapping[str, Any]) -> PromptCheck:
        texts = {name: str(fields[name]) for name in ("prompt", *NEGATED_FIELDS) if fields.get(name)}
        stages, _ = run_check(container, texts, None, negated=NEGATED_FIELDS)
        provider = str(fields.get("model", ""))
        options = AdviceOptions(provider=provider if provider and document_for(provider) else "")
        found = summarize_check(stages, container.core.taxonomy, texts=texts, options=options)
        advice = found.prompt_advice.as_wire(language())
        is_blocked = found.action is Action.BLOCK
        return PromptCheck(
            is_blocked=is_blocked,
            reason=found.explanation.sentence if found.action.severity >= Action.HOLD.severity else "",
            risk=str(advice["risk_level"]) if options.provider and not is_blocked else "",
        )

    return check


def read_yaml_rows(text: str) -> Iterator[tuple[int, object]]:
    """The entries of a YAML list with their lines. Raises `BatchError`."""
    try:
        _check_events(text)
        loader = Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.SequenceNode):
            raise BatchError("A batch in YAML is a list of rows.", _STEP)
        for entry in node.value:
            line = entry.start_mark.line + 1
            repeated = _repeated_key(entry)
            yield (
                line,
                f"The row has a field twice: {repeated}."
                if repeated
                else _listless(loader.construct_document(entry)),
            )
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise BatchError(f"The YAML cannot be read: line {line}.", _STEP) from None


def _check_events(text: str) -> None:
    """Raises `BatchError` for aliases and deep nesting, at which the loader in C would crash."""
    from safelight_client.batch.rows import MAX_DEPTH

    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.AliasEvent):
            raise BatchError("A batch in YAML cannot have aliases.", _STEP)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH + 1:  # With the list of the rows.
            place = event.start_mark
            raise BatchError(f"The YAML is nested too deeply: line {place.line + 1 if place else 1}.", _STEP)


def _repeated_key(node: yaml.Node) -> str:
    """The first field that an object of the row has twice; of two values, YAML would take the last."""
    if isinstance(node, yaml.MappingNode):
        from safelight_client.batch.rows import find_repeated

        names = (str(key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        return find_repeated(names) or next(
            filter(None, (_repeated_key(value) for _, value in node.value)), ""
        )
    if isinstance(node, yaml.SequenceNode):
        return next(filter(None, map(_repeated_key, node.value)), "")
    return ""


def _listless(entry: object) -> object:
    """A row that is text would be taken for a problem."""
    return entry if isinstance(entry, Mapping) else None
