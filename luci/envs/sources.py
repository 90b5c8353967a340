"""Where packages come from: luci's own settings, then what the user told uv, then what the user told pip."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from luci import kept, paths
from luci.config import IndexSettings
from luci.errors import ConfigError
from luci.values import Value


class Sources(Value):
    """The places packages come from. All places are URLs, folders as file:///...; they may hold credentials.

    `url` is empty for the default index. `best_match` is pip's rule, the best version of all indexes; without it
    it is uv's: the first index that knows the project decides, `extra_urls` before the main one.
    `overrides_uv` tells that uv's own configuration gives other places, so it must not read it. `only` are triples: a
    distribution (its canonical name), the URL of the one index it comes from, and the marker under which that holds.
    """

    url: str = ""
    extra_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cert: str = ""
    client_cert: str = ""
    proxy: str = ""
    trusted_hosts: tuple[str, ...] = ()
    origin: str = "default"
    no_index: bool = False
    best_match: bool = False
    overrides_uv: bool = False
    only: tuple[tuple[str, str, str], ...] = ()
    channels: tuple[str, ...] = ()  # conda's, the first preferred

    @property
    def index_url(self) -> str:
        return self.url or _default_index()

    @property
    def indexes(self) -> tuple[str, ...]:
        """Every index to ask, first the one that is asked first."""
        return () if self.no_index else (*self.extra_urls, self.index_url)

    def indexes_for(self, name: str) -> tuple[str, ...]:
        """Every index to ask for one distribution, by its canonical name."""
        kept = [(url, marker) for each, url, marker in self.only if each == name]
        elsewhere = self.indexes if not kept or all(marker for _, marker in kept) else ()
        return (*_unique(url for url, _ in kept), *elsewhere)

    def only_for(self, names: Collection[str]) -> tuple[str, ...]:
        """Return a line, without credentials, for each of these distributions that comes from one index only."""
        kept = sorted({(name, without_credentials(url), marker) for name, url, marker in self.only if name in names})
        return tuple(f"{_ONLY} {' '.join(each)}".strip() for each in kept)

    def only_in(self, identity: str) -> tuple[tuple[str, str, str], ...]:
        """Return the triples that such lines in an identity speak of, with the credentials that are known here."""
        known = {without_credentials(url): url for _, url, _ in self.only}
        told = [line.split(" ", 3)[1:] for line in identity.splitlines() if line.startswith(f"{_ONLY} ")]
        return tuple((name, known.get(url, url), "".join(marker)) for name, url, *marker in told)

    @property
    def identity(self) -> str:
        """Text that is equal for equal places, without credentials; empty for the default index alone."""
        places = [] if self.no_index else [("extra", url) for url in self.extra_urls]
        if self.no_index:
            places.append(("none", ""))
        elif self.url:
            places.append(("index", self.url))
        places += [("links", url) for url in self.find_links]
        if self.best_match and places:
            places.append(("best match", ""))
        return "\n".join(f"{kind} {without_credentials(url)}".strip() for kind, url in places)

    def uv_environ(self) -> dict[str, str]:
        """Return the variables that make uv use these places; nothing where uv finds them by itself."""
        variables: dict[str, str] = {}
        if self.overrides_uv:
            variables |= {"UV_NO_CONFIG": "1", "UV_INDEX_URL": "", "UV_EXTRA_INDEX_URL": ""}
        if self.url:
            variables["UV_DEFAULT_INDEX"] = self.url
        if self.extra_urls or self.overrides_uv:
            variables["UV_INDEX"] = " ".join(filter(_is_there, self.extra_urls))
        if self.find_links or self.overrides_uv:
            variables["UV_FIND_LINKS"] = ",".join(filter(_is_there, self.find_links))
        if self.best_match and self.extra_urls:
            variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
        if self.cert:
            variables["SSL_CERT_FILE"] = self.cert
        if self.client_cert:
            variables["SSL_CLIENT_CERT"] = self.client_cert
        if self.proxy:
            variables |= {"HTTPS_PROXY": self.proxy, "HTTP_PROXY": self.proxy}
        if self.trusted_hosts:
            variables["UV_INSECURE_HOST"] = " ".join(self.trusted_hosts)
        return variables

    def uv_flags(self) -> tuple[str, ...]:
        """Return what only a flag can say to `uv pip`."""
        return ("--no-index",) if self.no_index else ()


@functools.cache
def _default_index() -> str:
    place = os.path.join(paths.text("cache"), "default-index")
    known = kept.load(place)
    if not isinstance(known, str):
        from pypi_simple import PYPI_SIMPLE_ENDPOINT  # 300 ms, so what it says is kept

        known = PYPI_SIMPLE_ENDPOINT
        kept.save(place, known)
    return known


_ONLY = "only"


def sources(settings: IndexSettings, environ: Mapping[str, str] = os.environ) -> Sources:
    """Return where packages come from.

    Who names the main index hides what the later ones say of places; who names only further places adds them.
    Certificates, proxies and trusted hosts come from the first who gives any.
    """
    luci, uv, pip = _from_luci(settings), _from_uv(environ), _from_pip(environ)
    heard: list[_Configured] = []
    for configured in (luci, uv, pip):
        if configured.names_places:
            heard.append(configured)
        if configured.url or configured.no_index:
            break
    everyone = (luci, uv, pip)
    return Sources(
        url=next((c.url for c in heard if c.url), ""),
        extra_urls=_unique(url for c in heard for url in c.extra_urls),
        find_links=_unique(url for c in heard for url in c.find_links),
        cert=next((c.cert for c in everyone if c.cert), ""),
        client_cert=next((c.client_cert for c in everyone if c.client_cert), ""),
        proxy=next((c.proxy for c in everyone if c.proxy), ""),
        trusted_hosts=_unique(host for c in everyone for host in c.trusted_hosts),
        origin=", ".join(c.origin for c in heard) or "default",
        no_index=any(c.no_index for c in heard),
        best_match=any(c.best_match for c in heard),
        overrides_uv=uv.names_places and uv not in heard,
    )


def configured_in(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Return every file that uv or pip would be configured by, those that are not there too."""
    named = environ.get("UV_CONFIG_FILE")
    users, systems = ([Path(named)], []) if named else _uv_places(environ)
    return [*users, *systems, *_pip_files(environ)]


