"""The verbs of `luci env` that have requests of their own."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from luci.cli.commands import _context, _exec, _result
from luci.events import Become, Event
from luci.screens.plain import as_json
from luci.screens.terminal import Narrator

if TYPE_CHECKING:
    from luci.runner.wants import Wants


def inspect(options: argparse.Namespace) -> int:
    from luci.actions.envs import EnvRequest
    from luci.screens import tables

    told = _told("inspect", EnvRequest(tuple(options.environment)), options)
    print(as_json(told)) if options.json else tables.inspected(told)
    return 0


def update(options: argparse.Namespace) -> int:
    from luci.actions.updates import UpdateRequest
    from luci.screens import tables

    request = UpdateRequest(tuple(options.environment), options.all, options.dry_run, options.undo)
    told = _told("update", request, options)
    print(as_json(told)) if options.json else tables.updated(told, options.dry_run)
    return 0


def export(options: argparse.Namespace) -> int:
    from luci.actions.exports import ExportRequest

    request = ExportRequest(tuple(options.environment), options.format, options.output)
    told = _told("export", request, options)
    if options.json:
        print(as_json(told))
    elif not options.output:
        print("".join(written.text for written in told), end="")
    return 0


def create(options: argparse.Namespace) -> int:
    from luci.actions.creates import CreateRequest

    files = tuple(filter(None, [*options.requirements_file, *options.source]))
    return _made("create", CreateRequest(options.name, files, _wants(options), options.dry_run), options)


def import_(options: argparse.Namespace) -> int:
    from luci.actions.creates import ImportRequest

    return _made("import", ImportRequest(options.file, options.name, _wants(options), options.dry_run), options)


def lock(options: argparse.Namespace) -> int:
    from luci.actions.locks import LockRequest
    from luci.screens import tables

    allow = tuple(options.allow)
    how = (options.upgrade, options.check, allow, options.offline, options.undo)
    request = LockRequest(options.environment, options.output, *how)
    told = _told("lock", request, options)
    print(as_json(told)) if options.json else tables.locked(told, options.check)
    return 1 if told.stale else 0


def _wants(options: argparse.Namespace) -> Wants:
    from luci.runner.wants import Wants

    asked = tuple(getattr(options, "with_", ()))
    return Wants(asked, options.python, frozenset(options.allow), options.offline, options.env)


def _made(verb: str, request: Any, options: argparse.Namespace) -> int:
    from luci.screens import tables

    told = _told(verb, request, options)
    print(as_json(told)) if options.json else tables.made(told)
    return 126 if told["refused"] else 0


def shell(options: argparse.Namespace) -> int:
    from luci.actions.shells import ShellRequest

    heard = _Hearing(quiet=options.quiet, verbose=options.verbose)
    request = ShellRequest(options.environment[0], tuple(options.command))
    code = int(_result("env shell", request, _context(heard), heard))
    if heard.become:
        _exec(heard.become)
    return code


class _Hearing(Narrator):
    """Also keeps what this process is to become."""

    become: Become | None = None

    def show(self, event: Event) -> None:
        super().show(event)
        if isinstance(event, Become):
            self.become = event


def _told(verb: str, request: Any, options: argparse.Namespace) -> Any:
    narrator = Narrator(quiet=options.quiet, verbose=options.verbose)
    yes = getattr(options, "yes", False)
    return _result(f"env {verb}", request, _context(narrator, yes=yes), narrator)
