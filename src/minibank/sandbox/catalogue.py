"""The fictional merchants of a sandbox bank, read from `catalogue.json`.

A *brand* is what people call it by (a group on the wire), an *outlet* is one of its places (a
merchant on the wire). All of it is invented: names, streets and web addresses (which end in
`.example`, reserved by RFC 2606). British postcodes carry a real district, so that they look right
on a map, and end in letters that the postal service never uses, so that none is anybody's.
"""

import functools
import hashlib
from importlib import resources
from typing import Annotated, Literal

import msgspec

from minibank.core import ids

Category = Literal[
    "general",
    "eating_out",
    "expenses",
    "transport",
    "cash",
    "bills",
    "entertainment",
    "shopping",
    "holidays",
    "groceries",
]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]

COUNTRY_NAMES = {
    "GBR": "United Kingdom",
    "FRA": "France",
    "ESP": "Spain",
    "JPN": "Japan",
    "USA": "United States",
}
_POSTCODE_FIRST = {"FRA", "ESP"}

# Merchants joined the catalogue at an instant between these two, each at its own.
_OPENED_FROM_MS = 1_420_070_400_000  # 2015-01-01
_OPENED_SPAN_MS = 6 * 365 * 86_400_000


class Outlet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place of a brand. An online one stands at the seller's office, `approximate`."""

    slug: Slug
    descriptor: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9 &.'-]{22} [A-Z ]{13} [A-Z]{3}$")]
    address: Text
    city: Text
    region: Text
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    postcode: Text
    latitude: float
    longitude: float
    zoom_level: Annotated[int, msgspec.Meta(ge=1, le=20)]
    approximate: bool

    def postal_address(self) -> dict[str, str | float | bool]:
        """The address of an expanded merchant, as it stands on the wire."""
        town = f"{self.city} {self.postcode}"
        if self.country in _POSTCODE_FIRST:
            town = f"{self.postcode} {self.city}"
        short = f"{self.address}, {town}"
        return {
            "short_formatted": short,
            "formatted": f"{short}, {COUNTRY_NAMES[self.country]}",
            "address": self.address,
            "city": self.city,
            "region": self.region,
            "country": self.country,
            "postcode": self.postcode,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "zoom_level": self.zoom_level,
            "approximate": self.approximate,
        }


class Brand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A seller and its outlets; amounts are minor units of `currency`, what one visit costs."""

    slug: Slug
    name: Text
    category: Category
    emoji: Text
    mcc: Annotated[str, msgspec.Meta(pattern="^[0-9]{4}$")]
    online: bool
    atm: bool
    website: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+\.example$")]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    amount_min: Annotated[int, msgspec.Meta(gt=0)]
    amount_max: Annotated[int, msgspec.Meta(gt=0)]
    visits_per_year: Annotated[int, msgspec.Meta(gt=0)]
    outlets: Annotated[tuple[Outlet, ...], msgspec.Meta(min_length=1)]

    @property
    def group_id(self) -> str:
        """The brand's id on the wire: the same in every sandbox bank."""
        return _stable_id("grp", self.slug)

    @property
    def logo(self) -> str:
        """The path of the brand's logo below the bank's public address."""
        return f"/logos/{self.slug}.png"


class Merchant(msgspec.Struct, frozen=True):
    """One outlet together with its brand: what a card payment names."""

    brand: Brand
    outlet: Outlet
    id: str

    @property
    def created_at(self) -> int:
        """When the merchant became known, in microseconds: the instant its id carries."""
        milliseconds = ids.milliseconds_of(self.id)
        assert milliseconds is not None, "made by this module"
        return milliseconds * 1000


class Catalogue(msgspec.Struct, frozen=True):
    """Every merchant by outlet slug, and every brand by slug."""

    brands: dict[str, Brand]
    merchants: dict[str, Merchant]

    def list_outlets(self, brand_slug: str, city: str | None = None) -> list[Merchant]:
        """The merchants of a brand, in one city if one is named; in the order of the file."""
        outlets = self.brands[brand_slug].outlets
        return [
            self.merchants[outlet.slug] for outlet in outlets if city is None or outlet.city == city
        ]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    brands: list[Brand]


@functools.cache
def read_catalogue() -> Catalogue:
    """The catalogue; `msgspec.ValidationError` when the file breaks its own rules."""
    text = resources.files("minibank.sandbox").joinpath("catalogue.json").read_bytes()
    brands = msgspec.json.decode(text, type=_File).brands
    merchants = [
        Merchant(brand, outlet, _stable_id("merch", outlet.slug))
        for brand in brands
        for outlet in brand.outlets
    ]
    return Catalogue(
        brands={brand.slug: brand for brand in brands},
        merchants={merchant.outlet.slug: merchant for merchant in merchants},
    )


def _stable_id(prefix: str, slug: str) -> str:
    """An id that follows from the slug alone: the same in every bank, on every day."""
    drawn = int.from_bytes(hashlib.sha256(f"{prefix}:{slug}".encode()).digest())
    milliseconds = _OPENED_FROM_MS + drawn % _OPENED_SPAN_MS
    return ids.compose(
        prefix,
        at=milliseconds * 1000,
        shard=(drawn >> 64) % ids.SHARDS,
        counter=1,
        random=drawn >> 128,
    )