def without_credentials(url: str) -> str:
    """Return `url` as it may be shown.

    >>> without_credentials("https://me:secret@host:8080/simple")
    'https://host:8080/simple'
    """
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def local_path(url: str) -> Path | None:
    """Return the path that a file: URL names, None for other URLs."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = unquote(parts.path)
    return Path(path.lstrip("/") if os.name == "nt" else path)


class _Configured(Value):
    """What one program was told."""

    origin: str
    url: str = ""
    extra_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    best_match: bool = False
    cert: str = ""
    client_cert: str = ""
    proxy: str = ""
    trusted_hosts: tuple[str, ...] = ()

    @property
    def names_places(self) -> bool:
        return bool(self.url or self.extra_urls or self.find_links or self.no_index)


def _from_luci(settings: IndexSettings) -> _Configured:
    return _Configured(
        origin="luci's config",
        url=_place(settings.url),
        extra_urls=tuple(map(_place, settings.extra_urls)),
        find_links=tuple(map(_place, settings.find_links)),
    )


def _from_uv(environ: Mapping[str, str]) -> _Configured:
    """Read uv's variables and files. Where a thing is in both, variables come first, as uv has it."""
    tables = [(path, _toml(path)) for path in _uv_files(environ)]
    default, extra, links = "", list[str](), list[str]()
    if variable := next((v for v in ("UV_DEFAULT_INDEX", "UV_INDEX_URL") if environ.get(v)), ""):
        default = _place(_with_login(environ[variable], environ))
    extra += [_place(_with_login(each, environ)) for each in environ.get("UV_INDEX", "").split()]
    extra += [_place(each) for each in environ.get("UV_EXTRA_INDEX_URL", "").split()]
    links += [_place(each) for each in environ.get("UV_FIND_LINKS", "").split(",") if each.strip()]
    from_environ = next((v for v in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS") if environ.get(v)), "")
    no_index, strategy, hosts = False, environ.get("UV_INDEX_STRATEGY", ""), environ.get("UV_INSECURE_HOST", "").split()
    proxy = ""
    for path, table in tables:
        table = table | {key: value for key, value in _table(table.get("pip")).items() if value}
        for index in table.get("index", ()):
            login = _with_login(f"{index.get('name', '')}={index.get('url', '')}", environ)
            place = _place(login, path.parent)
            if index.get("explicit") or not place:
                continue
            if index.get("default"):
                default = default or place
            else:
                (links if index.get("format") == "flat" else extra).append(place)
        default = default or _place(table.get("index-url", ""), path.parent)
        extra += [_place(each, path.parent) for each in table.get("extra-index-url", ())]
        links += [_place(each, path.parent) for each in table.get("find-links", ())]
        no_index = no_index or bool(table.get("no-index"))
        strategy = strategy or table.get("index-strategy", "")
        hosts += table.get("allow-insecure-host", ())
        proxy = proxy or table.get("https-proxy", "") or table.get("http-proxy", "")
    return _Configured(
        origin=variable or from_environ or "uv.toml",
        url=default,
        extra_urls=tuple(extra),
        find_links=tuple(links),
        no_index=no_index,
        best_match=strategy.startswith("unsafe"),
        cert=environ.get("SSL_CERT_FILE", ""),
        client_cert=environ.get("SSL_CLIENT_CERT", ""),
        proxy=proxy,
        trusted_hosts=tuple(hosts),
    )


def _uv_files(environ: Mapping[str, str]) -> list[Path]:
    """Return the files uv would read outside of a project, first the one that wins."""
    if named := environ.get("UV_CONFIG_FILE"):
        return [Path(named)]
    users, systems = _uv_places(environ)
    return [path for path in users if path.is_file()] + [path for path in systems if path.is_file()][:1]


def _uv_places(environ: Mapping[str, str]) -> tuple[list[Path], list[Path]]:
    """Return where uv would look, outside of a project, for a person's file and for the system's."""
    if _is_true(environ.get("UV_NO_CONFIG", "")):
        return [], []
    if sys.platform == "win32":
        users = [Path(environ["APPDATA"], "uv", "uv.toml")] if environ.get("APPDATA") else []
        systems = [Path(environ.get("SYSTEMDRIVE", "C:") + "/ProgramData/uv/uv.toml")]
    else:
        users = [_xdg_home(environ) / "uv" / "uv.toml"]
        systems = [*(folder / "uv" / "uv.toml" for folder in _xdg_folders(environ)), Path("/etc/uv/uv.toml")]
    return users, systems


def _with_login(index: str, environ: Mapping[str, str]) -> str:
    """Return the URL of `name=url` or `url`, with the login that UV_INDEX_<NAME>_USERNAME and _PASSWORD give."""
    name, equals, url = index.partition("=")
    if not equals or not (name == "" or name.replace("-", "").replace("_", "").replace(".", "").isalnum()):
        return index
    variable = "".join(c if c.isalnum() else "_" for c in name).upper()
    user = environ.get(f"UV_INDEX_{variable}_USERNAME", "") if name else ""
    password = environ.get(f"UV_INDEX_{variable}_PASSWORD", "") if name else ""
    if not (user or password) or "@" in urlsplit(url).netloc:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))


