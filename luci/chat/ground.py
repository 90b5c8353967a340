"""The files that a conversation works on: what lies in the project, and what has a question of its own."""

from __future__ import annotations

import difflib
import os
import re
import stat
import unicodedata
from pathlib import Path

from luci.values import Value
from luci.walls.places import IN_A_PROJECT, KEYS, RUN_BY_THEMSELVES

LARGEST = 2_000_000  # bytes of a file that is read or written
_DEEP = 3  # folders below the project in which files with secrets are looked for
_PASSED_OVER = {".git", ".hg", ".venv", "venv", "__pycache__", "node_modules", "site-packages"}
_EXAMPLES = re.compile(r".*\.(example|sample|template|dist)", re.IGNORECASE)  # of a secret file: they hold none
_SECRET_NAMES = re.compile(
    r"\.env.*|.*\.env|.*\.(pem|key|p12|pfx|ppk|kdbx|keystore|jks|ovpn|gpg|asc|tfvars|tfstate)"
    r"|id_(rsa|dsa|ecdsa|ed25519).*|credentials.*|client_secret.*\.json|service[-_]account.*\.json|tokens?\.(json|pickle)"
    r"|\.netrc|_netrc|\.pypirc|\.npmrc|\.yarnrc(\.yml)?|\.pgpass|\.my\.cnf|\.git-credentials|\.htpasswd|\.dockercfg"
    r"|\.vault-token|kubeconfig|secrets?\.(toml|ya?ml|json|ini|env|py)|.*_history|\.boto|\.s3cfg",
    re.IGNORECASE,
)
_RUN_NAMES = re.compile(
    r"\.(bash|zsh|k|tcsh|c)(rc|_profile|_login|_logout|_aliases|env)|\.profile|\.zshenv|\.zprofile|\.inputrc|\.g?vimrc"
    r"|\.n?vimrc|\.nvim\.lua|\.exrc|\.lvimrc|\.dir-locals\.el"
    r"|\.flaskenv|\.ghci|\.rprofile|\.irbrc|\.pryrc|\.sqliterc|\.psqlrc|\.screenrc|\.mcp\.json|\.condarc|\.(py)?lintrc.*|\.flake8"
    r"|\.?(mypy|pylint)(rc|\.ini|rc\.toml)|\.coveragerc|\.?lefthook.*\.ya?ml|\.(lintstaged|husky)rc.*"
    r"|\.tmux\.conf|\.emacs|\.pdbrc(\.py)?|\.gdbinit|\.lldbinit|\.pythonrc(\.py)?|\.pythonstartup|\.envrc"
    r"|sitecustomize\.py|usercustomize\.py|conftest\.py"
    r"|.*\.pth|\.pre-commit-(config|hooks)\.yaml|\.gitconfig|\.gitattributes|\.gitmodules|\.mise\.toml|\.tool-versions"
    r"|.*\.code-workspace|head|config|commondir|gitdir",  # the last: git takes a folder with these for a repository
    re.IGNORECASE,
)
_BUILD_NAMES = re.compile(
    r"setup\.py|setup\.cfg|(gnu)?makefile|.*\.mk|\.?justfile|taskfile\.ya?ml|noxfile\.py|tox\.ini|pytest\.ini|\.?pytest\.ini"
    r"|dodo\.py|fabfile\.py|tasks\.py|sconstruct|meson\.build|cmakelists\.txt|(docker|container)file.*|.*\.dockerfile"
    r"|(docker-)?compose.*\.ya?ml|jenkinsfile|vagrantfile|package\.json|azure-pipelines\.ya?ml|\.gitlab-ci\.ya?ml"
    r"|bitbucket-pipelines\.yml|appveyor\.yml|buildspec\.yml|cloudbuild\.ya?ml|earthfile|tiltfile|procfile|rakefile|gemfile"
    r"|build\.rs|build\.gradle.*|pom\.xml|snakefile|wscript|dvc\.yaml|pixi\.toml|pipfile|pdm\.toml|poetry\.toml|hatch\.toml"
    r"|mkdocs\.ya?ml|mypy\.ini|pylintrc.*|pip\.ini|conda-project\.ya?ml|claude\.md|agents?\.md|gemini\.md"
    r"|\.travis\.yml|uv\.toml|pip\.conf|hatch_build\.py|pdm_build\.py",
    re.IGNORECASE,
)
_HARMLESS_DOTS = re.compile(
    r"\.(git|docker|prettier|eslint|style|np?m|hg|cvs|black|ruff|mypy|vercel|slug|rg|ag|fd)?ignore|\.(git)?keep|\.editorconfig"
    r"|\.env\.(example|sample|template|dist)|\.nojekyll|\.python-version|\.mailmap|\.markdownlint.*|\.prettierrc(\.(json|ya?ml))?"
    r"|\.isort\.cfg|\.yamllint(\.ya?ml)?|\.codespellrc|\.cspell\.json|\.cache|\.pytest_cache|\.ipynb_checkpoints",
    re.IGNORECASE,
)
_RUN_FOLDERS = {
    *(name.casefold() for name in IN_A_PROJECT),
    *(
        ".github",
        ".gitlab",
        ".buildkite",
        ".woodpecker",
        ".claude",
        ".cursor",
        ".gemini",
        ".cargo",
        ".circleci",
        ".husky",
        ".devcontainer",
        ".zed",
        ".fleet",
        ".nvim",
        ".direnv",
    ),
    *(".venv", "site-packages", "dist-packages", "node_modules", "__pycache__", ".ipython", ".jupyter"),
}
_UNSEEN = dict.fromkeys(
    (0x200B, 0x200C, 0x200D, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
)


class NotHere(Exception):
    """A path that cannot be used; the words are for the model."""


class Ground(Value):
    """`folder` is the project, and where scripts run."""

    folder: Path

    def place(self, name: str) -> Path:
        """Return where a path of the model's leads, links followed. Raises NotHere for what is no path, or one that a
        person would see otherwise than it is."""
        if not name or len(name) > 1000 or any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in name):
            raise NotHere("That is no path.")
        return Path(os.path.realpath(self.folder / os.path.expanduser(name)))

    def shown(self, path: Path) -> str:
        """Return a path as a person of the project writes it."""
        return str(path.relative_to(self._root)) if path.is_relative_to(self._root) else str(path)

    @property
    def _root(self) -> Path:
        return Path(os.path.realpath(self.folder))

    def peculiar(self, path: Path, *, writing: bool) -> str:
        """Return why a file has a question of its own; empty for an ordinary file of the project."""
        if not path.is_relative_to(self._root):
            return "it lies outside the project"
        inside = [_plain(part) for part in path.relative_to(self._root).parts]
        name = _plain(path.name)
        if _SECRET_NAMES.fullmatch(name) and (writing or not _EXAMPLES.fullmatch(name)):
            return "files of that name hold secrets"
        homes = {f"/{each.casefold()}" for each in KEYS}
        if any(f"/{'/'.join(inside[: n + 1])}" in homes for n in range(len(inside))):
            return "it holds keys"
        if _has_other_names(path):
            return "it has another name somewhere else (a hard link)"
        if not writing:
            return "it is the repository's own" if ".git" in inside else ""
        if why := self.runs_by_itself(path):
            return why
        if self._is_home and inside and inside[0].startswith("."):
            return "it is one of your own settings"
        if any(part.startswith(".") and not _HARMLESS_DOTS.fullmatch(part) for part in inside):
            return "hidden files are read by other programs, and some run what stands in them"
        return ""

    def runs_by_itself(self, path: Path) -> str:
        """Return why what stands in a file of the project is run without anybody starting it; empty where it is not."""
        own = "what lies there runs by itself" if _plain(path.name) == "pyvenv.cfg" else runs_by_name(path.name)
        return own or self.runs_below(path) or self.runs_below(path.parent)

    def runs_below(self, folder: Path) -> str:
        """Return why what stands in any file of a folder is run without anybody starting it."""
        inside = [_plain(part) for part in folder.relative_to(self._root).parts]
        below = "/".join(inside)
        if (
            any(part in _RUN_FOLDERS for part in inside)
            or any(f"{below}/".startswith(f"{each}/") for each in RUN_BY_THEMSELVES if each[0] == "." or self._is_home)
            or self._is_in_an_environment(folder / "any")
        ):
            return "what lies there runs by itself"
        return ""

    @property
    def root(self) -> Path:
        """The project, links followed."""
        return self._root

    @property
    def _is_home(self) -> bool:
        return self._root == Path(os.path.realpath(os.path.expanduser("~")))

    def _is_in_an_environment(self, path: Path) -> bool:
        between = [folder for folder in path.parents if folder.is_relative_to(self._root) and folder != self._root]
        return any((folder / "pyvenv.cfg").exists() for folder in between)

    def secret_files(self) -> list[str]:
        """Return the files of the project, not too deep in it, whose names say that they hold secrets."""
        found = []
        for base, folders, names in os.walk(self._root):
            inside = Path(base).relative_to(self._root)
            folders[:] = sorted(name for name in folders if len(inside.parts) < _DEEP and name not in _PASSED_OVER)
            found += [str(inside / name) for name in sorted(names) if _is_secret(name)]
        return found

    def read(self, path: Path) -> str:
        """Return a text file. Raises NotHere."""
        try:
            if not path.is_file():
                raise NotHere(f"There is no file {self.shown(path)}.")
            # the path was judged with its links followed: one that was put there meanwhile leads elsewhere
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8", newline="") as file:
                if os.path.realpath(path) != str(path):
                    raise NotHere(f"{self.shown(path)} was exchanged meanwhile.")
                if os.fstat(file.fileno()).st_size > LARGEST:
                    raise NotHere(f"{self.shown(path)} is larger than {LARGEST:,} bytes.")
                return file.read()  # its line ends stay as they are
        except UnicodeDecodeError:
            raise NotHere(f"{self.shown(path)} is no text.") from None
        except OSError as error:
            raise NotHere(f"{self.shown(path)} cannot be read: {error.strerror}.") from None

    def read_if_there(self, path: Path) -> str | None:
        return self.read(path) if os.path.lexists(path) else None


