"""A pot as clients read it."""

import msgspec
import pytest

from minibank.pots.records import Pot
from minibank.pots.wire import show_pot
from tests.conftest import NOON

POT = Pot(
    shard=1,
    id="pot_1",
    account_id="acc_1",
    name="Holiday",
    style="beach_ball",
    balance=133_700,
    created_at=NOON,
    updated_at=NOON + 1_500_000,
)


def test_every_key_is_there_and_nothing_is_null_but_the_round_up_multiplier() -> None:
    shown = msgspec.to_builtins(show_pot(POT, "GBP", NOON))
    assert shown == {
        "id": "pot_1",
        "name": "Holiday",
        "style": "beach_ball",
        "balance": 133_700,
        "currency": "GBP",
        "type": "default",
        "product_id": "default",
        "current_account_id": "acc_1",
        "cover_image_url": "",
        "isa_wrapper": "",
        "round_up": False,
        "round_up_multiplier": None,
        "is_tax_pot": False,
        "created": "2026-03-10T12:00:00.000Z",
        "updated": "2026-03-10T12:00:01.500Z",
        "deleted": False,
        "locked": False,
        "charity_id": "",
        "available_for_bills": False,
        "has_virtual_cards": False,
        "assigned_permissions": [],
    }


def test_a_goal_is_there_only_when_it_is_set() -> None:
    with_goal = msgspec.structs.replace(POT, goal_amount=200_000)
    assert msgspec.to_builtins(show_pot(with_goal, "GBP", NOON))["goal_amount"] == 200_000


@pytest.mark.parametrize(
    ("lock", "shown"),
    [
        ({"lock_type": "added_security"}, {"locked": True, "lock_type": "added_security"}),
        (
            {"lock_type": "until_date", "locked_until": NOON + 1_000_000},
            {
                "locked": True,
                "lock_type": "until_date",
                "locked_until": "2026-03-10T12:00:01.000Z",
            },
        ),
        ({"lock_type": "until_date", "locked_until": NOON}, {"locked": False}),
    ],
)
def test_a_lock_is_told_while_it_lasts(lock: dict[str, object], shown: dict[str, object]) -> None:
    pot = msgspec.to_builtins(show_pot(msgspec.structs.replace(POT, **lock), "GBP", NOON))
    assert {name: pot[name] for name in ("locked", "lock_type", "locked_until") if name in pot} == (
        shown
    )


def test_a_deleted_pot_says_so() -> None:
    gone = msgspec.structs.replace(POT, balance=0, deleted_at=NOON)
    assert msgspec.to_builtins(show_pot(gone, "GBP", NOON))["deleted"] is True