def _from_pip(environ: Mapping[str, str]) -> _Configured:
    """Read pip's variables and files, which override one another option by option."""
    options: dict[str, tuple[str, str]] = {}
    files = [_ini(path) for path in _pip_files(environ)]
    for section in ("global", "install"):
        for file in files:
            options |= {key: (value, "pip.conf") for key, value in file.get(section, {}).items()}
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            options[name[4:].lower().replace("_", "-")] = (value, name)

    def words(option: str) -> tuple[str, ...]:
        return tuple(options.get(option, ("", ""))[0].split())

    def word(option: str) -> str:
        return options.get(option, ("", ""))[0].strip()

    places = ("index-url", "extra-index-url", "find-links", "no-index")
    return _Configured(
        origin=next((options[place][1] for place in places if place in options), "pip.conf"),
        url=_place(word("index-url") or word("pypi-url")),
        extra_urls=tuple(map(_place, words("extra-index-url"))),
        find_links=tuple(map(_place, words("find-links"))),
        no_index=_is_true(word("no-index")),
        best_match=True,
        cert=word("cert"),
        client_cert=word("client-cert"),
        proxy=word("proxy"),
        trusted_hosts=words("trusted-host"),
    )


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files pip would read, last the one that wins."""
    named = environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return
    home = _home(environ)
    if sys.platform == "win32":
        name, legacy = "pip.ini", home / "pip"
        shared = [Path(environ.get("PROGRAMDATA", "C:/ProgramData"), "pip")]
        own = Path(environ.get("APPDATA") or home / "AppData" / "Roaming", "pip")
    else:
        name, legacy = "pip.conf", home / ".pip"
        shared = [*(folder / "pip" for folder in _xdg_folders(environ)), Path("/etc")]
        own = _xdg_home(environ) / "pip"
        if sys.platform == "darwin":
            shared = [Path("/Library/Application Support/pip")]
            mac = home / "Library" / "Application Support" / "pip"
            own = mac if mac.is_dir() else home / ".config" / "pip"
    folders = [*shared]
    if not (named and Path(named).exists()):
        folders += [legacy, own]
    folders.append(Path(sys.prefix))
    yield from (folder / name for folder in folders)
    if named:
        yield Path(named)


def _ini(path: Path) -> dict[str, dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read.", cause=type(error).__name__) from None
    import configparser  # 3 ms, and most people have no such file

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:  # its text quotes the file, which may hold a password
        raise ConfigError(f"{path} cannot be read by pip's rules.", cause=type(error).__name__) from None
    return {
        section: {key.lower().replace("_", "-").lstrip("-"): value for key, value in parser.items(section)}
        for section in parser.sections()
    }


def _toml(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read.", cause=str(error)) from error


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _place(text: str, base: Path | None = None) -> str:
    """Return a place as a URL. Paths are seen from `base`, else from the working directory."""
    text = text.strip()
    if not text or "://" in text:
        return text
    if text.startswith("file:"):
        return "file://" + text.removeprefix("file:")
    return Path(base or "", os.path.expanduser(text)).absolute().as_uri()


def _is_there(url: str) -> bool:
    """Say whether a place can be there. uv fails at a folder that is missing; pip, whose setting it was, does not."""
    path = local_path(url)
    return path is None or path.exists()


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())


def _xdg_home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or _home(environ) / ".config")


def _xdg_folders(environ: Mapping[str, str]) -> list[Path]:
    return [Path(each) for each in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":") if each]


def _is_true(text: str) -> bool:
    return text.lower() in {"1", "true", "yes", "on", "y", "t"}


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))
