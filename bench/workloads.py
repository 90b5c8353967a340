"""What the bench measures on: a long script, a project of many modules, a store of many environments, many runs."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

STANDARD = ["argparse", "collections", "csv", "datetime", "functools", "itertools", "json", "logging", "os", "re"]
OTHERS = """
import numpy as np
import pandas as pd
import yaml
import click
import httpx
import requests
import sqlalchemy
from attrs import define, field
from bs4 import BeautifulSoup
from dateutil import parser as dates
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from tqdm import tqdm
"""
WORDS = ["order", "invoice", "client", "ledger", "region", "stock", "parcel", "route", "signal", "sample", "batch"]
WORDS += ["window", "profile", "report"]
VERBS = ["load", "merge", "check", "split", "count", "group", "filter", "render", "store", "update", "match", "clean"]

FUNCTION = '''
def {verb}_{noun}_{n}(rows: list[dict[str, object]], limit: int = {limit}, *, strict: bool = False) -> dict[str, float]:
    """Return the {noun} totals of `rows`, at most `limit` of them."""
    totals: dict[str, float] = collections.defaultdict(float)
    for number, row in enumerate(rows):
        if number >= limit:
            logging.debug("stopped after %d rows", number)
            break
        name = str(row.get("{noun}", "")).strip().lower()
        if not name or (strict and not re.fullmatch(r"[a-z][a-z0-9_-]*", name)):
            continue
        try:
            totals[name] += float(row["amount"]) * {factor}
        except (KeyError, TypeError, ValueError) as error:
            logging.warning("row %d of {noun}: %s", number, error)
    largest = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))[: max(1, limit // {n} or 1)]
    return {{name: round(value, 2) for name, value in largest if value > 0}}
'''
CLASS = '''
class {title}{n}:
    """A {noun} as it comes from the {other} files."""

    columns = ("id", "{noun}", "amount", "when")

    def __init__(self, path: str, *, encoding: str = "utf-8") -> None:
        self.path, self.encoding = path, encoding
        self.rows: list[dict[str, str]] = []
        self.seen: set[str] = set()

    def __len__(self) -> int:
        return len(self.rows)

    def read(self) -> "{title}{n}":
        with open(self.path, encoding=self.encoding, newline="") as file:
            for row in csv.DictReader(file):
                if row["id"] in self.seen:
                    continue
                self.seen.add(row["id"])
                self.rows.append({{key: row.get(key, "") for key in self.columns}})
        return self

    @functools.cached_property
    def by_day(self) -> dict[datetime.date, list[dict[str, str]]]:
        ordered = sorted(self.rows, key=lambda row: row["when"])
        days = itertools.groupby(ordered, key=lambda row: datetime.date.fromisoformat(row["when"][:10]))
        return {{day: list(rows) for day, rows in days}}

    def summary(self) -> str:
        if not self.rows:
            return f"{{os.path.basename(self.path)}}: nothing"
        total = sum(float(row["amount"] or 0) for row in self.rows)
        return json.dumps({{"rows": len(self), "total": total, "days": len(self.by_day), "mean": total / len(self)}})
'''


def long_script(path: Path, lines: int = 1000) -> Path:
    """Write a script with 25 imports, 15 of them of what must be installed, and functions and classes below."""
    chance = random.Random(lines)
    text = "\n".join(f"import {name}" for name in STANDARD) + "\n" + OTHERS.lstrip()
    text += "\nconsole = Console()\ntemplates = Environment(loader=FileSystemLoader('.'))\n"
    uses = ["np.asarray([1.0]).mean()", "pd.DataFrame([])", "yaml.safe_load('a: 1')", "requests.Session()"]
    uses += ["httpx.Client()", "sqlalchemy.create_engine('sqlite://')", "BeautifulSoup('', 'html.parser')"]
    text += "".join(f"\n\ndef use_{n}():\n    return {use}\n" for n, use in enumerate(uses))
    text += "\n\n@click.command()\ndef main():\n    console.print(Table(), tqdm([]), dates.parse('2024-01-01'))\n"
    return _written(path, text, lines, chance)


def project(folder: Path, modules: int = 300, lines: int = 60_000) -> Path:
    """Write a project of packages that import one another, absolutely and relatively; return the script to run."""
    chance = random.Random(modules)
    packages = [f"{word}s" for word in WORDS[:10]]
    (folder / ".git").mkdir(parents=True)
    names = [f"{packages[n % len(packages)]}.{chance.choice(VERBS)}_{n}" for n in range(modules - len(packages) - 1)]
    for package in packages:
        (folder / package).mkdir()
        own = [name.rpartition(".")[2] for name in names if name.startswith(f"{package}.")]
        (folder / package / "__init__.py").write_text("".join(f"from . import {name}\n" for name in own))
    each = lines // len(names)
    for n, name in enumerate(names):
        package = name.partition(".")[0]
        sisters = [other.rpartition(".")[2] for other in names if other.startswith(f"{package}.") and other != name]
        head = "from __future__ import annotations\n\n" + "".join(f"import {word}\n" for word in STANDARD)
        head += f"\nfrom .{chance.choice(sisters)} import logging as log\n"
        head += f"from {chance.choice(packages)} import *\n" if n % 9 == 0 else ""
        head += f"\nimport {chance.choice(('yaml', 'requests', 'numpy as np', 'rich', 'attr'))}\n" if n % 7 == 0 else ""
        _written(folder / f"{name.replace('.', '/')}.py", head, each, chance)
    main = folder / "main.py"
    main.write_text("".join(f"import {package}\n" for package in packages) + "\nprint('done')\n")
    return main


def _written(path: Path, head: str, lines: int, chance: random.Random) -> Path:
    text, number = head, 0
    while (left := lines - text.count("\n")) > 0:
        number += 1
        noun, other = chance.sample(WORDS, 2)
        part = (CLASS if number % 4 == 0 else FUNCTION).format(
            n=number,
            noun=noun,
            other=other,
            title=noun.title(),
            verb=chance.choice(VERBS),
            limit=chance.randrange(10, 500),
            factor=chance.randrange(1, 9),
        )
        text += "\n" + (part if part.count("\n") < left else "".join(f"VALUE_{n} = {n}\n" for n in range(left - 1)))
    path.write_text(text)
    return path


def many_environments(home: Path, scripts: Path, count: int = 1000) -> None:
    """Make of the one environment in a store `count`, each whole and of a key of its own, each used by a script."""
    from luci.envs.spec import EnvSpec
    from luci.runner import memory
    from luci.runner.script import read_script

    store = home / "data" / "envs"
    [first] = [path for path in store.iterdir() if path.name.startswith("luci_")]
    record = json.loads((first / "env.json").read_text())
    spec = EnvSpec(**{n: tuple(v) if isinstance(v, list) else v for n, v in record["spec"].items()})
    site = next((first / f"g{record['generation']}").glob("lib/*/site-packages"))
    scripts.mkdir()
    for number in range(1, count):
        own = dataclasses.replace(spec, scope=str(scripts / str(number)))
        root = store / f"luci_{record['label']}_{own.key}"
        shutil.copytree(first, root, symlinks=True, copy_function=os.link, ignore=shutil.ignore_patterns("env.json"))
        os.utime(root / site.relative_to(first), ns=(record["sealed"], record["sealed"]))
        script = scripts / f"script_{number}.py"
        script.write_text("import humanize\n")
        about = {**record["about"], "script": str(script)}
        fields = {"key": own.key, "spec": dataclasses.asdict(own), "place": str(root), "about": about}
        (root / "env.json").write_text(json.dumps({**record, **fields}))
        known = memory.load(read_script(str(script)))
        memory.save(read_script(str(script)), dataclasses.replace(known, key=own.key))


def many_runs(home: Path, count: int = 10_000) -> None:
    """Write a journal of `count` runs that ended."""
    (home / "state").mkdir(parents=True, exist_ok=True)
    with open(home / "state" / "runs.jsonl", "w") as journal:
        journal.writelines(_runs(count))


def _runs(count: int) -> Iterator[str]:
    now = time.time()
    for number in range(count):
        began = {"id": f"{number:x}-1", "script": f"/home/me/script_{number % 50}.py", "args": ["--size", str(number)]}
        began |= {"started": now - count + number, "env_key": "0123456789abcdef", "requirements": ["humanize", "rich"]}
        ended = {"id": began["id"], "exit_code": 0, "seconds": 1.5, "log": ""}
        yield "\n" + json.dumps({"start": {**began, "python": "3.12.1", "pid": 1}}) + "\n"
        yield "\n" + json.dumps({"end": ended}) + "\n"
