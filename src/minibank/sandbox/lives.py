"""How the people live: what they do again and again, as data.

Amounts are pence. `per_hundred` is how often a habit happens on a hundred of the days it is for.
"""

from typing import Literal

import msgspec

Days = Literal["office", "workday", "weekend", "any"]


class Habit(msgspec.Struct, frozen=True, kw_only=True):
    """Going somewhere by card now and then, between two hours of the day.

    `amounts` stands in for the brand's usual prices; `tip` means a part of the bills gets one;
    with several `cards` a different one is taken each time.
    """

    cards: tuple[str, ...]
    brand: str
    city: str | None = None
    days: Days
    per_hundred: int
    hours: tuple[int, int]
    amounts: tuple[int, ...] = ()
    tip: bool = False


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """Paid by card on one day of each month; the amount is fixed, or the brand's usual range."""

    card: str
    brand: str
    day: int
    amount: int | None = None


class StandingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Sent to another bank on one day of each month."""

    account: str
    day: int
    amount: int
    name: str
    number: str
    description: str
    scheme: str = "bacs"


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Paid from one account of this bank to another on the first of each month."""

    payer: str
    payee: str
    sender: str
    amount: int
    description: str


class Salary(msgspec.Struct, frozen=True, kw_only=True):
    """Received on the last working day of each month."""

    account: str
    employer: str
    number: str
    amount: int
    description: str


class Savings(msgspec.Struct, frozen=True, kw_only=True):
    """Where an account's spare money goes, at another bank, and how much is left as a cushion."""

    account: str
    name: str
    number: str
    cushion: tuple[int, int]


