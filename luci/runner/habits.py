"""What a library needs only where it is called so, and what of it later releases dropped though no wheel shows it.

Knowledge of the field, written by hand, as package_names.toml is: each line is a fact of a library's own documents.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple


class Habit(NamedTuple):
    """A call of a function of `library`, or of a method of what it made, in a file that imports it. It counts where an
    argument is a text that fits `text`, where `keyword` is given, and where it is called on the name `on`, if these are
    said. Then `needs` is imported, or the call is known to the releases before `until` alone."""

    library: str
    functions: str = ""  # names, a space between them
    methods: str = ""
    needs: str = ""
    until: str = ""
    text: str = ""
    keyword: str = ""
    on: str = ""
    also: bool = False  # it counts beside others of its library


_BY = "id name xpath class_name tag_name css_selector link_text partial_link_text"
_FOUND = " ".join(f"find_element{many}_by_{by}" for many in ("", "s") for by in _BY.split())

# Of several habits of one library that fit a call, the first counts.
HABITS = (
    Habit("pandas", "read_excel ExcelFile", needs="xlrd", text=r"\.xls$"),
    Habit("pandas", "read_excel ExcelFile", needs="pyxlsb", text=r"\.xlsb$"),
    Habit("pandas", "read_excel ExcelFile ExcelWriter", methods="to_excel", needs="odf", text=r"\.ods$"),
    Habit("pandas", "ExcelWriter", methods="to_excel", needs="xlsxwriter", text=r"^xlsxwriter$"),
    Habit("pandas", "read_excel ExcelFile ExcelWriter", methods="to_excel", needs="openpyxl"),
    Habit("pandas", "read_parquet", methods="to_parquet", needs="fastparquet", text=r"^fastparquet$"),
    Habit("pandas", "read_parquet read_feather read_orc", methods="to_parquet to_feather to_orc", needs="pyarrow"),
    Habit("pandas", "read_hdf HDFStore", methods="to_hdf", needs="tables"),
    Habit("pandas", "read_html", needs="html5lib", text=r"^(bs4|html5lib)$"),
    Habit("pandas", "read_html", needs="lxml"),
    Habit("pandas", "read_xml", methods="to_xml", text=r"^etree$"),
    Habit("pandas", "read_xml", methods="to_xml", needs="lxml"),
    Habit("pandas", methods="to_markdown", needs="tabulate"),
    Habit("pandas", methods="to_latex", needs="jinja2"),
    Habit("pandas", "read_spss", needs="pyreadstat"),
    Habit("pandas", "read_gbq", methods="to_gbq", needs="pandas_gbq"),
    Habit("pandas", methods="append", until="2", keyword="ignore_index"),
    Habit("pandas", methods="iteritems", until="2"),
    Habit("pandas", "read_csv read_table", until="2", keyword="error_bad_lines"),
    Habit("pandas", "read_csv read_table", until="2", keyword="warn_bad_lines"),
    Habit("pandas", "read_csv read_table read_excel", until="2", keyword="squeeze"),
    Habit("pandas", methods="to_csv", until="2", keyword="line_terminator"),
    Habit("dask", "read_parquet", methods="to_parquet", needs="pyarrow"),
    Habit("polars", "read_excel", needs="fastexcel"),
    Habit("polars", methods="write_excel", needs="xlsxwriter"),
    Habit("polars", "from_pandas", methods="to_pandas", needs="pyarrow"),
    Habit("bs4", "BeautifulSoup", needs="lxml", text=r"^(lxml|lxml-xml|xml)$"),
    Habit("bs4", "BeautifulSoup", needs="html5lib", text=r"^html5lib$"),
    Habit(
        "imageio",
        "get_writer get_reader mimsave mimwrite mimread imwrite imopen imiter",
        needs="imageio_ffmpeg",
        text=r"(?i)\.(mp4|m4v|avi|mov|mkv|webm|wmv)$",
    ),
    Habit("matplotlib", "use switch_backend", needs="PyQt5", text=r"(?i)^qt5(agg|cairo)$"),
    Habit("matplotlib", "use switch_backend", needs="PyQt6", text=r"(?i)^qt(6)?(agg|cairo)$"),
    Habit("matplotlib", "use switch_backend", needs="wx", text=r"(?i)^wx(agg|cairo)?$"),
    Habit("matplotlib", "use switch_backend", needs="gi", text=r"(?i)^gtk[34](agg|cairo)$"),
    Habit("matplotlib", "use switch_backend", needs="tornado", text=r"(?i)^webagg$"),
    Habit("fastapi", "Form File", methods="form", needs="python_multipart"),
    Habit("httpx", "Client AsyncClient", needs="h2", keyword="http2"),
    Habit("xarray", "open_dataset open_mfdataset open_dataarray", needs="dask", keyword="chunks", also=True),
    Habit("xarray", "open_mfdataset", needs="dask", also=True),
    Habit("xarray", "open_zarr", methods="to_zarr", needs="zarr"),
    Habit("xarray", "open_dataset open_mfdataset", needs="cfgrib", text=r"^cfgrib$|\.gri?b2?$"),
    Habit(
        "xarray", "open_dataset open_mfdataset load_dataset", methods="to_netcdf", needs="h5netcdf", text=r"^h5netcdf$"
    ),
    Habit("xarray", "open_dataset open_mfdataset load_dataset open_dataarray", methods="to_netcdf", needs="netCDF4"),
    Habit(
        "networkx",
        "draw draw_networkx draw_spring draw_circular draw_networkx_nodes draw_networkx_edges",
        needs="matplotlib",
    ),
    Habit("networkx", "pagerank to_numpy_array spring_layout kamada_kawai_layout", needs="scipy"),
    Habit("networkx", "from_pandas_edgelist to_pandas_edgelist from_pandas_adjacency", needs="pandas"),
    Habit("plotly", methods="write_image to_image", needs="kaleido"),
    Habit("altair", methods="save", needs="vl_convert", text=r"(?i)\.(png|svg|pdf)$"),
    Habit("qrcode", "make", methods="make_image", needs="PIL"),
    Habit("peewee", "PostgresqlDatabase", needs="psycopg2"),
    Habit("peewee", "MySQLDatabase", needs="pymysql"),
    Habit("transformers", "pipeline", needs="torch"),
    Habit("gymnasium", "make", needs="pygame", keyword="render_mode"),
    Habit("PIL", methods="textsize", until="10"),
    Habit("sqlalchemy", "MetaData", until="2", keyword="bind"),
    Habit("sqlalchemy", "Table", until="2", keyword="autoload"),
    Habit("sqlalchemy", methods="execute", until="2", on="engine"),
    Habit("sklearn", "OneHotEncoder", until="1.4", keyword="sparse"),
    Habit("sklearn", "AgglomerativeClustering", until="1.4", keyword="affinity"),
    Habit("sklearn", "LinearRegression Ridge Lasso", until="1.2", keyword="normalize"),
    Habit("sklearn", methods="get_feature_names", until="1.2"),
    Habit("selenium", methods=_FOUND, until="4.3"),
    Habit("selenium", "Chrome Firefox Edge", until="4.10", keyword="executable_path"),
    Habit("web3", methods="toWei fromWei toChecksumAddress buildTransaction isConnected", until="6"),
)

# What a text anywhere in a file leads to: the libraries of which one is imported, what it holds, what is needed.
_DATABASES = ("sqlalchemy", "flask_sqlalchemy", "sqlmodel", "databases", "alembic", "pandas")
TEXTS = (
    (_DATABASES, "+pymysql://", "pymysql"),
    (_DATABASES, "+mysqlconnector://", "mysql.connector"),
    (_DATABASES, "+mysqldb://", "MySQLdb"),
    (_DATABASES, "mysql://", "MySQLdb"),
    (_DATABASES, "+aiomysql://", "aiomysql"),
    (_DATABASES, "+asyncmy://", "asyncmy"),
    (_DATABASES, "+psycopg2://", "psycopg2"),
    (_DATABASES, "+psycopg://", "psycopg"),
    (_DATABASES, "+asyncpg://", "asyncpg"),
    (_DATABASES, "postgresql://", "psycopg"),
    (_DATABASES, "+aiosqlite://", "aiosqlite"),
    (_DATABASES, "+pyodbc://", "pyodbc"),
    (_DATABASES, "mssql+pymssql://", "pymssql"),
    (_DATABASES, "+oracledb://", "oracledb"),
    (_DATABASES, "+cx_oracle://", "cx_Oracle"),
    (_DATABASES, "duckdb://", "duckdb_engine"),
    (_DATABASES, "bigquery://", "sqlalchemy_bigquery"),
    (_DATABASES, "snowflake://", "snowflake.sqlalchemy"),
    (("pandas", "dask", "fsspec", "polars"), "s3://", "s3fs"),
    (("pandas", "dask", "fsspec", "polars"), "gs://", "gcsfs"),
    (("django",), "django.db.backends.postgresql", "psycopg"),
    (("django",), "django.db.backends.mysql", "MySQLdb"),
    (("requests",), "socks5://", "socks"),
    (("requests",), "socks5h://", "socks"),
    (("requests",), "socks4://", "socks"),
    (("httpx",), "socks5://", "socksio"),
    (("celery", "kombu"), "redis://", "redis"),
)

# What a name of a module, or a module below it, needs once it is used.
NAMES = {
    "pydantic": {"EmailStr": "email_validator", "NameEmail": "email_validator"},
    "fastapi.security": {"OAuth2PasswordRequestForm": "python_multipart"},
    "plotly": {"express": "pandas"},
    "barcode.writer": {"ImageWriter": "PIL"},
    "tqdm": {"notebook": "ipywidgets"},
}

# What a module had until a release, where its wheels do not show that: it is answered by a __getattr__, or raises.
UNTIL = {
    "numpy": {
        "1.24": "float int object complex str",
        "2": "float_ complex_ Inf infty Infinity NaN PINF NINF asfarray product cumproduct alltrue sometrue unicode_"
        " string_ round_ find_common_type sctypes row_stack cast source lookfor",
    },
    "pandas": {"2": "datetime np"},
    "PIL.Image": {"10": "ANTIALIAS"},
    "networkx": {
        "3": "info from_numpy_matrix to_numpy_matrix from_scipy_sparse_matrix to_scipy_sparse_matrix read_gpickle"
        " write_gpickle OrderedGraph OrderedDiGraph"
    },
    "pydantic": {"2": "BaseSettings PyObject ConstrainedStr ConstrainedInt"},
    "PyPDF2": {"3": "PdfFileReader PdfFileWriter PdfFileMerger"},
    "openai": {"1": "ChatCompletion Completion Embedding Moderation"},
    "tensorflow": {
        "2": "placeholder Session InteractiveSession ConfigProto get_default_graph set_random_seed contrib"
        " global_variables_initializer truncated_normal get_variable variable_scope"
    },
}

TELLING = frozenset(module.partition(".")[0] for module in (*UNTIL, *NAMES))  # libraries whose names tell something

_BY_NAME: dict[str, list[tuple[Habit, bool]]] = {}
for _habit in HABITS:
    for _name in _habit.functions.split():
        _BY_NAME.setdefault(_name, []).append((_habit, False))
    for _name in _habit.methods.split():
        _BY_NAME.setdefault(_name, []).append((_habit, True))


def is_telling(call: ast.Call, dotted: str) -> bool:
    """Whether what is called has a name that some habit has. `dotted` is what is called, "pandas.read_excel"."""
    return _name_of(call, dotted) in _BY_NAME


def _name_of(call: ast.Call, dotted: str) -> str:
    return dotted.rpartition(".")[2] or (call.func.attr if isinstance(call.func, ast.Attribute) else "")


def of_call(call: ast.Call, dotted: str, imported: bool) -> Iterator[Habit]:
    """Yield the habits that a call shows, whatever else the file imports; the first of each library. `imported` says
    whether what is called begins with an import's name."""
    library = dotted.partition(".")[0] if imported else ""
    told: set[str] = set()
    for habit, is_method in _BY_NAME.get(_name_of(call, dotted), ()):
        placed = library == habit.library or (is_method and not library and isinstance(call.func, ast.Attribute))
        if placed and (habit.also or habit.library not in told) and _fits(habit, call):
            told |= set() if habit.also else {habit.library}
            yield habit


