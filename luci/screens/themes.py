"""The colours: dark, light, and the terminal's own."""

from __future__ import annotations

import os

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="luci-dark",
    primary="#7cb7ff",
    secondary="#b79cf2",
    accent="#f2b25c",
    success="#82c99a",
    warning="#e6c36a",
    error="#f2777a",
    foreground="#d8dbe2",
    background="#14161a",
    surface="#1b1e24",
    panel="#252932",
    dark=True,
    variables={
        "footer-background": "#1b1e24",
        "scrollbar": "#343a46",
        "scrollbar-hover": "#454c5b",
        "scrollbar-active": "#5a6377",
        "scrollbar-background": "#1b1e24",
        "scrollbar-background-hover": "#1b1e24",
        "scrollbar-background-active": "#1b1e24",
        "scrollbar-corner-color": "#1b1e24",
        "footer-description-foreground": "#9aa0ac",
        "input-selection-background": "#7cb7ff 30%",
    },
)

LIGHT = Theme(
    name="luci-light",
    primary="#1c62c4",
    secondary="#6f42c1",
    accent="#a65200",
    success="#1d7a3a",
    warning="#8f6200",
    error="#c2262e",
    foreground="#2a2d34",
    background="#fcfbf8",
    surface="#f3f1eb",
    panel="#e7e3da",
    dark=False,
    variables={
        "footer-background": "#f3f1eb",
        "scrollbar": "#d3cec2",
        "scrollbar-hover": "#bdb7a8",
        "scrollbar-active": "#a39c8b",
        "scrollbar-background": "#f3f1eb",
        "scrollbar-background-hover": "#f3f1eb",
        "scrollbar-background-active": "#f3f1eb",
        "scrollbar-corner-color": "#f3f1eb",
        "footer-description-foreground": "#5d616b",
        "input-selection-background": "#1c62c4 25%",
    },
)


ALL = {theme.name: theme for theme in (DARK, LIGHT, BUILTIN_THEMES["ansi-dark"], BUILTIN_THEMES["ansi-light"])}


def name_of(setting: str) -> str:
    """Return the name of the theme that a setting means: dark, light or terminal. NO_COLOR (no-color.org) means the
    last, of which nothing is left but bold and reverse."""
    if setting == "terminal" or "NO_COLOR" in os.environ:
        return "ansi-light" if _is_light_terminal() else "ansi-dark"
    return f"luci-{setting}"


def _is_light_terminal() -> bool:
    """Whether COLORFGBG, which some terminals set, tells of a light background."""
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return background in ("7", "15")
