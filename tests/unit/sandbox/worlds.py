"""A bank in memory: the engine's own rules over accounts that no database holds."""

from dataclasses import dataclass, field

from minibank.core.ids import SeededIds, compose
from minibank.payments.commands import Command, Outcome
from minibank.payments.decide import decide_all
from minibank.payments.picture import Account, Card, Owner, Picture
from minibank.payments.prepared import prepare
from minibank.pots.records import Pot
from minibank.sandbox.catalogue import read_catalogue
from minibank.sandbox.history import history, resolve
from minibank.sandbox.people import ACCOUNTS, CARDS, PEOPLE, POTS, World
from minibank.transactions.records import TransactionRecord

SHARD = 7


def make_world() -> World:
    """Ids for everybody and everything, as a bank might give them."""
    return World(
        users={one.slug: compose("user", 0, SHARD, n, n) for n, one in enumerate(PEOPLE)},
        accounts={one.slug: compose("acc", 0, SHARD, n, n) for n, one in enumerate(ACCOUNTS)},
        cards={one.slug: compose("card", 0, SHARD, n, n) for n, one in enumerate(CARDS)},
        pots={one.slug: compose("pot", 0, SHARD, n, n) for n, one in enumerate(POTS)},
    )


def make_picture(world: World, now: int) -> Picture:
    """What the engine would gather of a new bank."""
    picture = Picture(now, 7 * 86_400, {})
    for account in ACCOUNTS:
        account_id = world.accounts[account.slug]
        picture.accounts[account_id] = Account(
            shard=SHARD,
            id=account_id,
            state="open",
            currency="GBP",
            sort_code="000000",
            account_number="00000000",
            booked=0,
            held=0,
            overdraft_limit=0,
            last_created_at=0,
            chain_length=0,
            chain_head=b"",
        )
        picture.owners[account_id] = [Owner(world.users[one], one) for one in account.owners]
    for card in CARDS:
        card_id = world.cards[card.slug]
        account_id, user_id = world.accounts[card.account], world.users[card.holder]
        picture.cards[card_id] = Card(card_id, account_id, user_id, card.state, 2**62)
    for pot in POTS:
        pot_id, account_id = world.pots[pot.slug], world.accounts[pot.account]
        picture.pots[pot_id] = Pot(
            shard=SHARD, id=pot_id, account_id=account_id, name=pot.name, created_at=0, updated_at=0
        )
    for merchant in read_catalogue().merchants.values():
        picture.merchants[merchant.id] = merchant.brand.category
    return picture


@dataclass
class Lived:
    """A world after its history: the outcome of each command, balances along the way."""

    commands: list[Command]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    balances: dict[str, list[int]] = field(default_factory=dict)
    transactions: dict[str, list[TransactionRecord]] = field(default_factory=dict)


def live_through(seed: str, now: int) -> Lived:
    """Let the engine decide a whole history; a command that it raises for is an error."""
    world = make_world()
    picture = make_picture(world, now)
    lived = Lived(list(history(seed, now, world)))
    lived.balances = {slug: [] for slug in world.accounts}
    for command in lived.commands:
        (answer,) = decide_all(
            [prepare(resolve(command, lived.outcomes))], picture, SeededIds(seed)
        )
        assert isinstance(answer, Outcome), (command, answer)
        lived.outcomes[command.id] = answer
        for slug, account_id in world.accounts.items():
            lived.balances[slug].append(picture.accounts[account_id].available)
    for slug, account_id in world.accounts.items():
        lived.transactions[slug] = [
            one for one in picture.written.new_transactions.values() if one.account_id == account_id
        ]
    return lived
