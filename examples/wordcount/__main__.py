"""Count the words of texts, in any language's letters, and show the most frequent.

    luci run examples/wordcount                     a text that comes with it
    luci run examples/wordcount README.md notes.txt

A folder with a `__main__.py` runs like a script; `words` is a module of the folder.
"""

import sys
from pathlib import Path

import click
import words

TEXT = """
It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness,
it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of
Darkness, it was the spring of hope, it was the winter of despair.
"""


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--top", default=8, show_default=True, help="How many words to show.")
@click.option("--length", default=1, show_default=True, help="Leave out words that are shorter.")
def main(files: tuple[Path, ...], top: int, length: int) -> None:
    """Count the words of FILES."""
    text = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files) or TEXT
    counted = words.count(text, length)
    if not counted:
        sys.exit("There are no words in it.")
    width = max(len(word) for word, _ in counted[:top])
    most = counted[0][1]
    for word, number in counted[:top]:
        bar = click.style("█" * max(1, round(40 * number / most)), fg="cyan")
        click.echo(f"{word:>{width}}  {bar} {number}")
    click.echo(f"\n{sum(number for _, number in counted)} words, {len(counted)} different")


if __name__ == "__main__":
    main()
