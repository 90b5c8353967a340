"""Write down what is installed in an environment, for other tools to read."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from luci.actions.envs import chosen
from luci.actions.grounds import grounds
from luci.context import Context, Question
from luci.envs import exports
from luci.envs.exports import FORMATS, Format
from luci.envs.store import Env, fault
from luci.errors import EnvError, Refused, UsageError
from luci.events import Event, Working


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """`format` is one of FORMATS; empty, it is what the name of `output` says, else requirements.

    `output` is a file; empty, the text is only returned.
    """

    selector: str
    format: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. `path` is empty where it went to no file."""

    format: str
    text: str
    path: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def export(request: ExportRequest, context: Context) -> Generator[Event, None, Exported]:
    """Return the exact versions of an environment in a form; a file that is there and says otherwise is asked for."""
    form = _form(request)
    env = chosen(request.selector)
    if problem := fault(env):
        raise EnvError(f"{env.name} is broken: {problem}.", hint=f"`luci env rebuild {env.key}` mends it.")
    yield Working("reading", env.name)
    text = yield from _written(env, form, context)
    if request.output:
        _save(Path(request.output), text, context)
    return Exported(form, text, request.output)


def _form(request: ExportRequest) -> Format:
    wanted = request.format or _by_name(Path(request.output).name)
    for known in FORMATS:
        if wanted == known:
            return known
    raise UsageError(f"{wanted} is no form to export to.", hint=f"One of {', '.join(FORMATS)}.")


def _by_name(name: str) -> str:
    if name.startswith("pylock.") or name.endswith((".pylock.toml", ".lock")):
        return "pylock"
    return "environment.yml" if name.endswith((".yml", ".yaml")) else "requirements"


def _written(env: Env, form: Format, context: Context) -> Generator[Event, None, str]:
    lines = exports.frozen(env)
    if form == "pylock":
        ground = grounds(env, context)
        return (yield from exports.pylock(env, lines, ground.sources, ground.terms, context.stop))
    writers = {
        "requirements": exports.requirements,
        "pep723": exports.pep723,
        "environment.yml": exports.environment_yml,
    }
    return writers[form](env, lines)


def _save(path: Path, text: str, context: Context) -> None:
    try:
        there = path.read_text(encoding="utf-8") if path.exists() else text
        if there != text:
            said = (f"{path} is there, with {len(there.splitlines())} lines, and says something else.",)
            if not context.ask(Question("overwrite", f"Write over {path.name}?", said, "--yes")):
                raise Refused(f"{path} was left as it is.", hint="--yes writes over it.")
        path.write_text(text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be written.", cause=str(error)) from error
