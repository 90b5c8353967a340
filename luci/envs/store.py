"""The environments on disk: find, build, publish, check, remove, sweep.

envs/luci_<label>_<key>/
    env.json    written last: the fact that the environment exists, and which generation is current
    g1/ g2/     generations of the same key; a rebuild makes the next and switches the record to it
    uses/       a marker for each process that uses it (see uses.py)
envs/.locks/<key>   held while a key is built or removed
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

from luci.envs import backends, catalogue, files, records, uses, venvs
from luci.envs.generations import former, kept, with_former, without_former
from luci.envs.interpreters import Interpreter
from luci.envs.locks import Lock
from luci.envs.records import Env
from luci.envs.sizes import sizes, weight
from luci.envs.spec import EnvSpec, label_for
from luci.envs.whole import fault
from luci.errors import EnvError
from luci.events import Built, Event, Reused, Told, Working
from luci.values import Value, replace

__all__ = ["Env", "Store", "fault", "generations"]

_BY_HAND = ("by_hand", "names", "asked")  # what a record keeps when a script's run builds the environment again

Fill = Callable[[Path], Iterator[Event]]  # puts the packages into a fresh, empty environment


class Store(Value):
    root: Path

    # -- finding

    def get(self, key: str) -> Env | None:
        """Return the published environment of a key, healthy or not."""
        found = (records.read(self.root / name) for name in self._names() if name.endswith(f"_{key}"))
        return next((env for env in found if env), None)

    def all(self) -> list[Env]:
        """Every published environment, the most lately used first."""
        found = [catalogue.env_of(entry) for entry in catalogue.read(str(self.root)).values() if entry]
        return sorted(found, key=lambda env: uses.last(env.root), reverse=True)

    def building(self, names: Iterable[str]) -> list[str]:
        """Return those of the names that are being built for the first time now: begun, not published, and locked."""
        return [name for name in names if _begun(self.root / name) and self._is_locked(name)]

    def _is_locked(self, name: str) -> bool:
        lock = self._lock(name.rpartition("_")[2])
        if not lock.take(wait=False):
            return True
        lock.release()
        return False

    def find(self, selector: str) -> Env:
        """Return the one environment that a key, the beginning of one, a name or a label means. Raises EnvError."""
        everything = self.all()
        if named := next((env for env in everything if selector in env.names), None):
            return named
        matching = [
            env
            for env in everything
            if selector in (env.key, env.name, env.label) or (len(selector) >= 4 and env.key.startswith(selector))
        ]
        if len(matching) == 1:
            return matching[0]
        if not matching:
            raise EnvError(f"There is no environment {selector!r}.", hint="`luci env list` shows those there are.")
        raise EnvError(
            f"{selector!r} means {len(matching)} environments.",
            cause=", ".join(env.name for env in matching),
            hint="Give more of the key.",
        )

    def named(self, name: str) -> Env | None:
        """Return the environment that a person called so."""
        return next((env for env in self.all() if name in env.names), None)

    # -- building

    def ready(
        self, spec: EnvSpec, python: Interpreter, fill: Fill, *, label: str, about: dict[str, Any], fresh: bool = False
    ) -> Generator[Event, None, Env]:
        """Return the environment of `spec`, built if it is not there or not whole, marked as used by this process."""
        env = self.get(spec.key)
        if env and not fresh and self.take(env):
            yield Reused(env.key, str(env.path))
            return env
        with self._lock(spec.key):
            env = self.get(spec.key)
            if env and not fresh and self.take(env):
                yield Reused(env.key, str(env.path))
                return env
            broken = fault(env) if env else self._unreadable(spec.key)
            if broken and not fresh:
                yield Told(f"The environment was broken ({broken}); it is built again.")
            for name in self.foreign():
                if not env and name.endswith(f"_{spec.key}"):
                    yield Told(f"{name} was recorded by another version of luci: it is left alone.")
            env = yield from self._build(spec, python, fill, label, about, env)
            uses.mark(env.root)
        return env

    def take(self, env: Env) -> bool:
        """Mark `env` as used by this process if it is whole, and still what is published then."""
        if fault(env):
            return False
        try:
            uses.mark(env.root)
        except FileNotFoundError:
            return False  # somebody is removing it
        return is_published(env)

    def _build(
        self, spec: EnvSpec, python: Interpreter, fill: Fill, label: str, about: dict[str, Any], before: Env | None
    ) -> Generator[Event, None, Env]:
        started = time.time()
        backend = backends.of(spec.kind)
        if before and before.by_hand:
            label, about = before.label, {**about, **{n: before.about[n] for n in _BY_HAND if n in before.about}}
        root = before.root if before else self._place(spec.key, label_for(label))
        generation = 1 + max([0, *generations(root)])
        folder = root / f"g{generation}"
        yield Working("building", f"Python {python.version}")
        try:
            (root / "uses").mkdir(parents=True, exist_ok=True)
            with backend.making(folder, python):
                yield from fill(folder)
            interpreter, version = backend.python(folder, python)
            made = files.mtime(backend.witness(folder))
            env = Env(
                root=root,
                spec=spec,
                label=label_for(label),
                generation=generation,
                interpreter=interpreter,
                version=version,
                installed=backend.installed(folder),
                created=max(time.time(), made / 1e9 + 1e-3),  # the disk has its own clock
                sealed=files.mtime(venvs.site_packages(folder)),
                about={**about, "bytes": weight(folder)[0] + backend.elsewhere(folder)[1]},
                place=str(root),
            )
            records.publish(env)
        except BaseException as error:
            backends.let_go(folder)
            files.discard(folder)
            if _is_rubble(root):
                files.discard(root)
            if isinstance(error, OSError):
                raise EnvError(
                    f"The environment could not be written to {self.root}.",
                    cause=str(error),
                    hint="Free some space, or let LUCI_HOME point to a folder that can be written.",
                ) from error
            raise
        if spec.kind != "system":  # there nothing was built
            yield Built(env.key, str(env.path), time.time() - started, len(env.installed))
        self._sweep_generations(env)
        return env

    def _place(self, key: str, label: str) -> Path:
        """Return a folder for a new environment: never one with the record of another version of luci."""
        labels = itertools.chain([label], (f"{label}-{number}" for number in itertools.count(2)))
        names = (f"luci_{each}_{key}" for each in labels)
        return next(root for name in names if not records.is_foreign(root := self.root / name))

    def rebuild(
        self, env: Env, python: Interpreter, fill: Fill, *, keep_former: bool = False
    ) -> Generator[Event, None, Env]:
        """Make a new generation of the same key; processes that run in the old one keep it until they end."""
        with self._lock(env.key):
            about = with_former(env.about, env) if keep_former else without_former(env.about)
            return (yield from self._build(env.spec, python, fill, env.label, about, env))

    def call(self, env: Env, name: str) -> Env:
        """Keep an environment for the person who asked for it by hand, under a name, if one is given. Raises EnvError
        where another is called so."""
        with self._lock("names"), self._lock(env.key):
            now = self.get(env.key)
            if now is None:
                raise EnvError(f"{env.name} was removed meanwhile.", hint="Try again.")
            if name and (other := self.named(name)) and other.key != env.key:
                raise EnvError(f"{name} is the name of another environment now.", hint="Choose another name.")
            names = sorted({*now.names, *filter(None, [name])})
            about = {**now.about, "by_hand": True, "names": names}
            if about == now.about:
                return now
            called = replace(now, about=about, label=label_for(names[0]) if names else now.label)
            records.publish(called)
            return called

    def take_back(self, env: Env) -> Env:
        """Switch to the generation before an update; the one in use now is kept in its place. Raises EnvError."""
        with self._lock(env.key):
            now = self.get(env.key)
            before = former(now) if now else None
            if now is None or before is None:
                raise EnvError(
                    f"No former generation of {env.name} is kept.",
                    hint="An update keeps one for 7 days, until the next update or rebuild.",
                )
            if problem := fault(before):
                raise EnvError(f"The former generation of {env.name} is broken.", cause=problem)
            back = replace(before, about=with_former(before.about, now))
            records.publish(back)
            return back

    # -- removing

    def remove(self, env: Env) -> int:
        """Remove an environment that nobody uses; return the bytes it held. Raises EnvError where somebody does."""
        with self._lock(env.key):
            return self._remove(env)

    def remove_unwanted(self, env: Env) -> int | None:
        """Remove an environment if it is still what was looked at; return the bytes it held, None where it is left
        because it was built again meanwhile, or somebody is at it. Waits for nobody. Raises EnvError as `remove`."""
        lock = self._lock(env.key)
        if not lock.take(wait=False):
            return None
        try:
            now = records.read(env.root)
            return self._remove(env) if now and (now.generation, now.created) == (env.generation, env.created) else None
        finally:
            lock.release()

    def _remove(self, env: Env) -> int:
        record, aside = env.root / "env.json", env.root / ".removed.json"
        try:
            os.replace(record, aside)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise EnvError(f"{env.name} cannot be removed.", cause=str(error)) from error
        try:
            using = uses.users(env.root)
        except BaseException:
            os.replace(aside, record)
            raise
        if using:
            os.replace(aside, record)
            raise EnvError(
                f"{env.name} is in use by process{'es' * (len(using) > 1)} {', '.join(map(str, using))}.",
                hint="End it first; nothing was removed.",
            )
        freed = sum(sizes(env.root)) + _images(env)
        _let_go(env.root)
        files.discard(env.root)
        return freed

    def sweep(self) -> list[str]:
        """Remove rubble: what was begun and never published, and generations that were replaced. Waits for nobody."""
        swept: list[str] = []
        for name in self._names():
            root = self.root / name
            lock = self._lock(name.rpartition("_")[2])
            if not lock.take(wait=False):
                continue
            try:
                env = records.read(root)
                if env:
                    swept += self._sweep_generations(env)
                elif _is_rubble(root):
                    _let_go(root)
                    swept += [name] if files.discard(root) else []
            except OSError:
                continue  # what it is cannot be told, so it stays
            finally:
                lock.release()
        return swept

    def _sweep_generations(self, env: Env) -> list[str]:
        """Remove what lies in an environment's folder beside what is published. Its lock is held."""
        for name in files.listing(env.root):
            if name.startswith("."):  # a record that was being written, or taken away
                files.discard(env.root / name)
        keep = kept(env)
        old = [f"g{number}" for number in generations(env.root) if number not in keep]
        if not old or uses.users(env.root):
            return []
        for name in old:
            backends.let_go(env.root / name)
        return [f"{env.name}/{name}" for name in old if files.discard(env.root / name)]

    def foreign(self) -> list[str]:
        """Return the names of environments whose record has a format that this version does not know."""
        return [name for name in self._names() if records.is_foreign(self.root / name)]

    def _unreadable(self, key: str) -> str:
        places = [self.root / name for name in self._names() if name.endswith(f"_{key}")]
        there = any((place / "env.json").exists() and not records.is_foreign(place) for place in places)
        return "its record cannot be read" if there else ""

    def _names(self) -> list[str]:
        return [name for name in files.listing(self.root) if name.startswith("luci_")]

    def _lock(self, key: str) -> Lock:
        folder = self.root / ".locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / key).touch()
        except OSError as error:
            raise EnvError(
                f"{self.root} cannot be written.", cause=str(error), hint="LUCI_HOME moves luci's folders elsewhere."
            ) from error
        return Lock(folder / key)


