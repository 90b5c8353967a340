"""What a failure means: the hook's report, or else the last words on stderr, read for someone who can act on it."""

from __future__ import annotations

import json
import re
import signal as signals
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from luci.runner import stdlib
from luci.runner.table import normal, table
from luci.values import Value, fields

Kind = Literal[
    "missing-module",
    "missing-name",
    "missing-submodule",
    "shadowed",
    "host-module",
    "shared-library",
    "removed-module",
    "out-of-memory",
    "timeout",
    "other",
]


class Cause(Value):
    """An exception that led to the one that was reported."""

    kind: str
    name: str
    message: str


class Report(Value):
    """What the start-up hook tells of an uncaught ImportError. `kind` is the built-in class, `type` the class itself.

    `file` and `line` are of the innermost frame that is neither standard library nor an installed package; `frames`
    are all such, outermost first. `printed`: the person has seen `traceback`. `main` is False for another thread.
    """

    kind: str
    name: str = ""
    message: str = ""
    type: str = ""
    path: str = ""
    name_from: str = ""
    file: str = ""
    line: int = 0
    raised_file: str = ""
    raised_line: int = 0
    frames: tuple[tuple[str, int], ...] = ()
    causes: tuple[Cause, ...] = ()
    traceback: str = ""
    seconds: float = 0.0
    main: bool = True
    printed: bool = True
    argv: tuple[str, ...] = ()
    python: tuple[int, ...] = ()
    stdin_position: int | None = None  # where a seekable stdin stood when the script began


class Diagnosis(Value):
    """`subject` is what the failure is about; `requirement` is what the exception itself said to install."""

    kind: Kind
    subject: str
    advice: str
    requirement: str = ""


def read_report(path: Path) -> Report | None:
    """Return the hook's report; None where there is none, or half of one."""
    try:
        told = json.loads(path.read_bytes())
        causes = tuple(Cause(c["kind"], c["name"] or "", c["message"]) for c in told["causes"])
        plain = {name: told[name] for name in fields(Report) if told.get(name) is not None}
        frames = tuple((file, line) for file, line in told["frames"])
        lists = {"argv": tuple(told["argv"]), "python": tuple(told["python"])}
        return Report(**{**plain, **lists, "causes": causes, "frames": frames})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def diagnose(
    report: Report | None,
    *,
    exit_code: int,
    signal: int,
    timed_out: bool,
    timeout: float | None = None,
    stderr_tail: str = "",
    script_folder: Path,
    env_prefix: Path,
    oom_killed: bool = False,
    without_site: bool = False,
) -> Diagnosis:
    """Return what a run's end means. Out-of-memory is said only where the caller knows it (`oom_killed`).

    `without_site`: Python was told to leave out what is installed.
    """
    if timed_out:
        over = f"Its time of {timeout:g} s was over" if timeout else "Its time was over"
        return Diagnosis("timeout", "", f"{over}; --timeout sets how long it may take.")
    if oom_killed:
        return Diagnosis("out-of-memory", "", "The system ended it for want of memory.")
    place = _Place(script_folder, env_prefix)
    if report is not None:
        found = _of_import_error(report, place)
        if without_site and found.kind == "missing-module" and place.installed(found.subject):
            return Diagnosis("other", found.subject, f"{found.subject} is installed, but -S keeps Python from it.")
        return found
    if exit_code and (last := _last_words(stderr_tail)):
        return _of_text(*last, place)
    if signal:
        name = signals.Signals(signal).name if signal in set(signals.Signals) else f"signal {signal}"
        return Diagnosis("other", name, f"{name} ended it.")
    return Diagnosis("other", "", "")


class _Place(Value):
    """Where a failure happened: what lies beside the script, and what is installed."""

    script_folder: Path
    env_prefix: Path

    def installed(self, module: str) -> bool:
        """Whether the environment holds the top-level package of a dotted name."""
        top = module.partition(".")[0]
        return bool(top) and any(_holds(site, top) for site in self._site_packages())

    def own_file(self, module: str) -> Path | None:
        """Return the file or folder beside the script that answers to the top-level name."""
        top = module.partition(".")[0]
        file = self.script_folder / f"{top}.py"
        if top and file.is_file():
            return file
        return file.with_suffix("") if top and (file.with_suffix("") / "__init__.py").is_file() else None

    def shadows(self, module: str) -> Path | None:
        """Return the own file that hides a module of the standard library or of an installed package."""
        top = module.partition(".")[0]
        return self.own_file(top) if top in sys.stdlib_module_names or self.installed(top) else None

    def _site_packages(self) -> Iterator[Path]:
        for pattern in ("lib/*/site-packages", "lib64/*/site-packages", "Lib/site-packages"):
            yield from self.env_prefix.glob(pattern)


def _holds(site: Path, top: str) -> bool:
    return (site / top).is_dir() or (site / f"{top}.py").is_file() or any(_extensions(site, top))


