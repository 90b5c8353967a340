"""What is installed in an environment, written in the forms that other tools read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from typing import Literal

from packaging.utils import canonicalize_name

from luci.envs import backends, installer, resolver, venvs
from luci.envs.sources import Sources, without_credentials
from luci.envs.spec import EnvSpec
from luci.envs.store import Env
from luci.envs.terms import Terms
from luci.errors import EnvError
from luci.events import Event
from luci.values import replace

Format = Literal["requirements", "pylock", "pep723", "environment.yml", "conda-lock", "dockerfile"]
FORMATS: tuple[Format, ...] = ("requirements", "pylock", "pep723", "environment.yml", "conda-lock", "dockerfile")


def frozen(env: Env) -> tuple[str, ...]:
    """Return one exact PEP 508 line for each distribution; `name @ url` for what came from an address."""
    uv = installer.find_uv()
    if uv is None:
        return tuple(f"{name}=={version}" for name, version in env.installed.items())
    command = [uv, "pip", "freeze", "--quiet", "--color", "never"]
    if env.spec.kind in backends.BOXED:  # its Python is in an image
        command += ["--python", sys.executable, "--target", str(venvs.site_packages(env.path))]
    else:
        command += ["--python", env.spec.base or str(env.python)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvError(
            f"What is installed in {env.name} cannot be read.",
            cause=done.stderr.strip(),
            hint=f"`luci env rebuild {env.key}` makes it whole.",
        )
    return tuple(_exact(line.strip(), env) for line in done.stdout.splitlines() if line.strip())


def _exact(line: str, env: Env) -> str:
    """Return a frozen line as a requirement that has a name and no secret."""
    name, _, url = line.partition(" @ ")
    if line.startswith("-e "):
        url = line.removeprefix("-e ").strip()
        name = next((name for name in env.installed if url.rstrip("/").endswith(f"/{name}")), "")
    if not url:
        return line
    if not name:
        raise EnvError(f"{url} is installed as a folder that is edited, and nobody can say its name elsewhere.")
    scheme, plus, rest = url.partition("+")
    return f"{name} @ " + (f"{scheme}+{without_credentials(rest)}" if plus else without_credentials(url))


def requirements(env: Env, lines: Sequence[str]) -> str:
    """A requirements.txt."""
    return "".join(f"{line}\n" for line in (f"# {env.label}, Python {env.version}", *lines))


def pep723(env: Env, lines: Sequence[str]) -> str:
    """A script's metadata block (PEP 723)."""
    import tomlkit

    table = tomlkit.document()
    table["requires-python"] = f"=={'.'.join(env.version.split('.')[:2])}.*"
    table["dependencies"] = tomlkit.array().multiline(True)
    for line in lines:
        table["dependencies"].append(line)
    said = tomlkit.dumps(table).splitlines()
    return "\n".join(["# /// script", *(f"# {line}".rstrip() for line in said), "# ///", ""])


def environment_yml(env: Env, lines: Sequence[str]) -> str:
    """An environment.yml of conda, which has pip install what luci installed. A JSON string is a YAML string."""
    pips = [f"      - {json.dumps(line)}" for line in lines]
    said = [
        f"name: {env.label}",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        f"  - python={env.version}",
        "  - pip",
    ]
    return "\n".join([*said, *(["  - pip:", *pips] if pips else []), ""])


def conda_lines(env: Env) -> tuple[list[str], list[str]]:
    """Return the match specs of the conda packages at their exact builds, and what pip has at exact versions."""
    from luci.envs import condas

    records = condas.packages(env.path)
    return [f"{r['name']}={r['version']}={r['build']}" for r in records], list(of_the_index(env))


def conda_environment_yml(env: Env) -> str:
    """An environment.yml with every conda package at its exact build, and pip's at their exact versions."""
    specs, lines = conda_lines(env)
    said = [f"name: {env.label}", "channels:", *(f"  - {json.dumps(channel)}" for channel in env.spec.channels)]
    said += ["dependencies:", *(f"  - {spec}" for spec in specs)]
    pips = ["  - pip:", *(f"      - {json.dumps(line)}" for line in lines)] if lines else []
    return "\n".join([*said, *pips, ""])


def of_the_index(env: Env) -> tuple[str, ...]:
    """Return the exact lines of what conda did not bring to a conda environment."""
    from luci.envs import condas

    folders = (name.removesuffix(".dist-info") for name in condas.brought(env.path))
    came = {str(canonicalize_name(folder.rpartition("-")[0])) for folder in folders}
    came |= {str(record["name"]) for record in condas.packages(env.path)}
    return tuple(f"{name}=={version}" for name, version in env.installed.items() if name not in came)


def pylock(
    env: Env, lines: Sequence[str], sources: Sources, terms: Terms, stop: Callable[[], bool]
) -> Generator[Event, None, str]:
    """A pylock.toml (PEP 751), with the addresses and hashes of the files as the index gives them."""
    if not lines:
        version = ".".join(env.version.split(".")[:2])
        return f'lock-version = "1.0"\ncreated-by = "luci"\nrequires-python = ">={version}"\npackages = []\n'
    spec: EnvSpec = replace(env.spec, requirements=tuple(lines), constraints=(), as_of="")
    unlimited = replace(terms, not_after=())  # what is installed was let in before
    more = ("--format", "pylock.toml", "--no-deps")
    return (yield from resolver.compiled(spec, str(env.python), sources, unlimited, stop, more))
