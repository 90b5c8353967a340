"""Write down what is installed in an environment, for other tools to read."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from luci.actions.envs import EnvRequest, several
from luci.actions.grounds import grounds
from luci.context import Context, Question
from luci.envs import backends, conda_lock, exports
from luci.envs.exports import FORMATS, Format
from luci.envs.store import Env, fault
from luci.errors import EnvError, Refused, UsageError
from luci.events import Event, Reached, Working
from luci.values import Value, as_dict


class ExportRequest(Value):
    """`format` is one of FORMATS; empty, it is what the name of `output` says, else requirements.

    `output` is a file, or a folder, where each gets a file named after its environment; empty, the text is only
    returned.
    """

    selectors: tuple[str, ...]
    format: str = ""
    output: str = ""


class Exported(Value):
    """What was written. `path` is empty where it went to no file."""

    format: str
    text: str
    path: str = ""

    def as_dict(self) -> dict[str, Any]:
        return as_dict(self)


def export(request: ExportRequest, context: Context) -> Generator[Event, None, list[Exported]]:
    """Return the exact versions of environments in a form; a file that is there and says otherwise is asked for."""
    form = _form(request)
    envs = several(EnvRequest(request.selectors))
    into_folder = os.path.isdir(request.output)
    if request.output and len(envs) > 1 and not into_folder:
        raise UsageError(
            f"{request.output} is no folder.", hint="Several environments are several files: name a folder."
        )
    written = []
    for number, env in enumerate(envs):
        yield Reached(number, len(envs), env.label)
        if problem := fault(env):
            raise EnvError(f"{env.name} is broken: {problem}.", hint=f"`luci env rebuild {env.key}` mends it.")
        yield Working("reading", env.name)
        text = yield from _written(env, form, context)
        path = os.path.join(request.output, file_name(form, env.label)) if into_folder else request.output
        if path:
            _save(Path(path), text, context)
        written.append(Exported(form, text, path))
    return written


def file_name(form: str, label: str) -> str:
    """Return how a file in a form is called, for an environment of this label."""
    names = {"requirements": "{}-requirements.txt", "pylock": "pylock.{}.toml", "pep723": "{}-block.txt"}
    names |= {"dockerfile": "{}.Dockerfile"}
    names |= {"conda-lock": "{}-conda-lock.yml"}
    return names.get(form, "{}-environment.yml").format(label)


def _form(request: ExportRequest) -> Format:
    wanted = request.format or _by_name(os.path.basename(request.output))
    for known in FORMATS:
        if wanted == known:
            return known
    raise UsageError(f"{wanted} is no form to export to.", hint=f"One of {', '.join(FORMATS)}.")


def _by_name(name: str) -> str:
    if name.startswith("pylock.") or name.endswith((".pylock.toml", ".lock")):
        return "pylock"
    if name.lower() == "dockerfile" or name.endswith(".Dockerfile"):
        return "dockerfile"
    if name.endswith(("conda-lock.yml", "conda-lock.yaml")):
        return "conda-lock"
    return "environment.yml" if name.endswith((".yml", ".yaml")) else "requirements"


def _written(env: Env, form: Format, context: Context) -> Generator[Event, None, str]:
    can = [known for known in FORMATS if known in backends.of(env.spec.kind).can]
    hint = f"--format {'|'.join(can)}"
    backends.insist(env.spec.kind, form, f"is not exported as {form}", hint)
    if form == "dockerfile":
        return _dockerfile(env)
    if form == "conda-lock":
        ground = grounds(env, context)
        return (yield from conda_lock.written(env, ground.sources, ground.terms, context.stop))
    if env.spec.kind == "conda":
        return exports.conda_environment_yml(env)
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


def _dockerfile(env: Env) -> str:
    from luci.envs import dockerfiles

    if env.spec.kind != "conda":
        return dockerfiles.dockerfile(env, exports.frozen(env))
    specs, lines = exports.conda_lines(env)
    return dockerfiles.dockerfile(env, lines, specs)


def _save(path: Path, text: str, context: Context) -> None:
    try:
        there = path.read_text(encoding="utf-8") if path.exists() else text
        if there != text:
            said = (f"{path} is there, with {len(there.splitlines())} lines, and says something else.",)
            if not context.ask(
                Question("overwrite", f"Write over {path.name}?", said, "--yes", yes="Write over it", no="Leave it")
            ):
                raise Refused(f"{path} was left as it is.", hint="--yes writes over it.")
        path.write_text(text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be written.", cause=str(error)) from error