def _extensions(site: Path, top: str) -> Iterator[Path]:
    if top.isidentifier():
        yield from (file for file in site.glob(f"{top}.*") if file.suffix in (".so", ".pyd"))


# What an ImportError says


def _of_import_error(report: Report, place: _Place) -> Diagnosis:
    if library := _shared_library(report.message):
        return library
    if report.type == "PackageNotFoundError":
        name = report.name or report.message
        advice = f"The script looks for the installed distribution {name}."
        return Diagnosis("missing-module", name, advice, _valid(name))
    if found := _of_name_in_module(report, place):
        return found
    requirement = next(filter(None, (_requirement_in(m) for m in (report.message, *_messages(report)))), "")
    if report.kind not in ("ImportError", "ModuleNotFoundError") and not _is_known(requirement):
        return Diagnosis("other", "", "")  # its text may be anybody's: a server's, a file's
    if name := _missing(report):
        return _of_missing(name, requirement, report.python, place)
    if requirement:
        name = re.split(r"[^\w.-]", requirement)[0]
        return Diagnosis("missing-module", name, f"It asks for {requirement}.", requirement)
    return Diagnosis("other", report.name, "")


def _is_known(requirement: str) -> bool:
    return bool(requirement) and normal(re.split(r"[^\w.-]", requirement)[0]) in table().distributions


def _messages(report: Report) -> Iterator[str]:
    yield from (cause.message for cause in report.causes if cause.kind in ("ImportError", "ModuleNotFoundError"))


def _missing(report: Report) -> str:
    """Return the module that was not found: by this exception, or by one that it was raised from."""
    if report.kind == "ModuleNotFoundError":
        return report.name or missing_module(report.message)
    causes = (cause for cause in report.causes if cause.kind == "ModuleNotFoundError")
    return next((cause.name or missing_module(cause.message) for cause in causes), "")


def missing_module(text: str) -> str:
    """Return the module that an exception's text says is missing.

    >>> missing_module("No module named 'yaml.loader'; 'yaml' is not a package")
    'yaml.loader'
    """
    match = re.search(r"No module named '?([\w.]+)'?", text)
    return match[1] if match else ""


_NO_NAME = re.compile(
    r"cannot import name '?(?P<name>[^\s']+)'?"
    r"(?: from (?P<half>partially initialized module )?'(?P<module>[^']+)')?"
)


_NO_ATTRIBUTE = re.compile(r"module '(?P<module>[^']+)' has no attribute '(?P<name>\w+)'")


def _of_name_in_module(report: Report, place: _Place) -> Diagnosis | None:
    match = (_NO_ATTRIBUTE if report.kind == "AttributeError" else _NO_NAME).match(report.message)
    if match is None:
        return None
    module, name = match["module"] or report.name, report.name_from or match["name"]
    if (own := place.own_file(module)) and own == Path(report.file) and report.kind == "AttributeError":
        return _shadowed(module, own)
    if (own := place.shadows(module)) and (not report.path or _is_within(Path(report.path), own)):
        return _shadowed(module, own)
    if place.installed(module) and "Did you mean" in report.traceback.rpartition("\n" + report.type)[2]:
        return Diagnosis("other", f"{module}.{name}", "")  # Python itself takes it for a slip
    if place.installed(module):
        advice = f"{module}, as installed, has no {name}; an older or newer release may."
        return Diagnosis("missing-name", f"{module}.{name}", advice)
    if match.groupdict().get("half"):
        return Diagnosis("other", module, f"{module} is imported again before it is done: a circle of imports.")
    if module.partition(".")[0] in sys.stdlib_module_names:
        advice = f"{name} is not in {module} of Python {_version(report.python)}; --python chooses another one."
        return Diagnosis("removed-module", f"{module}.{name}", advice)
    return Diagnosis("other", f"{module}.{name}".strip("."), f"{module} holds no {name}." if module else "")


def _is_within(path: Path, own: Path) -> bool:
    return not path.is_absolute() or path.resolve().is_relative_to(own.resolve())


