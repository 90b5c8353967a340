"""A session in words: as Markdown to read or to give away, and as a line of a list."""

from __future__ import annotations

import time
from collections.abc import Iterable

from luci.chat.sessions import Entry, Session
from luci.chat.shorten import unmarked


def rows(sessions: Iterable[Session]) -> list[tuple[str, ...]]:
    """Return what a list shows of each session: its id, when it was begun, its entries, its title and its folder."""
    return [(s.id, _when(s.started), str(s.entries), s.title or "—", s.folder) for s in sessions]


def markdown(session: Session, entries: Iterable[Entry]) -> str:
    """Return a session as Markdown. Secrets were replaced when it was written down."""
    lines = [f"# {session.title or session.id}", "", f"{session.id}, {_when(session.started)}, {session.folder}", ""]
    for entry in entries:
        lines += _told(entry)
    return "\n".join(lines).rstrip() + "\n"


def _told(entry: Entry) -> list[str]:
    body = entry.body
    match entry.kind:
        case "message" if body["role"] == "user":
            return [
                f"## {body['text'].splitlines()[0] if body['text'] else '…'}",
                "",
                *body["text"].splitlines()[1:],
                "",
            ]
        case "message" | "draft" if body["role"] == "assistant":
            broken = [] if body["whole"] else ["", "*(this answer is not whole)*"]
            return [body["text"], *broken, ""] if body["text"] else []
        case "thought":
            return [
                "<details><summary>thoughts</summary>",
                "",
                *_fenced(body["text"].strip(), ""),
                "",
                "</details>",
                "",
            ]
        case "use":
            return [f"- {'used' if body['ok'] else 'could not use'} `{body['title']}`"]
        case "leave":
            return [f"- {'allowed' if body['yes'] else 'refused'} by {body['by']}: {body['title']}"]
        case "change":
            return ["", *_fenced(body["diff"], "diff"), ""]
        case "run":
            return [
                "",
                f"`{body['script']}` ended with exit code {body['exit_code']}",
                "",
                *_fenced(unmarked(body["text"]), ""),
                "",
            ]
        case "note":
            return [f"*{body['text']}*", ""]
    return []


def _fenced(text: str, language: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}{language}", text, fence]


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
