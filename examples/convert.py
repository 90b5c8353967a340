"""Write a small record in the format you name, and say how long it is.

    luci run examples/convert.py               as JSON, which Python has
    luci run examples/convert.py msgpack       as MessagePack, which it has not
    luci run examples/convert.py yaml          or cbor2, toml, json

Which module is needed is known only at run time: no import statement names it. The first run fails, luci learns the
module from the failure, adds it and runs the script again; the next time it knows.
"""

import importlib
import sys

RECORD = {"name": "Ada", "born": 1815, "fields": ["mathematics", "poetry"], "first": True}
WRITERS = {
    "json": "dumps",
    "msgpack": "packb",
    "cbor2": "dumps",
    "toml": "dumps",
    "yaml": "safe_dump",
}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "json"
    if name not in WRITERS:
        sys.exit(f"{name} is not a format known here. One of {', '.join(WRITERS)}.")
    writer = importlib.import_module(name)
    written = getattr(writer, WRITERS[name])(RECORD)
    if isinstance(written, bytes):
        print(written.hex(" ", 4))
    else:
        print(written.strip())
    print(f"\n{name}: {len(written)} bytes")


if __name__ == "__main__":
    main()
