"""The links of an HTML page."""

from __future__ import annotations

from contextlib import suppress
from html.parser import HTMLParser
from urllib.parse import urljoin

from luci.runner.listing import check_version


class Links(HTMLParser):
    """Finds the links of a page: their attributes, `href` absolute, and their "text"."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[dict[str, str]] = []
        self._base, self._based = url, False
        self._open: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._end()
            self._open = {**told, "text": ""}
        elif tag == "base" and "href" in told and not self._based:
            self._base, self._based = urljoin(self._base, told["href"]), True
        elif tag == "meta" and told.get("name") == "pypi:repository-version":
            check_version(told.get("content", "1"))

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open["text"] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end()

    def close(self) -> None:
        super().close()
        self._end()

    def _end(self) -> None:
        if self._open and "href" in self._open:
            with suppress(ValueError):  # one that leads nowhere
                href = urljoin(self._base, self._open["href"])
                self.found.append({**self._open, "href": href, "text": self._open["text"].strip()})
        self._open = None