class PotHabit(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into a pot on one day of each month, and what of it comes out again.

    `takes` are days of history with the share of the pot, in a hundred, that is taken out on each;
    `ends_after` is the day on which the pot is deleted.
    """

    pot: str
    saver: str
    day: int
    amount: int
    takes: tuple[tuple[int, int], ...] = ()
    ends_after: int | None = None


POT_HABITS = (
    PotHabit(pot="holiday", saver="maya", day=5, amount=60_00, takes=((196, 100), (320, 40))),
    PotHabit(pot="rainy-day", saver="maya", day=20, amount=25_00),
    PotHabit(pot="bicycle", saver="maya", day=12, amount=40_00, ends_after=160),
    PotHabit(pot="birthdays", saver="priya", day=7, amount=20_00, takes=((130, 50), (255, 75))),
    PotHabit(pot="guitar", saver="tom", day=3, amount=35_00),
    PotHabit(pot="kitchen", saver="priya", day=9, amount=90_00),
    PotHabit(pot="kitchen", saver="tom", day=19, amount=45_00),
)

SORT_CODE = "000417"
"""The sort code of every other bank in the simulated world."""

SALARIES = (
    Salary(
        account="maya",
        employer="Larkspindle Studio Ltd",
        number="20114873",
        amount=2_895_40,
        description="LARKSPINDLE STUDIO SALARY",
    ),
    Salary(
        account="priya",
        employer="Quillmark Advisory LLP",
        number="41779025",
        amount=3_640_75,
        description="QUILLMARK ADVISORY PAY",
    ),
    Salary(
        account="tom",
        employer="Severnside Timber Works",
        number="30665118",
        amount=2_512_15,
        description="SEVERNSIDE TIMBER WAGES",
    ),
)

SHARES = (
    Share(payer="priya", payee="home", sender="priya", amount=1_350_00, description="Household"),
    Share(payer="tom", payee="home", sender="tom", amount=1_100_00, description="Our home"),
)

STANDING_ORDERS = (
    StandingOrder(
        account="maya",
        day=1,
        amount=985_00,
        name="Ostrander Quayle Lettings",
        number="55120984",
        description="RENT FLAT 4",
        scheme="payport_faster_payments",
    ),
    StandingOrder(
        account="maya",
        day=3,
        amount=112_00,
        name="Lanternwick Council",
        number="70003311",
        description="LANTERNWICK COUNCIL TAX",
    ),
    StandingOrder(
        account="home",
        day=2,
        amount=1_180_00,
        name="Pellmere Building Society",
        number="61208840",
        description="PELLMERE MORTGAGE 88213",
    ),
    StandingOrder(
        account="home",
        day=4,
        amount=164_00,
        name="Avonbridge Council",
        number="70009926",
        description="AVONBRIDGE COUNCIL TAX",
    ),
)

SAVINGS = (
    Savings(account="maya", name="Maya Thornbury", number="88104527", cushion=(14_000, 42_000)),
    Savings(account="priya", name="Priya Raman", number="88371960", cushion=(25_000, 70_000)),
    Savings(account="tom", name="Tom Ellery", number="88240073", cushion=(12_000, 36_000)),
    Savings(account="home", name="Raman & Ellery", number="88512209", cushion=(20_000, 45_000)),
)

SUBSCRIPTIONS = (
    Subscription(card="maya", brand="ironquill-gym", day=2),
    Subscription(card="maya", brand="glimmerstream", day=5),
    Subscription(card="maya", brand="gustwater-energy", day=8),
    Subscription(card="maya", brand="tunequay", day=11),
    Subscription(card="maya", brand="rillbrook-water", day=12, amount=31_40),
    Subscription(card="maya", brand="hummingwire", day=15, amount=31_99),
    Subscription(card="maya", brand="aldermark", day=17, amount=14_50),
    Subscription(card="maya", brand="pebblecell", day=19, amount=14_00),
    Subscription(card="maya", brand="readmarrow", day=22),
    Subscription(card="maya", brand="hedgepig-rescue", day=25, amount=10_00),
    Subscription(card="maya", brand="cloudharrow", day=27, amount=8_40),
    Subscription(card="priya", brand="readmarrow", day=6),
    Subscription(card="priya", brand="tunequay", day=9),
    Subscription(card="priya", brand="pebblecell", day=20, amount=21_00),
    Subscription(card="tom", brand="pebblecell", day=13, amount=12_00),
    Subscription(card="tom", brand="tunequay", day=18),
    Subscription(card="home-priya", brand="gustwater-energy", day=7),
    Subscription(card="home-priya", brand="rillbrook-water", day=10, amount=37_20),
    Subscription(card="home-tom", brand="hummingwire", day=14, amount=34_99),
    Subscription(card="home-tom", brand="aldermark", day=16, amount=38_60),
    Subscription(card="home-priya", brand="glimmerstream", day=23),
)


def _habit(cards: str, brand: str, days: Days, per_hundred: int, hours: tuple[int, int]) -> Habit:
    """A habit from one line of the tables below; `brand@City` names the city, `*` a tip."""
    tip = brand.endswith("*")
    slug, _, city = brand.rstrip("*").partition("@")
    return Habit(
        cards=tuple(cards.split()),
        brand=slug,
        city=city or None,
        days=days,
        per_hundred=per_hundred,
        hours=hours,
        amounts=_FARES.get(slug, ()),
        tip=tip,
    )


_FARES = {"rivertide-transit": (280, 280, 340), "parkwisp": (180, 320, 450, 680)}

_MAYA = (
    _habit("maya", "rivertide-transit", "office", 98, (7, 9)),
    _habit("maya", "rivertide-transit", "office", 96, (17, 19)),
    _habit("maya", "rivertide-transit", "weekend", 40, (11, 22)),
    _habit("maya", "kettle-and-moth@London", "office", 44, (8, 10)),
    _habit("maya", "loafwright@London", "weekend", 34, (9, 12)),
    _habit("maya", "kettle-and-moth@London", "weekend", 20, (10, 16)),
    _habit("maya", "sandwich-semaphore@London", "office", 46, (12, 14)),
    _habit("maya", "hartwold@London", "weekend", 46, (10, 18)),
    _habit("maya", "pippinfield@London", "workday", 28, (18, 21)),
    _habit("maya", "marrowby@London", "weekend", 14, (10, 13)),
    _habit("maya", "pickled-astronomer", "workday", 8, (17, 22)),
    _habit("maya", "pickled-astronomer", "weekend", 22, (18, 23)),
    _habit("maya", "noodle-parliament@London", "workday", 6, (18, 21)),
    _habit("maya", "dough-meridian@London*", "weekend", 12, (18, 21)),
    _habit("maya", "saffron-orrery*", "weekend", 10, (19, 22)),
    _habit("maya", "taqueria-zanfona", "weekend", 10, (13, 21)),
    _habit("maya", "gilded-spatula*", "weekend", 16, (10, 13)),
    _habit("maya", "ember-and-rind*", "weekend", 3, (19, 22)),
    _habit("maya", "munchlark", "any", 8, (18, 22)),
    _habit("maya", "cabwren", "weekend", 20, (21, 24)),
    _habit("maya", "zephyrwheel", "weekend", 12, (10, 19)),
    _habit("maya", "parcelmoth", "any", 8, (8, 23)),
    _habit("maya", "wrenbasket", "any", 2, (19, 23)),
    _habit("maya", "threadwick@London", "weekend", 7, (11, 18)),
    _habit("maya", "inkhollow@London", "weekend", 8, (11, 18)),
    _habit("maya", "myrtlefoam", "any", 2, (12, 19)),
    _habit("maya", "petalsmith", "weekend", 5, (10, 16)),
    _habit("maya", "wellthorne@London", "any", 4, (9, 19)),
    _habit("maya", "snipsworth@London", "weekend", 6, (10, 17)),
    _habit("maya", "suds-and-sparrow", "weekend", 7, (9, 17)),
    _habit("maya", "lumenhall@London", "weekend", 11, (17, 21)),
    _habit("maya", "wanderloom", "weekend", 2, (17, 20)),
    _habit("maya", "copperjar-cash@London", "any", 4, (9, 22)),
    _habit("maya", "printwhistle", "workday", 2, (9, 17)),
)

_PRIYA = (
    _habit("priya", "kettle-and-moth@Bristol", "workday", 46, (8, 10)),
    _habit("priya", "sandwich-semaphore@Bristol", "workday", 32, (12, 14)),
    _habit("priya", "loafwright@Bristol", "weekend", 42, (9, 12)),
    _habit("priya", "ravenmoor-railways", "office", 16, (6, 8)),
    _habit("priya", "cabwren", "workday", 5, (18, 23)),
    _habit("priya", "basil-foundry*", "workday", 4, (18, 21)),
    _habit("priya", "wellthorne@Bristol", "any", 4, (9, 19)),
    _habit("priya", "parcelmoth", "any", 7, (8, 23)),
    _habit("priya", "wrenbasket", "any", 5, (19, 23)),
    _habit("priya", "fernpotter", "weekend", 7, (10, 16)),
    _habit("priya", "velvet-anvil", "weekend", 6, (18, 20)),
    _habit("priya", "reluctant-otter", "weekend", 14, (17, 22)),
    _habit("priya", "copperjar-cash@Bristol", "any", 2, (9, 20)),
    _habit("priya", "pelicarry", "workday", 2, (9, 17)),
)

_TOM = (
    _habit("tom", "kettle-and-moth@Bristol", "workday", 24, (7, 9)),
    _habit("tom", "sandwich-semaphore@Bristol", "workday", 40, (12, 14)),
    _habit("tom", "parkwisp", "workday", 28, (8, 11)),
    _habit("tom", "parkwisp", "weekend", 24, (10, 16)),
    _habit("tom", "cobbledray", "workday", 22, (16, 19)),
    _habit("tom", "reluctant-otter", "workday", 9, (17, 22)),
    _habit("tom", "reluctant-otter", "weekend", 26, (16, 23)),
    _habit("tom", "pixelbarn", "any", 3, (19, 23)),
    _habit("tom", "velvet-anvil", "weekend", 8, (18, 20)),
    _habit("tom", "parcelmoth", "any", 5, (8, 23)),
    _habit("tom", "copperjar-cash@Bristol", "any", 5, (9, 20)),
    _habit("tom", "wellthorne@Bristol", "any", 2, (9, 19)),
)

_HOME = (
    _habit("home-priya home-tom", "hartwold@Bristol", "weekend", 48, (9, 18)),
    _habit("home-priya home-tom", "pippinfield@Bristol", "any", 34, (8, 21)),
    _habit("home-priya home-tom", "cobbledray", "any", 14, (8, 21)),
    _habit("home-priya home-tom", "basil-foundry*", "weekend", 12, (18, 21)),
    _habit("home-priya home-tom", "munchlark", "any", 7, (18, 22)),
    _habit("home-priya home-tom", "loafwright@Bristol", "weekend", 22, (9, 12)),
    _habit("home-priya home-tom", "hearthwhistle@Bristol", "weekend", 5, (11, 17)),
    _habit("home-tom", "fernpotter", "weekend", 6, (10, 16)),
    _habit("home-priya", "parcelmoth", "any", 4, (8, 23)),
    _habit("home-priya home-tom", "pebblewick", "weekend", 1, (19, 22)),
)

HABITS = _MAYA + _PRIYA + _TOM + _HOME

WHO_GOES = {
    "maya": "maya",
    "priya": "priya",
    "tom": "tom",
    "home-priya": "priya",
    "home-tom": "tom",
}
"""Which person uses a card; nobody uses one at home while away."""
