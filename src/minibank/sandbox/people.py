"""Who lives in the simulated world: invented people, their accounts and their cards.

Their e-mail addresses lie in the domains that RFC 2606 reserves for examples.
"""

from typing import Literal

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A customer to be."""

    slug: str
    name: str
    email: str


class AccountPlan(msgspec.Struct, frozen=True, kw_only=True):
    """An account to be opened; the first owner is the one whose cards and orders come first."""

    slug: str
    type: Literal["uk_retail", "uk_retail_joint"]
    owners: tuple[str, ...]


class CardPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A card to be issued to a holder on an account."""

    slug: str
    account: str
    holder: str
    state: Literal["active", "inactive", "blocked"] = "active"


class PotPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A pot to be opened in an account; `goal` in pence.

    `lock` says how it is locked: for so many days from the beginning of history, or `security`.
    """

    slug: str
    account: str
    name: str
    style: str
    goal: int | None = None
    lock: int | Literal["security"] | None = None


class World(msgspec.Struct, frozen=True, kw_only=True):
    """The ids that the bank gave: of people, accounts, cards and pots, by slug."""

    users: dict[str, str]
    accounts: dict[str, str]
    cards: dict[str, str]
    pots: dict[str, str]


# Maya works in London and has one account. Priya and Tom share a home in Bristol and an account
# for it; Priya travels. Eliot has just opened an account and not used it.
PEOPLE = (
    Person(slug="maya", name="Maya Thornbury", email="maya.thornbury@example.com"),
    Person(slug="priya", name="Priya Raman", email="priya.raman@example.org"),
    Person(slug="tom", name="Tom Ellery", email="tom.ellery@example.org"),
    Person(slug="eliot", name="Eliot Marsh", email="eliot.marsh@example.net"),
)

ACCOUNTS = (
    AccountPlan(slug="maya", type="uk_retail", owners=("maya",)),
    AccountPlan(slug="priya", type="uk_retail", owners=("priya",)),
    AccountPlan(slug="tom", type="uk_retail", owners=("tom",)),
    AccountPlan(slug="home", type="uk_retail_joint", owners=("priya", "tom")),
    AccountPlan(slug="eliot", type="uk_retail", owners=("eliot",)),
)

# Maya reported a card lost and never had to activate the spare one.
CARDS = (
    CardPlan(slug="maya", account="maya", holder="maya"),
    CardPlan(slug="maya-lost", account="maya", holder="maya", state="blocked"),
    CardPlan(slug="maya-spare", account="maya", holder="maya", state="inactive"),
    CardPlan(slug="priya", account="priya", holder="priya"),
    CardPlan(slug="tom", account="tom", holder="tom"),
    CardPlan(slug="home-priya", account="home", holder="priya"),
    CardPlan(slug="home-tom", account="home", holder="tom"),
    CardPlan(slug="eliot", account="eliot", holder="eliot", state="inactive"),
)

# Maya's bicycle was a passing fancy; Tom has promised himself not to touch his guitar.
POTS = (
    PotPlan(slug="holiday", account="maya", name="Holiday", style="beach_ball", goal=1_500_00),
    PotPlan(slug="rainy-day", account="maya", name="Rainy day", style="umbrella", lock="security"),
    PotPlan(slug="bicycle", account="maya", name="Bicycle", style="bicycle", goal=900_00),
    PotPlan(slug="birthdays", account="priya", name="Birthdays", style="gift"),
    PotPlan(slug="guitar", account="tom", name="Guitar", style="guitar", goal=800_00, lock=550),
    PotPlan(slug="kitchen", account="home", name="New kitchen", style="house", goal=6_000_00),
)