def _fits(habit: Habit, call: ast.Call) -> bool:
    if habit.keyword and not any(keyword.arg == habit.keyword for keyword in call.keywords):
        return False
    if habit.on and not (
        isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == habit.on
    ):
        return False
    return not habit.text or any(re.search(habit.text, text) for text in _texts(call))


def _texts(call: ast.Call) -> Iterator[str]:
    for given in (*call.args, *(keyword.value for keyword in call.keywords)):
        for node in given.values[-1:] if isinstance(given, ast.JoinedStr) else (given,):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def of_texts(tree: ast.AST, text: str, libraries: set[str]) -> Iterator[tuple[str, str, int]]:
    """Yield what the texts of a file lead to: what is needed, by which library, and the line."""
    sought = [(held, needs, used) for of, held, needs in TEXTS if held in text for used in libraries.intersection(of)]
    if not sought:
        return
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # documentation is no address
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            for held, needs, used in sought:
                if re.search(rf"(?<![\w+]){re.escape(held)}" if held[0] != "+" else re.escape(held), node.value):
                    yield needs, used, node.lineno


def gone(module: str, name: str) -> str:
    """Return the release before which a module had a name; empty where nothing is known.

    >>> gone("numpy", "float"), gone("numpy", "array")
    ('1.24', '')
    """
    return next((release for release, names in UNTIL.get(module, {}).items() if name in names.split()), "")
