"""How luci reads its words, and what it says of those that it does not know."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from luci.screens.plain import harmless


class Parser(argparse.ArgumentParser):
    """One that names what it does not know, careful with the words it repeats, and says what was probably meant."""

    def error(self, message: str) -> NoReturn:
        match = re.fullmatch(r"argument (.+): invalid choice: '(.*)' \(choose from (.*)\)", message, re.DOTALL)
        if match is None:
            self._tell(message[:1].upper() + message[1:])
        kind, said, listed = match.groups()
        known = [word.strip(" '") for word in listed.split(", ")]
        known = [word for word in known if not word.startswith("_")]
        is_word = kind in ("COMMAND", "VERB")
        what = f"There is no {kind.lower()} {said!r}" if is_word else f"{kind.split('/')[-1]} cannot be {said!r}"
        self._tell(what, said, known)

    def parse_args(self, words: Sequence[str], namespace: Any = None) -> argparse.Namespace:  # type: ignore[override]
        options: argparse.Namespace
        options, rest = self.parse_known_args(list(words), namespace)
        if rest:
            command = list(self._called(words))[-1]
            known = [name for action in command._actions for name in action.option_strings]
            what = "option" if rest[0].startswith("-") else "place for"
            command._tell(f"There is no {what} {rest[0]!r}", rest[0], [name for name in known if len(name) > 2])
        return options

    def _called(self, words: Sequence[str]) -> Iterator[Parser]:
        """Yield the parsers that the words lead through."""
        yield self
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                at = next((n for n, word in enumerate(words) if word in action.choices), None)
                if at is not None:
                    yield from action.choices[words[at]]._called(words[at + 1 :])

    def _tell(self, what: str, said: str = "", known: Sequence[str] = ()) -> NoReturn:
        import difflib

        near = difflib.get_close_matches(said, known, 1)
        listed = f"One of {', '.join(known)}." if known and not known[0].startswith("-") else ""
        meant = f"Did you mean {near[0]}?" if near else listed
        hint = " ".join(filter(None, [meant, f"`{self.prog} --help` says more."]))
        self.exit(2, harmless(f"error: {what}.") + "\n" + harmless(f"hint: {hint}") + "\n")
