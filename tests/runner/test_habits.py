"""What a library imports only where it is called so, and what later releases dropped: sources, and what they need."""

from __future__ import annotations

from pathlib import Path

import pytest

from luci.runner.habits import HABITS, NAMES, TEXTS
from luci.runner.imports import Target, scan
from luci.runner.script import Script
from luci.runner.table import table


def needed(source: str) -> dict[str, str]:
    """{module that nobody wrote: why}, and {module: the release before which it had what is used}"""
    made = scan(
        Script("stdin", "-", None, source.encode(), Path("/nowhere"), ("-",)), Target((3, 11), "linux", "posix")
    )
    return {one.module: one.until or one.why for one in made.imports if one.why}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pandas as pd\npd.read_excel('a.xlsx')", {"openpyxl": "pandas needs it for read_excel"}),
        ("import pandas as pd\npd.read_excel('a.xls')", {"xlrd": "pandas needs it for read_excel"}),
        ("import pandas\ndef f(df):\n    df.to_parquet('a')", {"pyarrow": "pandas needs it for to_parquet"}),
        ("import pandas\ndf.to_excel('a', engine='xlsxwriter')", {"xlsxwriter": "pandas needs it for to_excel"}),
        ("from bs4 import BeautifulSoup as BS\nBS(x, 'lxml')", {"lxml": "bs4 needs it for BS"}),
        ("from bs4 import BeautifulSoup as BS\nBS(x, 'html.parser')", {}),
        ("import imageio\nimageio.get_writer(f'{x}.mp4')", {"imageio_ffmpeg": "imageio needs it for get_writer"}),
        (
            "import xarray as xr\nxr.open_dataset(x, chunks={})",
            {"netCDF4": "xarray needs it for open_dataset", "dask": "xarray needs it for open_dataset(chunks=…)"},
        ),
        (
            "from sqlalchemy import create_engine\nURL = 'mysql+pymysql://root@here'\ncreate_engine(URL)",
            {"pymysql": "sqlalchemy needs it for an address in the source"},
        ),
        ("import sqlalchemy\n'''mysql+pymysql://root@here'''", {}),
        ("import numpy as np\nnp.float(1)\nnp.zeros(1)", {"numpy": "1.24"}),
        ("from PIL import Image\nImage.ANTIALIAS", {"PIL.Image": "10"}),
        ("import PIL.Image\nPIL.Image.ANTIALIAS", {"PIL.Image": "10"}),
        ("from pydantic import BaseModel, BaseSettings", {"pydantic": "2"}),
        ("from pydantic import BaseModel, EmailStr", {"email_validator": "pydantic needs it for EmailStr"}),
        ("import plotly.express as px", {"pandas": "plotly needs it for express"}),
        ("from plotly import express", {"pandas": "plotly needs it for express"}),
        ("import pandas as pd\ndf.append(row, ignore_index=True)", {"pandas": "2"}),
        ("from sqlalchemy import MetaData\nMetaData(bind=1)", {"sqlalchemy": "2"}),
        # nothing of this is a habit
        ("import pandas\nrows.append(1)", {}),
        ("import six\nimport pandas\nsix.iteritems(x)", {}),
        ("import networkx\ndef draw(): ...\ndraw()\nself.draw()", {}),
        ("df.to_excel('a.xlsx')", {}),
        ("import numpy as np\nif hasattr(np, 'float'):\n    np.float", {}),
        ("import numpy as np\ntry:\n    np.float\nexcept AttributeError:\n    pass", {}),
        ("import numpy as np\nnp = other()\nnp.float", {}),
    ],
)
def test_a_use_of_a_library_shows_what_it_needs_or_which_release(source, found):
    assert needed(source) == found


def test_what_a_library_needs_is_known_to_the_table_and_so_never_a_guess():
    needs = {habit.needs for habit in HABITS} | {needed for _, _, needed in TEXTS}
    needs |= {needed for names in NAMES.values() for needed in names.values()}
    unknown = {module for module in needs - {""} if not (found := table().lookup(module)) or found.kind != "provided"}
    assert not unknown


def test_what_a_text_alone_speaks_for_is_optional_and_what_a_call_needs_is_as_sure_as_the_call():
    source = "import pandas as pd, requests\nP = 'socks5://x'\nif sys.platform == 'win32':\n    pd.read_html('x')\n"
    source = f"import sys\n{source}pd.read_hdf(x)"
    made = scan(
        Script("stdin", "-", None, source.encode(), Path("/nowhere"), ("-",)), Target((3, 11), "linux", "posix")
    )
    assert {one.module: str(one.certainty) for one in made.imports if one.why} == {
        "socks": "optional",
        "tables": "dynamic",
    }
    assert any(one.module == "lxml" for one in made.skipped)
