"""A keyboard-only user of the real gateway's pages, for browser tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page

from safelight.web.translations import Translations, load_languages

#: Languages that browsers send, and the page language for each.
LANGUAGES = {"en": "en", "zh-TW": "zh-Hant", "zh-CN": "zh-Hans"}
_MAX_KEY_PRESSES = 120
_AXE = "() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })"


@dataclass(frozen=True, kw_only=True)
class KeyboardUser:
    page: Page
    #: The texts of the pages in the user's language.
    t: Translations
    #: The source of axe, the accessibility checker.
    axe: str

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def focus(self, target: Locator, key: str = "Tab") -> None:
        """Press `key` until the target has the focus. Fails if the key does not reach it."""
        target.wait_for()
        for _ in range(_MAX_KEY_PRESSES):
            if target.evaluate("one => one === document.activeElement"):
                return
            self.press(key)
        raise AssertionError(f"pressing {key} does not focus {target}")

    def run_command(self, command: str) -> None:
        """Run a command of the command palette by its name."""
        # The page shows this button when its script listens to keys. That can be after its text.
        self.page.locator("#keys-open:not([hidden])").wait_for(state="attached")
        self.press("Escape", "Control+k")
        self.type(command)
        self.press("Enter")

    def replace_text(self, field: Locator, text: str) -> None:
        """Replace the text of the focused field."""
        assert field.evaluate("one => one === document.activeElement")
        self.press("Control+a")
        self.type(text)

    def serious_violations(self) -> list[str]:
        """Serious accessibility violations on the current page."""
        self.page.locator("[aria-busy=true]").wait_for(state="detached")
        # The page's Content-Security-Policy blocks injected script elements; `evaluate` is allowed.
        self.page.evaluate(self.axe)
        result: dict[str, Any] = self.page.evaluate(_AXE)
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:160]}"
            for one in result["violations"]
            if one["impact"] in {"serious", "critical"}
        ]


def translations_for(locale: str) -> Translations:
    return load_languages()[LANGUAGES[locale]]
