"""Paint a sunset over the sea, with a thumbnail beside it.

    luci run examples/postcard.py                   writes postcard.png here
    luci run examples/postcard.py ~/card.jpg Hello  writes there, with a greeting

`PIL` is the import, Pillow is the package.
"""

import math
import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT, HORIZON = 960, 600, 380
DUSK, GLOW = (38, 24, 84), (255, 150, 70)


def main() -> None:
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "postcard.png").expanduser()
    greeting = " ".join(sys.argv[2:]) or "Greetings from here"
    card = paint(greeting)
    card.save(file)
    small = card.copy()
    small.thumbnail((240, 240))
    thumbnail = file.with_stem(f"{file.stem}-small")
    small.save(thumbnail)
    print(f"{file}  {card.width} x {card.height}\n{thumbnail}  {small.width} x {small.height}")


def paint(greeting: str) -> Image.Image:
    card = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(card)
    for y in range(HORIZON):
        draw.line([(0, y), (WIDTH, y)], fill=between(DUSK, GLOW, (y / HORIZON) ** 1.5))
    sun = Image.new("L", card.size)
    ImageDraw.Draw(sun).ellipse([WIDTH / 2 - 90, HORIZON - 120, WIDTH / 2 + 90, HORIZON + 60], fill=255)
    card.paste((255, 214, 140), mask=sun.filter(ImageFilter.GaussianBlur(6)))
    sea(draw)
    font = ImageFont.load_default(size=44)
    draw.text((WIDTH / 2, 90), greeting, font=font, fill="white", anchor="mm")
    return card


def sea(draw: ImageDraw.ImageDraw) -> None:
    waves = random.Random(7)
    for y in range(HORIZON, HEIGHT):
        depth = (y - HORIZON) / (HEIGHT - HORIZON)
        draw.line([(0, y), (WIDTH, y)], fill=between((120, 70, 100), (14, 18, 52), depth))
        for _ in range(4):  # the sun on the water, wider as it comes near
            x = WIDTH / 2 + waves.gauss(0, 60 + 120 * depth)
            length = 8 + 30 * depth * abs(math.sin(y))
            draw.line([(x, y), (x + length, y)], fill=between(GLOW, (60, 40, 90), depth))


def between(start: tuple[int, ...], end: tuple[int, ...], share: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * share) for a, b in zip(start, end))


if __name__ == "__main__":
    main()
