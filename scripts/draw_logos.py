"""Draw the logos of the fictional brands: `python scripts/draw_logos.py [--sheet FILE]`.

Every logo in `logos.toml` is of one family: a rounded square with a quiet gradient, and a mark in
white and one accent colour, on a grid of 256 by 256 whose middle is (128, 128). A mark is a list of
shapes, drawn in order:

    w circle 128 128 40           COLOUR SHAPE NUMBERS
    a*6 line 10 128 80 128 60     repeated six times around the middle
    w| path M 128 60 C ... Z      drawn once more, mirrored left to right
    b@45 rect 100 60 56 20 6      turned by 45 degrees clockwise around the middle

Colours: `w` white, `a` the accent, `b` the background (cuts a hole), `l` a light and `d` a dark
shade over whatever is there.

Shapes: circle x y r | ring x y r width | ellipse x y rx ry | rect x y width height radius |
pie x y r from to | arc x y r from to width | star x y outer inner points |
line width x y x y ... | path SVG | stroke width SVG (M, L, C, Q, Z in absolute coordinates).
Angles are degrees, clockwise from three o'clock.
"""

import argparse
import itertools
import math
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
LOGOS = HERE.parent / "src" / "minibank" / "sandbox" / "logos"
SIZE, SCALE, CORNER = 256, 4, 58
BYTES_MAX = 6_000
WHITE = (255, 253, 248)
CURVE = 24  # points along a curve
BANDS = 32  # colours of a gradient
EDGE = 51  # an edge is softened in steps of this much of 255

Point = tuple[float, float]
Turn = Callable[[Point], Point]


@dataclass(frozen=True)
class Stroke:
    """A line with round ends and joins."""

    width: float
    points: list[Point]


@dataclass(frozen=True)
class Fill:
    """A closed area."""

    points: list[Point]


Area = Stroke | Fill


def around(
    x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360
) -> list[Point]:
    """Points on an ellipse."""
    count = max(12, round(abs(end - start) / 3))
    angles = [math.radians(start + (end - start) * step / count) for step in range(count + 1)]
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


def rounded(x: float, y: float, width: float, height: float, radius: float) -> list[Point]:
    """The outline of a rectangle with round corners."""
    radius = min(radius, width / 2, height / 2)
    right, bottom = x + width - radius, y + height - radius
    left, top = x + radius, y + radius
    corners = [(right, bottom, 0), (left, bottom, 90), (left, top, 180), (right, top, 270)]
    return [p for cx, cy, a in corners for p in around(cx, cy, radius, radius, a, a + 90)]


def star(x: float, y: float, outer: float, inner: float, points: float) -> list[Point]:
    """A star with one point straight up."""
    out = []
    for corner in range(round(points) * 2):
        angle = math.radians(corner * 180 / points - 90)
        radius = inner if corner % 2 else outer
        out.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
    return out


def bezier(*control: Point) -> list[Point]:
    """Points along a Bézier curve of any degree, without its first point."""
    out = []
    for step in range(1, CURVE + 1):
        t, layer = step / CURVE, list(control)
        while len(layer) > 1:
            layer = [
                (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t)
                for a, b in itertools.pairwise(layer)
            ]
        out.append(layer[0])
    return out


def svg(words: list[str]) -> Iterator[list[Point]]:
    """The outlines of a path: M, L, C, Q and Z, absolute."""
    points: list[Point] = []
    command, numbers = "", list[float]()
    needs = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}
    for word in words:
        if word in needs:
            command = word
            if word == "M" and points:
                yield points
                points = []
            elif word == "Z":
                points = [*points, points[0]]
            continue
        numbers.append(float(word))
        if len(numbers) == needs[command]:
            pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
            points = points + (pairs if command in "ML" else bezier(points[-1], *pairs))
            numbers = []
    yield points


OUTLINES: dict[str, Callable[..., list[Point]]] = {
    "circle": lambda x, y, r: around(x, y, r, r),
    "ellipse": around,
    "rect": rounded,
    "star": star,
}


def areas(shape: str, words: list[str]) -> list[Area]:
    """What one shape covers."""
    if shape == "path":
        return [Fill(points) for points in svg(words)]
    if shape == "stroke":
        return [Stroke(float(words[0]), points) for points in svg(words[1:])]
    n = [float(word) for word in words]
    match shape:
        case "line":
            area: Area = Stroke(n[0], list(zip(n[1::2], n[2::2], strict=True)))
        case "arc":
            area = Stroke(n[5], around(n[0], n[1], n[2], n[2], n[3], n[4]))
        case "ring":
            area = Stroke(n[3], around(n[0], n[1], n[2], n[2]))
        case "pie":
            area = Fill([(n[0], n[1]), *around(n[0], n[1], n[2], n[2], n[3], n[4])])
        case _:
            area = Fill(OUTLINES[shape](*n))
    return [area]