def is_published(env: Env) -> bool:
    """Whether this generation is still the one in use."""
    now = records.read(env.root)
    return now is not None and (now.generation, now.created) == (env.generation, env.created)


def weighed(env: Env) -> tuple[int, int]:
    """Return the bytes that an environment takes, and those that removing it would free, with images of its own."""
    held, freed = weight(env.root)
    images = _images(env)
    return held + images, freed + images


def _images(env: Env) -> int:
    backend = backends.of(env.spec.kind)
    return sum(backend.elsewhere(env.root / f"g{number}")[1] for number in generations(env.root))


def _let_go(root: Path) -> None:
    for number in generations(root):
        backends.let_go(root / f"g{number}")


def _begun(root: Path) -> bool:
    """Whether a folder holds a generation, and neither a record that makes sense here nor one of another version."""
    return bool(generations(root)) and records.read(root) is None and not records.is_foreign(root)


def generations(root: Path) -> list[int]:
    """Return the numbers of the generations that lie in an environment's folder."""
    return sorted(int(name[1:]) for name in files.listing(root) if name[:1] == "g" and name[1:].isdigit())


def _is_rubble(root: Path) -> bool:
    """Whether a folder holds what nobody published, or a record without sense, and nobody runs in it.

    Raises OSError where that cannot be told.
    """
    return not records.is_one(root) and not uses.users(root)