def runs_by_name(name: str) -> str:
    """Return why a file of that name is run without anybody starting it, wherever it lies; empty where it is not."""
    plain = _plain(name)
    if _RUN_NAMES.fullmatch(plain):
        return "such files run by themselves"
    return "other programs run what stands in it" if _BUILD_NAMES.fullmatch(plain) else ""


def _is_secret(name: str) -> bool:
    """Whether a file's name says that it holds secrets; code that is named so is code."""
    plain = _plain(name)
    return (
        bool(_SECRET_NAMES.fullmatch(plain)) and not _EXAMPLES.fullmatch(plain) and not plain.endswith((".py", ".pyw"))
    )


def _plain(name: str) -> str:
    """Return a name as a disk takes it that tells neither capitals nor forms of a letter apart, nor sees all of it."""
    return unicodedata.normalize("NFKC", name.translate(_UNSEEN)).casefold().rstrip(". ") or name


def _has_other_names(path: Path) -> bool:
    """Whether a file is reached by another name, too: that one may lie where nothing may be read."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink > 1


def diff(before: str | None, after: str | None, name: str) -> str:
    """Return the unified diff between two forms of a file; None is a file that is not there.

    Lines end where Python and editors end them, and nowhere else: what a form feed or U+2028 only seems to end would
    otherwise be taken for two lines, and a change between the two for none.
    """
    as_windows = all(_ends_as_windows(text) for text in (before, after) if text)
    lines = difflib.unified_diff(
        _lines(before, as_windows=as_windows),
        _lines(after, as_windows=as_windows),
        "/dev/null" if before is None else name,
        "/dev/null" if after is None else name,
        lineterm="",
    )
    return "\n".join(lines)


def _ends_as_windows(text: str) -> bool:
    return text.count("\n") == text.count("\r\n")


def _lines(text: str | None, *, as_windows: bool) -> list[str]:
    """Return lines, those among them that a lone carriage return ends."""
    if not text:
        return []
    lines = text.removesuffix("\n").split("\n")
    if as_windows:
        lines = [line.removesuffix("\r") for line in lines]
    lines = [part for line in lines for part in re.sub(r"\r(?!$)", "\r\n", line).split("\n")]
    return lines if text.endswith("\n") else [*lines[:-1], f"{lines[-1]}\n\\ No newline at end of file"]
