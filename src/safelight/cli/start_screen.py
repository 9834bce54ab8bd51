"""The first screen of `safelight serve`: at most 15 lines of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from safelight.accounts import KeyScope
from safelight.screening.coverage_count import Check, count_complete, installed_checks
from safelight.screening.text_figures import describe_installed_text

from .language import modality_name, texts
from .output import print_prose, progress_console

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.policy.waivers import Waiver

    from .demo import FirstClip

_MODALITIES = ("text", "image", "frames", "audio")
#: Models named on the line of an upstream; the rest is counted.
_MAX_MODELS = 2


def print_start(
    container: Container, address: str, link: str, key: str | None, waivers: tuple[Waiver, ...]
) -> None:
    """Print address, login link, key, and what is checked and what is not."""
    t = texts()
    lines = [t("serve.ready", address=address), t("serve.sign_in"), link]
    rows = [("key", key), ("base", f"{address}/v1")] if key is not None else [("base", f"{address}/v1")]
    rows += [("upstream", upstream) for upstream in _upstreams(container)]
    table = container.coverage.describe()
    checks = installed_checks(table)
    rows += [("checked", _count_checked(checks)), ("gaps", _count_gaps(checks))]
    gaps = any(status == "not checked" for _, _, status in checks)
    if waivers:
        rows.append(
            ("waiver", t("serve.waiver", names=t("separator").join(waiver.name for waiver in waivers)))
        )
    elif gaps:
        rows.append(("waiver", t("serve.no_waiver")))
    due = f"{container.core.settings.review.due_minutes:g}"
    held = "serve.held" if _count_reviewer_keys(container) else "serve.no_reviewer"
    rows.append(("held", t(held, minutes=due)))
    lines += [_row(label, str(value)) for label, value in rows]
    lines.append(describe_installed_text(table, texts("console")))
    _print("\n".join(lines))


def print_clip(clip: FirstClip) -> None:
    """Print how the first clip ended, and its link."""
    t = texts()
    if clip.address and not clip.reason:
        key = "serve.delivered" if clip.verified else "serve.not_verified"
        _print(f"{_row('clip', t(key, seconds=f'{clip.seconds:.0f}'))}\n{clip.address}\n")
    else:
        _print(_row("clip", t("serve.not_delivered", reason=clip.reason)) + f"\n{clip.address}\n")


def _print(text: str) -> None:
    print_prose(progress_console(), text)


def _row(label: str, value: str) -> str:
    from rich.cells import cell_len

    t = texts()
    names = ("key", "base", "checked", "gaps", "waiver", "held", "upstream", "clip")
    width = max(cell_len(t(f"serve.label.{name}")) for name in names) + 2
    name = t(f"serve.label.{label}")
    return name + " " * (width - cell_len(name)) + value


def _upstreams(container: Container) -> list[str]:
    found = []
    for table in container.core.settings.generators.values():
        if isinstance(table.get("url"), str):
            models = [str(model) for model in table.get("models", ())]
            more = [f"+{len(models) - _MAX_MODELS}"] if len(models) > _MAX_MODELS else []
            found.append(f"{table['url']}: {', '.join([*models[:_MAX_MODELS], *more])}")
    return found


def _count_checked(checks: Sequence[Check]) -> str:
    t = texts()
    parts = []
    for modality in _MODALITIES:
        complete, total = count_complete(check for check in checks if check[1] == modality)
        parts.append(t("serve.of", modality=modality_name(modality), n=complete, all=total))
    return t("separator").join(parts)


def _count_gaps(checks: Sequence[Check]) -> str:
    missing = sum(status == "not checked" for _, _, status in checks)
    return texts()("serve.gaps" if missing else "serve.none", n=missing, all=count_complete(checks)[1])


def _count_reviewer_keys(container: Container) -> int:
    """Number of API keys that may decide held videos. The person at this terminal is not counted."""
    return sum(
        key.revoked_at is None and KeyScope.REVIEW in key.scopes
        for key in container.persistence.accounts.list_keys(container.persistence.tenant)
    )
