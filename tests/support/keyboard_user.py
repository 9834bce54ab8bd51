"""Somebody at the real gateway's pages who has a keyboard and no mouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page

from safelight.console.translations import Translations, languages

#: What browsers send, and the language they are answered in.
LANGUAGES = {"en": "en", "zh-TW": "zh-Hant", "zh-CN": "zh-Hans"}
_MOST_TABS = 120
_AXE = "() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })"


@dataclass(frozen=True, kw_only=True)
class Hands:
    page: Page
    #: Every word of the pages, in the language they are shown in.
    words: Translations
    #: The accessibility checker's source.
    axe: str

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def to(self, target: Locator, key: str = "Tab") -> None:
        """Go on with the tab key until the focus is there: what it cannot reach fails here."""
        target.wait_for()
        for _ in range(_MOST_TABS):
            if target.evaluate("one => one === document.activeElement"):
                return
            self.press(key)
        raise AssertionError(f"the tab key does not lead to {target}")

    def choose(self, command: str) -> None:
        """A place or a button by its name, through the palette."""
        self.press("Escape", "Control+k")
        self.type(command)
        self.press("Enter")

    def rewrite(self, field: Locator, text: str) -> None:
        """Other words in the field that has the focus."""
        assert field.evaluate("one => one === document.activeElement")
        self.press("Control+a")
        self.type(text)

    def serious(self) -> list[str]:
        """What the accessibility checker finds serious on the page as it is now."""
        self.page.locator("[aria-busy=true]").wait_for(state="detached")
        # In the page's own world a script is not let in; the browser's is.
        self.page.evaluate(self.axe)
        result: dict[str, Any] = self.page.evaluate(_AXE)
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:160]}"
            for one in result["violations"]
            if one["impact"] in {"serious", "critical"}
        ]


def words_of(locale: str) -> Translations:
    return languages()[LANGUAGES[locale]]
