"""What is done for the words of luci.cli.talk_words."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from luci.actions.door import perform
from luci.cli.commands import _context, _result
from luci.cli.talk_words import KINDS
from luci.errors import LuciError, Refused, UsageError
from luci.screens import tables
from luci.screens.plain import as_json, harmless
from luci.screens.terminal import Narrator

# -- ask


def ask(options: argparse.Namespace) -> int:
    from luci.chat.asking import AskRequest
    from luci.chat.converse import Outcome
    from luci.chat.messages import Began
    from luci.screens.talk import Teller

    text, piped = _request(options)
    if not text and not options.replay:
        raise UsageError("What do you want?", hint='luci ask "a script that …"')
    streams = sys.stdout.isatty() and not options.json
    teller = Teller(quiet=options.quiet or options.json, stream=streams)
    allowed = _allowed(options.allow)
    request = AskRequest(text, piped, options.session, options.model, allowed, replay=options.replay)
    session = ""
    steps = perform("ask", request, _context(teller))
    try:
        while True:
            event = next(steps)
            session = event.session if isinstance(event, Began) else session
            teller.show(event)
    except StopIteration as end:
        outcome = end.value
    except LuciError as error:
        if options.json:  # whoever reads it reads one document, whatever happens
            print(as_json({**Outcome("", error.message).as_dict(), "session": session}))
        raise
    finally:
        steps.close()
        teller.close()
    if options.json:
        print(as_json({**outcome.as_dict(), "session": session}))
    elif not streams and outcome.text:
        print(harmless(outcome.text))
    if outcome.why and not options.json:
        sys.stderr.write(harmless("\n".join(outcome.words)) + "\n")
    return 1 if outcome.why else 0


def _request(options: argparse.Namespace) -> tuple[str, str]:
    """Return what is asked, and what is piped in besides; of "-", and of no words, that is the request."""
    text = " ".join(options.words).strip()
    if options.replay or sys.stdin is None or (sys.stdin.isatty() and text != "-"):
        return text, ""
    text = "" if text == "-" else text
    piped = sys.stdin.buffer.read().decode("utf-8", "replace").strip()
    return (text, piped) if text else (piped, "")


def _allowed(text: str) -> frozenset[Any]:
    kinds = [kind.strip() for kind in text.split(",") if kind.strip()]
    if wrong := [kind for kind in kinds if kind not in KINDS]:
        raise UsageError(f"--allow does not know {wrong[0]!r}.", hint=f"Any of {','.join(KINDS)}.")
    return frozenset(kinds)


# -- sessions and what was done in them


def sessions(options: argparse.Namespace) -> int:
    from luci.chat import export
    from luci.chat.replay import transcript
    from luci.chat.sessions import Sessions

    kept = Sessions()
    try:
        verb = options.verb
        if verb == "list":
            known = kept.all()
            print(as_json(known)) if options.json else _recalled(known, "There is no conversation yet.")
        elif verb == "search":
            hits = kept.search(" ".join(options.words))
            if options.json:
                print(as_json([{"session": s.as_dict(), "entry": e.as_dict(), "excerpt": t} for s, e, t in hits]))
            else:
                _recalled(hits, "No conversation has these words.")
        else:
            return _one_session(verb, kept, options, export, transcript)
        return 0
    finally:
        kept.close()


def _recalled(found: list[Any], none: str) -> None:
    tables.recalled(found) if found else print(none)


def _one_session(verb: str, kept: Any, options: argparse.Namespace, export: Any, transcript: Callable[..., str]) -> int:
    from luci.context import Question

    session = kept.find(options.session)
    if verb == "fork":
        if options.at is not None and not 1 <= options.at <= session.entries:
            raise UsageError(
                f"{session.id} has no entry {options.at}.",
                hint=f"1 to {session.entries}; `luci sessions search` tells numbers.",
            )
        print(kept.fork(session, options.at or session.entries))
    elif verb == "delete":
        question = Question(
            "delete", f"Delete the session {session.id}?", (session.title, f"{session.entries} entries")
        )
        if not options.yes and not Narrator().ask(question):
            raise Refused(f"{session.id} was left as it is.", hint="--yes deletes it.")
        kept.delete(session.id)
        print(f"deleted {session.id}")
    elif verb == "show" and options.json:
        print(as_json({**session.as_dict(), "entries": kept.entries(session.id)}))
    elif verb == "export" and options.format == "replay":
        sys.stdout.write(transcript(kept.entries(session.id)))
    else:
        text = export.markdown(session, kept.entries(session.id))
        print(harmless(text) if verb == "show" else text, end="")
    return 0


def audit(options: argparse.Namespace) -> int:
    from luci.chat import audit as log

    if options.verb == "head":
        head = log.head()
        print(as_json(head) if options.json else f"{head.entries} {head.digest}")
        return 0
    if options.verb == "list":
        entries = list(log.entries())
        if options.json:
            print(as_json(entries))
        elif not entries:
            print("Nothing was asked for or done yet.")
        for entry in () if options.json else entries:
            told = " ".join(str(entry.get(name, "")) for name in ("what", "kind", "title", "path", "by")).split()
            print(harmless(f"{entry.get('number')}  {'yes' if entry.get('yes', True) else 'no '}  {' '.join(told)}"))
        return 0
    faults = log.faults(options.head)
    if options.json:
        print(as_json({"entries": log.head().entries, "faults": faults}))
    else:
        print("\n".join(harmless(fault) for fault in faults) or f"whole: {log.head().entries} entries")
    return 1 if faults else 0


def undo(options: argparse.Namespace) -> int:
    from luci.chat.sessions import Sessions
    from luci.chat.undo import UndoRequest, taken_back
    from luci.context import Question

    kept = Sessions()
    narrator = Narrator()
    try:

        def agreed(question: Question) -> bool:
            return bool(options.yes or narrator.ask(question))

        request = UndoRequest(again=options.do == "redo", dry_run=options.dry_run)
        print(harmless(taken_back(request, kept, Path.cwd(), agreed)))
        return 0
    finally:
        kept.close()


def key(options: argparse.Namespace) -> int:
    import getpass

    from luci.chat import keys
    from luci.chat.providers import PROVIDERS

    known = [name for name, provider in PROVIDERS.items() if not provider.local]
    if options.provider not in known:
        raise UsageError(
            f"There is no provider {options.provider} that takes a key.", hint=f"One of {', '.join(known)}."
        )
    if options.verb == "remove":
        print(f"Forgotten in {keys.keep(options.provider, '')}.")
        return 0
    said = getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not said.strip():
        raise UsageError("There is no key.", hint="Type it, or pipe it in.")
    print(f"Kept in {keys.keep(options.provider, said.strip())}.")
    return 0


def adopt(options: argparse.Namespace) -> int:
    from luci.actions.adopt import AdoptRequest

    narrator = Narrator()
    request = AdoptRequest(options.script, tuple(options.requirements), options.dry_run)
    done = _result("adopt", request, _context(narrator, yes=options.yes), narrator)
    if options.json:
        print(as_json(done))
    elif done.diff and not done.written:
        print(harmless(done.diff))
    elif done.written:
        print(f"{harmless(options.script)} declares {', '.join(done.requirements) or 'that it needs nothing'}.")
    return 0


def chat(options: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("A conversation needs a terminal.", hint='luci ask "..." does without one.')
    from luci.screens.line_by_line import LineByLine

    return LineByLine().talk()


def why(options: argparse.Namespace) -> int:
    from luci.actions.why import WhyRequest

    narrator = Narrator()
    reason = _result("why", WhyRequest(options.run), _context(narrator), narrator)
    print(as_json(reason) if options.json else harmless("\n".join(reason.lines)))
    return 0


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "ask": ask,
    "chat": chat,
    "why": why,
    "sessions": sessions,
    "audit": audit,
    "undo": undo,
    "redo": undo,
    "key": key,
    "adopt": adopt,
}