def _of_missing(name: str, requirement: str, python: tuple[int, ...], place: _Place) -> Diagnosis:
    top, _, rest = name.partition(".")
    if rest and (own := place.shadows(top)):
        return _shadowed(top, own)
    if advice := _NOT_BUILT_IN.get(top):
        return Diagnosis("other", top, f"This Python was built without {top}: {advice}")
    gone = stdlib.removed_in(top)
    if gone and (not python or python[:2] >= gone):
        since = ".".join(map(str, gone))
        return Diagnosis(
            "removed-module", name, f"{top} left Python with version {since}; --python chooses an older one."
        )
    if (came := stdlib.added_in(top)) and python and python[:2] < came:
        since = ".".join(map(str, came))
        return Diagnosis("other", name, f"{top} came with Python {since}; --python chooses a newer one.")
    if top in sys.stdlib_module_names and not place.installed(top):
        advice = f"{name} is not a part of this Python, or not on this system; --python chooses another one."
        return Diagnosis("removed-module" if rest else "other", name, advice)
    known = table().lookup(name)
    if known and known.kind == "host":
        return Diagnosis("host-module", name, known.reason)
    if known and known.kind == "python2" and python[:1] != (2,):
        return Diagnosis("removed-module", name, known.reason)
    if rest and place.installed(top):
        return Diagnosis("missing-submodule", name, f"{top}, as installed, has no {name}; an older release may.")
    if rest and (own := place.own_file(top)):
        return Diagnosis("other", name, f"{top} is your own {own.name}, and holds no {rest}.")
    return Diagnosis("missing-module", name, f"{name} is not installed.", requirement)


def _shadowed(module: str, own: Path) -> Diagnosis:
    return Diagnosis("shadowed", module, f"Your own {own.name} hides the module {module}: rename it ({own}).")


def _version(python: tuple[int, ...]) -> str:
    return ".".join(map(str, python[:2])) or "this version"


# What "pip install" texts ask for

_INSTALL = re.compile(
    r"""(?: \bpip[\d.]*\s+install\s+ (?:-(?:U|-upgrade|-user|q)\s+)*
          | \b[Uu]s(?:e|ing)\s+pip\d?\b [^.]*? \bto\s+install\s+ (?:the\s+)? )
        (?P<quote>["'`]?) (?P<line>[A-Za-z0-9][^\s"'`]*)""",
    re.VERBOSE,
)
_PROSE = {"a", "all", "an", "any", "from", "for", "it", "package", "required", "the", "them", "this", "with", "your"}


def _requirement_in(message: str) -> str:
    """Return the requirement that a text says to install by pip; never an option, a path or an address.

    >>> _requirement_in("Missing optional dependency 'openpyxl'.  Use pip or conda to install openpyxl.")
    'openpyxl'
    """
    match = _INSTALL.search(message)
    return _valid(match["line"].rstrip(".,;:!?)")) if match else ""


