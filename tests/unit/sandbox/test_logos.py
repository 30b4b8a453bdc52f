"""Every brand of the catalogue has a logo of its own, small enough to ship."""

import struct
import tomllib
from importlib import resources
from pathlib import Path

from minibank.sandbox.catalogue import read_catalogue

LOGOS = resources.files("minibank.sandbox").joinpath("logos")
DRAWINGS = Path(__file__).resolve().parents[3] / "scripts" / "logos.toml"


def test_every_brand_has_a_drawing_and_a_file_and_there_are_no_others():
    brands = set(read_catalogue().brands)
    assert {file.name for file in LOGOS.iterdir()} == {f"{slug}.png" for slug in brands}
    assert set(tomllib.loads(DRAWINGS.read_text())) == brands


def test_logos_are_square_pictures_below_six_kilobytes():
    for file in LOGOS.iterdir():
        content = file.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n"), file.name
        assert struct.unpack(">II", content[16:24]) == (256, 256), file.name
        assert len(content) < 6_000, file.name


def test_no_two_brands_look_the_same():
    assert len({file.read_bytes() for file in LOGOS.iterdir()}) == len(read_catalogue().brands)


def test_the_path_of_a_logo_names_its_file():
    for brand in read_catalogue().brands.values():
        assert LOGOS.joinpath(brand.logo.removeprefix("/logos/")).is_file()
