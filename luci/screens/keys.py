"""Every key that does something, by the place where it does: the help and the palette are both made of this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.binding import Binding, BindingType

if TYPE_CHECKING:
    from textual.app import App
    from textual.dom import DOMNode


@dataclass(frozen=True, slots=True)
class Key:
    """One action. `shown` are the keys for it; `owner` is the kind of widget that performs it."""

    shown: str
    about: str
    action: str
    owner: type[DOMNode]


def places(app: App[Any]) -> Iterator[tuple[str, list[Key]]]:
    """Yield each place with its keys."""
    from luci.screens.card import Card
    from luci.screens.dialogue import Dialogue
    from luci.screens.env_table import EnvTable
    from luci.screens.environments import Environments
    from luci.screens.home import Home
    from luci.screens.live import Live
    from luci.screens.prompt import Prompt

    yield "Everywhere", [*_keys(app, type(app)), *_keys(app, Home)]
    yield "Prompt", _keys(app, Prompt)
    yield "A card in the conversation", _keys(app, Card)
    yield "An answer of the assistant's", _keys(app, Dialogue)
    yield "Output, once scrolling or ended", _keys(app, Live)
    yield "Environments", [*_keys(app, EnvTable), *_keys(app, Environments)]


def _keys(app: App[Any], owner: type[DOMNode]) -> list[Key]:
    told: dict[str, list[str]] = {}
    actions: dict[str, str] = {}
    for binding in _described(owner.BINDINGS):
        shown = [app.get_key_display(each) for each in Binding.make_bindings([binding])]
        told.setdefault(binding.description, []).extend(key for key in shown if key)
        actions[binding.description] = binding.action
    return [Key(" ".join(dict.fromkeys(keys)), about, actions[about], owner) for about, keys in told.items()]


def _described(bindings: Iterable[BindingType]) -> Iterator[Binding]:
    return (binding for binding in bindings if isinstance(binding, Binding) and binding.description)