def _valid(line: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement  # 19 ms, and few texts name one

    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return ""
    plain = requirement.url is None and requirement.marker is None and requirement.name.lower() not in _PROSE
    return line if plain else ""


# What is missing outside of Python

# import of a C module -> how a Python gets it
_NOT_BUILT_IN: Mapping[str, str] = {
    "_tkinter": "install python3-tk (Debian) or python3-tkinter (Fedora), or choose another Python with --python.",
    "tkinter": "install python3-tk (Debian) or python3-tkinter (Fedora), or choose another Python with --python.",
    "_sqlite3": "build it again with libsqlite3-dev (Debian) or sqlite-devel (Fedora), or choose another Python.",
    "_ctypes": "build it again with libffi-dev (Debian) or libffi-devel (Fedora), or choose another Python.",
    "_lzma": "build it again with liblzma-dev (Debian) or xz-devel (Fedora), or choose another Python.",
    "_bz2": "build it again with libbz2-dev (Debian) or bzip2-devel (Fedora), or choose another Python.",
    "_ssl": "build it again with libssl-dev (Debian) or openssl-devel (Fedora), or choose another Python.",
    "_curses": "build it again with libncurses-dev (Debian) or ncurses-devel (Fedora), or choose another Python.",
    "_gdbm": "install python3-gdbm (Debian, Fedora), or choose another Python with --python.",
    "readline": "build it again with libreadline-dev (Debian) or readline-devel (Fedora), or choose another Python.",
}
# how a library's file name begins -> the package of Debian, that of Fedora
_LIBRARIES: Mapping[str, tuple[str, str]] = {
    "libGL.so": ("libgl1", "mesa-libGL"),
    "libEGL.so": ("libegl1", "mesa-libEGL"),
    "libGLESv2.so": ("libgles2", "mesa-libGLES"),
    "libOpenGL.so": ("libopengl0", "libglvnd-opengl"),
    "libglib-2.0.so": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so": ("libglib2.0-0", "glib2"),
    "libgobject-2.0.so": ("libglib2.0-0", "glib2"),
    "libSM.so": ("libsm6", "libSM"),
    "libICE.so": ("libice6", "libICE"),
    "libX11.so": ("libx11-6", "libX11"),
    "libXext.so": ("libxext6", "libXext"),
    "libXrender.so": ("libxrender1", "libXrender"),
    "libxkbcommon.so": ("libxkbcommon0", "libxkbcommon"),
    "libxkbcommon-x11.so": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxcb.so": ("libxcb1", "libxcb"),
    "libxcb-cursor.so": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-": ("libxcb-xinerama0 libxcb-icccm4 libxcb-keysyms1", "libxcb xcb-util-wm xcb-util-keysyms"),
    "libdbus-1.so": ("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so": ("libfontconfig1", "fontconfig"),
    "libfreetype.so": ("libfreetype6", "freetype"),
    "libnss3.so": ("libnss3", "nss"),
    "libasound.so": ("libasound2", "alsa-lib"),
    "libportaudio.so": ("libportaudio2", "portaudio"),
    "libsndfile.so": ("libsndfile1", "libsndfile"),
    "libgomp.so": ("libgomp1", "libgomp"),
    "libgfortran.so": ("libgfortran5", "libgfortran"),
    "libopenblas.so": ("libopenblas0", "openblas"),
    "libstdc++.so": ("libstdc++6", "libstdc++"),
    "libmagic.so": ("libmagic1", "file-libs"),
    "libcairo.so": ("libcairo2", "cairo"),
    "libpango-1.0.so": ("libpango-1.0-0", "pango"),
    "libpangocairo-1.0.so": ("libpangocairo-1.0-0", "pango"),
    "libgdk_pixbuf-2.0.so": ("libgdk-pixbuf-2.0-0", "gdk-pixbuf2"),
    "libzbar.so": ("libzbar0", "zbar"),
    "libusb-1.0.so": ("libusb-1.0-0", "libusb1"),
    "libxml2.so": ("libxml2", "libxml2"),
    "libxslt.so": ("libxslt1.1", "libxslt"),
    "libpq.so": ("libpq5", "libpq"),
    "libmysqlclient.so": ("default-libmysqlclient-dev", "mysql-libs"),
    "libmariadb.so": ("libmariadb3", "mariadb-connector-c"),
    "libodbc.so": ("unixodbc", "unixODBC"),
    "libgdal.so": ("libgdal-dev", "gdal-libs"),
    "libgeos_c.so": ("libgeos-c1v5", "geos"),
    "libproj.so": ("libproj25", "proj"),
    "libspatialindex": ("libspatialindex-dev", "spatialindex"),
    "libhdf5.so": ("libhdf5-dev", "hdf5"),
    "libtk": ("libtk8.6", "tk"),
    "libtcl": ("libtcl8.6", "tcl"),
    "libcrypt.so.1": ("libcrypt1", "libxcrypt-compat"),
    "libffi.so": ("libffi8", "libffi"),
}


def _shared_library(message: str) -> Diagnosis | None:
    match = re.search(r"([\w.+-]+\.so[\w.]*): cannot open shared object file", message)
    match = match or re.search(r"Library not loaded: (?:\S*/)?([\w.+-]+\.dylib)", message)
    if match is None:
        if "DLL load failed" not in message:
            return None
        name = re.search(r"while importing ([\w.]+)", message)
        advice = "A DLL that it needs is not there; often it is of the Microsoft Visual C++ Redistributable."
        return Diagnosis("shared-library", name[1] if name else "", advice)
    library = match[1]
    known = next((packages for start, packages in _LIBRARIES.items() if library.startswith(start)), None)
    if known is None:
        return Diagnosis("shared-library", library, f"The system library {library} is not there, and pip has none.")
    return Diagnosis(
        "shared-library",
        library,
        f"The system library {library} is not there: apt install {known[0]} (Debian), dnf install {known[1]} (Fedora).",
    )


# What stderr says, where there is no report


def _last_words(tail: str) -> tuple[str, str] | None:
    """Return the class and the text of the exception that a traceback ends with."""
    raised = re.findall(
        r"^(?:[\w.]+\.)?(\w*(?:Error|Exception|NotFound)): (.*)$", tail.replace("\r\n", "\n"), re.MULTILINE
    )
    return raised[-1] if raised else None


def import_error(kind: str, message: str) -> Report | None:
    """Return what the class and the text of an exception tell of a failed import; None where it was none."""
    if kind not in ("ImportError", "ModuleNotFoundError", "PackageNotFoundError"):
        return None
    name = missing_module(message)
    if kind == "PackageNotFoundError":
        name = message.rpartition(" ")[2]
    path = re.search(r"\((/[^()]*|[A-Za-z]:[^()]*)\)$", message)
    return Report("ModuleNotFoundError" if name else "ImportError", name, message, kind, path[1] if path else "")


def _of_text(kind: str, message: str, place: _Place) -> Diagnosis:
    if report := import_error(kind, message):
        return _of_import_error(report, place)
    if kind == "AttributeError" and (
        match := re.match(r"(?:partially initialized )?module '([\w.]+)' has no attribute '(\w+)'", message)
    ):
        module, name = match.groups()
        if own := place.shadows(module):
            return _shadowed(module, own)
        if place.installed(module):
            return Diagnosis(
                "other", f"{module}.{name}", f"{module}, as installed, has no {name}; an older release may."
            )
    return _shared_library(message) or Diagnosis("other", "", "")
