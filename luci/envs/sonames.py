"""Which conda package brings a shared library, as far as its name tells.

Channels do not say which files their packages hold. Most libraries are in a package of their own name; the table has
those that are not. Whether it was right is seen when the package is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

# how a library's file name begins, before ".so": the package
_KNOWN: Mapping[str, str] = {
    "libGL": "libgl",
    "libEGL": "libegl",
    "libGLESv2": "libgles",
    "libOpenGL": "libopengl",
    "libGLU": "libglu",
    "libglib-2.0": "glib",
    "libgobject-2.0": "glib",
    "libgthread-2.0": "glib",
    "libgio-2.0": "glib",
    "libSM": "xorg-libsm",
    "libICE": "xorg-libice",
    "libX11": "xorg-libx11",
    "libXext": "xorg-libxext",
    "libXrender": "xorg-libxrender",
    "libXi": "xorg-libxi",
    "libXrandr": "xorg-libxrandr",
    "libXcursor": "xorg-libxcursor",
    "libxcb": "libxcb",
    "libxcb-cursor": "xcb-util-cursor",
    "libxcb-icccm": "xcb-util-wm",
    "libxcb-keysyms": "xcb-util-keysyms",
    "libxcb-image": "xcb-util-image",
    "libxkbcommon-x11": "libxkbcommon",
    "libdbus-1": "dbus",
    "libnss3": "nss",
    "libasound": "alsa-lib",
    "libgomp": "libgomp",
    "libgfortran": "libgfortran",
    "libopenblas": "libopenblas",
    "libstdc++": "libstdcxx",
    "libmagic": "libmagic",
    "libpangocairo-1.0": "pango",
    "libpangoft2-1.0": "pango",
    "libgdk_pixbuf-2.0": "gdk-pixbuf",
    "libgtk-3": "gtk3",
    "libusb-1.0": "libusb",
    "libmysqlclient": "mysql-libs",
    "libmariadb": "mariadb-connector-c",
    "libodbc": "unixodbc",
    "libgeos_c": "geos",
    "libspatialindex_c": "libspatialindex",
    "libzmq": "zeromq",
    "libgvc": "graphviz",
    "libcgraph": "graphviz",
    "libMagickWand": "imagemagick",
    "libcrypt": "libxcrypt",
    "libssl": "openssl",
    "libcrypto": "openssl",
    "libz": "zlib",
    "libbz2": "bzip2",
    "liblzma": "xz",
    "libavcodec": "ffmpeg",
    "libavformat": "ffmpeg",
    "libavutil": "ffmpeg",
    "libgsl": "gsl",
    "libfftw3": "fftw",
    "libhdf5": "hdf5",
    "libmpi": "openmpi",
}


def package(library: str, names: Mapping[str, str]) -> tuple[str, bool]:
    """Return the package of a channel that should bring a library, and whether more than its name says so.

    `names` are those that the channel has, by their canonical spelling.

    >>> has = {"libgl": "libgl", "portaudio": "portaudio", "openjpeg": "openjpeg"}
    >>> package("libGL.so.1", has), package("libportaudio.so.2", has), package("libodd.so", has)
    (('libgl', True), ('portaudio', False), ('', False))
    """
    stem = library.partition(".so")[0]
    known = next((_KNOWN[start] for start in _starts(stem) if start in _KNOWN), "")
    if known in names:
        return names[known], True
    return next(((names[name], False) for name in _guesses(stem, library) if name in names), ("", False))


def brings(folder: Path, library: str) -> bool:
    """Whether an environment has a library where its Python looks for it."""
    return (folder / "lib" / library).exists()


def _starts(stem: str) -> Iterator[str]:
    """Yield a name, and what is left of it without a soname's other words: libMagickWand-7.Q16 is libMagickWand."""
    yield stem
    shorter = re.sub(r"[-_.]?\d[\w.]*$", "", stem)
    while shorter and shorter != stem:
        yield shorter
        stem, shorter = shorter, re.sub(r"-[^-]*$", "", shorter)


def _guesses(stem: str, library: str) -> Iterator[str]:
    major = re.sub(r"^.*\.so\.?(\d*).*$", r"\1", library)
    for name in _starts(stem):
        canonical = re.sub(r"[-_.]+", "-", name).lower()
        bare = canonical.removeprefix("lib")
        yield from (canonical, bare, f"{canonical}{major}", f"{bare}{major}")