def turned(degrees: float) -> Turn:
    """A turn around the middle, clockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def turn(point: Point) -> Point:
        x, y = point[0] - 128, point[1] - 128
        return 128 + x * cos - y * sin, 128 + x * sin + y * cos

    return turn


def turns(modifier: str) -> list[Turn]:
    """Where a shape is drawn: in place, repeated, mirrored or turned."""
    if modifier.startswith("*"):
        count = int(modifier[1:])
        return [turned(360 * step / count) for step in range(count)]
    if modifier.startswith("@"):
        return [turned(float(modifier[1:]))]
    if modifier == "|":
        return [turned(0), lambda point: (256 - point[0], point[1])]
    assert not modifier, modifier
    return [turned(0)]


def paint(mask: Image.Image, area: Area, turn: Turn) -> None:
    """Put an area on a mask of the large size."""
    draw = ImageDraw.Draw(mask)
    points = [(x * SCALE, y * SCALE) for x, y in map(turn, area.points)]
    if isinstance(area, Fill):
        draw.polygon(points, fill=255)
        return
    half = area.width * SCALE / 2
    draw.line(points, fill=255, width=round(half * 2))
    for x, y in points:
        draw.ellipse((x - half, y - half, x + half, y + half), fill=255)


def gradient(top: str, bottom: str) -> Image.Image:
    """The background: one colour above, one below, in bands too fine to be seen."""
    first, last = rgb(top), rgb(bottom)
    column = Image.new("RGB", (1, BANDS))
    for y in range(BANDS):
        mixed = [round(a + (b - a) * y / (BANDS - 1)) for a, b in zip(first, last, strict=True)]
        column.putpixel((0, y), (mixed[0], mixed[1], mixed[2]))
    return column.resize((SIZE, SIZE), Image.Resampling.NEAREST)


def rgb(text: str) -> tuple[int, int, int]:
    """Read `#RRGGBB`."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def mask_of(shape: str, words: list[str], modifier: str) -> Image.Image:
    """What one shape covers, with smooth edges, in the size of a logo."""
    mask = Image.new("L", (SIZE * SCALE, SIZE * SCALE), 0)
    for area in areas(shape, words):
        for turn in turns(modifier):
            paint(mask, area, turn)
    small = mask.resize((SIZE, SIZE), Image.Resampling.BOX)
    return small.point([round(value / EDGE) * EDGE for value in range(256)])


def draw_logo(background: list[str], accent: str, marks: list[str]) -> Image.Image:
    """One logo, with clear corners."""
    ground = gradient(*background)
    logo = ground.copy()
    inks = {
        "w": (Image.new("RGB", ground.size, WHITE), 1.0),
        "a": (Image.new("RGB", ground.size, rgb(accent)), 1.0),
        "b": (ground, 1.0),
        "l": (Image.new("RGB", ground.size, WHITE), 0.22),
        "d": (Image.new("RGB", ground.size, (0, 0, 0)), 0.16),
    }
    for mark in marks:
        head, shape, *words = mark.split()
        ink, strength = inks[head[0]]
        mask = mask_of(shape, words, head[1:])
        if strength < 1:
            mask = mask.point([round(value * strength) for value in range(256)])
        logo.paste(ink, (0, 0), mask)
    logo.putalpha(mask_of("rect", ["0", "0", "256", "256", str(CORNER)], ""))
    return logo


def save(logo: Image.Image, path: Path) -> int:
    """Write a logo with a palette of its own colours, none lost; returns its size in bytes."""
    raw = logo.tobytes()
    pixels = [raw[start : start + 4] for start in range(0, len(raw), 4)]
    colours = sorted(set(pixels))
    assert len(colours) <= 256, f"{path.name}: {len(colours)} colours"
    place = {colour: index for index, colour in enumerate(colours)}
    packed = Image.frombytes("P", logo.size, bytes(place[pixel] for pixel in pixels))
    packed.putpalette(b"".join(colour[:3] for colour in colours))
    packed.save(path, optimize=True, transparency=bytes(colour[3] for colour in colours))
    return path.stat().st_size


def draw_sheet(names: list[str], path: Path) -> None:
    """All logos on one picture, for looking at them."""
    columns, cell = 10, 300
    rows = -(-len(names) // columns)
    sheet = Image.new("RGB", (columns * cell, rows * cell), (244, 243, 240))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(20)
    for index, name in enumerate(names):
        x, y = index % columns * cell + 22, index // columns * cell + 10
        with Image.open(LOGOS / f"{name}.png") as opened:
            logo = opened.convert("RGBA")
        sheet.paste(logo, (x, y), logo)
        draw.text((x + 8, y + 260), name, fill=(90, 90, 90), font=font)
    sheet.save(path)


def main() -> None:
    """Draw every logo, and the sheet if asked for."""
    parser = argparse.ArgumentParser(description="Draw the logos of the fictional brands.")
    parser.add_argument("--sheet", type=Path, help="also write one picture of all of them")
    arguments = parser.parse_args()
    brands = tomllib.loads((HERE / "logos.toml").read_text())
    LOGOS.mkdir(exist_ok=True)
    total = 0
    for name, brand in brands.items():
        path = LOGOS / f"{name}.png"
        size = save(draw_logo(brand["background"], brand["accent"], brand["marks"]), path)
        assert size <= BYTES_MAX, f"{name}: {size} bytes"
        total += size
    print(f"{len(brands)} logos, {total // 1024} KiB")
    if arguments.sheet:
        draw_sheet(list(brands), arguments.sheet)


if __name__ == "__main__":
    main()
