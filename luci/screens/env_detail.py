"""All of one environment: what it was asked for, what is installed and why, what ran in it, its record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from luci.screens.columns import beside
from luci.screens.env_rows import SIGNS
from luci.screens.plain import harmless
from luci.screens.tables import ago
from luci.units import amount

QUIET = "$foreground 60%"
Told = Mapping[str, Any]
SECTIONS = ("title", "facts", "places", "requirements", "packages", "runs", "record")
LABEL, WHEN = 11, 15  # cells for what a fact is called, and for when a run was


class EnvDetail(VerticalScroll, can_focus=True):
    """The result of `env inspect`, in sections."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]

    class Left(Message):
        """The person wants the table again."""

    told: Told

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.told = {}

    def compose(self) -> ComposeResult:
        for name in SECTIONS:
            yield Static(id=f"detail-{name}", classes="section")

    def show(self, told: Told) -> None:
        """Show an environment; nothing where there is none."""
        same = told.get("key") == self.told.get("key")
        self.told = told
        self._draw()
        if not same:
            self.scroll_home(animate=False)

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        # a scroll bar may come with what is written
        told, width = self.told, (self.content_region.width or 80) - self.styles.scrollbar_size_vertical
        written = _sections(told, width) if told else [Content()] * len(SECTIONS)
        for name, section in zip(SECTIONS, written, strict=True):
            self.query_one(f"#detail-{name}", Static).update(section)


def _sections(told: Told, width: int) -> list[Content]:
    parts = _title(told), _facts(told, width), _places(told), _requirements(told), _packages(told)
    return [*parts, _runs(told, width), _record(told)]


def _title(told: Told) -> Content:
    state = f"{SIGNS.get(told['state'], '?')} {told['state']}"
    colour = {"ready": "$text-success", "broken": "$text-error"}.get(told["state"], "$text-warning")
    fault = Content.styled(f"\n{harmless(told['fault'])}", "$text-error") if told["fault"] else Content("")
    return Content.assemble((harmless(told["label"]), "bold"), "  ", (told["key"], QUIET), "\n", (state, colour), fault)


def _facts(told: Told, width: int) -> Content:
    users = told["in_use_by"]
    using = f", in use by process{'es' * (len(users) > 1)} {', '.join(map(str, users))}" if users else ""
    why = told["about"].get("kind_reason", "") if told["kind"] != "venv" else ""
    facts = [
        ("Kind", ": ".join(filter(None, [told["kind"], why]))),
        ("Python", told["python_version"]),
        ("Channels", "\n".join(told["record"].get("spec", {}).get("channels", ()))),
        ("Project", told["scope"] or "shared"),
        ("Scripts", "\n".join(told["scripts"]) or "none that is known"),
        ("Last used", ago(told["last_used"]) + using),
        ("Built", ago(told["created"])),
        ("Size", f"{amount(told['bytes'])}, removing frees {amount(told['freed_by_removing'])}"),
    ]
    return _lines(_under(name, LABEL, Content(harmless(value)), width) for name, value in facts if value)


def _places(told: Told) -> Content:
    path, activate = harmless(told["path"]), harmless(told["activate"])
    lines = [_heading("Folder"), Content(path)]
    if activate:  # nobody can step into what is an image
        lines += [Content(), _heading("Activate") + Content.styled("  c copies it", QUIET), Content(activate)]
    return _lines(lines)


def _under(label: str, indent: int, text: Content, width: int) -> Content:
    return _lines(beside(Content.styled(label, QUIET), indent, text, width))


def _requirements(told: Told) -> Content:
    wanted = [*told["record"].get("spec", {}).get("conda", ()), *told["requirements"]]
    if not wanted:
        return _section("Requirements", [Content.styled("none: the standard library is enough", QUIET)])
    reasons = {line: choice for choice in told["about"].get("choices", ()) for line in choice["requirements"]}
    lines = []
    for line in wanted:
        why = _reason(reasons.get(line) or _by_name(reasons, line))
        lines.append(Content.assemble(harmless(line.partition(" --hash")[0]), (f"\n  {why}" if why else "", QUIET)))
    return _section("Requirements", lines)


def _by_name(reasons: Mapping[str, Any], line: str) -> Any:
    """The key spells a requirement its own way; its name is the same."""
    from luci.envs.trees import named

    return next((choice for wanted, choice in reasons.items() if named(wanted) == named(line)), None)


def _reason(choice: Any) -> str:
    if not choice:
        return ""
    place = f", imported at {choice['file'].rpartition('/')[2]}:{choice['line']}" if choice["line"] else ""
    return harmless(f"{choice['reason']} ({choice['source']}){place}")


def _packages(told: Told) -> Content:
    if not told["installed"]:
        return _section("Packages", [Content.styled("nothing is installed", QUIET)])
    lines = [line for node in told["tree"] for line in _branch(node, "", "", "")]
    seen = {name for node in told["tree"] for name in _names(node)}
    alone = [f"{name} {version}" for name, version in told["installed"].items() if name not in seen]
    lines += [Content.assemble(harmless(line), ("  asked for by nothing that is here", QUIET)) for line in alone]
    return _section(f"Packages ({len(told['installed'])})", lines)


def _branch(node: Told, lead: str, turn: str, below: str) -> Iterator[Content]:
    bound = node["requirement"].partition(" --hash")[0].partition(";")[0].strip()
    asked = f"  for {bound}" if turn and bound != node["name"] else ""
    yield Content.assemble(
        (lead + turn, QUIET), harmless(node["name"]), " ", (harmless(node["version"]), "bold"), (harmless(asked), QUIET)
    )
    children = node["children"]
    for number, child in enumerate(children, 1):
        last = number == len(children)
        yield from _branch(child, lead + below, "└─ " if last else "├─ ", "   " if last else "│  ")


def _names(node: Told) -> Iterator[str]:
    yield node["name"]
    for child in node["children"]:
        yield from _names(child)


def _runs(told: Told, width: int) -> Content:
    lines = []
    for run in told["runs"]:
        code = run["exit_code"]
        ended = "end not seen" if code is None else "ended well" if code == 0 else f"exit code {code}"
        colour = "$text-error" if code else QUIET
        took = "" if run["seconds"] is None else f", {run['seconds']:.1f} s"
        name = harmless(run["script"]).rpartition("/")[2]
        said = Content.assemble(name, "  ", (ended + took, colour))
        if run["wall"]:
            behind = ", ".join([f"behind {run['wall']}", *run["limits"]])
            said = _lines([said, Content.styled(harmless(behind), QUIET)])
        lines.append(_under(ago(run["started"]), WHEN, said, width))
    return _section("Runs", lines or [Content.styled("none that is recorded", QUIET)])


def _record(told: Told) -> Content:
    text = harmless(json.dumps(told["record"], indent=2, ensure_ascii=False))
    return _section("Record", [Content.styled(harmless(told["record_path"]), QUIET), Content.styled(text, QUIET)])


def _section(title: str, lines: list[Content]) -> Content:
    return _lines([_heading(title), *lines])


def _heading(title: str) -> Content:
    return Content.styled(title, "bold $text-accent")


def _lines(lines: Iterator[Content] | list[Content]) -> Content:
    return Content("\n").join(list(lines))
