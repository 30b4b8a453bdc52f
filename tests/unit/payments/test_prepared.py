"""Commands made ready: what can be stored, and what counts as the same content."""

from typing import Any

import msgspec
import pytest

from minibank.core.errors import BadParam, BadRequest, NotFound
from minibank.payments.commands import Command, TopUp
from minibank.payments.prepared import COMMAND_BYTES_MAX, NAME_MAX, prepare
from tests.support.banking import Holder, Orders

ADA = Holder("acc_0000B3wV5n0FxAjLRtSlPc", "card_0000B3wV5n0FxAjLRtSlPd", ("user_",))
orders = Orders()


def test_the_size_is_that_of_the_canonical_form() -> None:
    command = orders.top_up(ADA, 1, description="é")
    assert prepare(command).size == len(msgspec.json.encode(command))


def test_equal_commands_have_equal_digests_and_others_do_not() -> None:
    one = orders.authorise(ADA, 1, metadata={"a": "1", "b": "2"})
    same = msgspec.structs.replace(one, metadata={"b": "2", "a": "1"})
    assert prepare(one).digest == prepare(same).digest
    others: list[dict[str, Any]] = [
        *({"amount": 2}, {"metadata": {}}, {"cvc_ok": True}, {"local_currency": "EUR"})
    ]
    for other in others:
        assert prepare(msgspec.structs.replace(one, **other)).digest != prepare(one).digest


class LaterTopUp(TopUp, frozen=True, kw_only=True, tag="top_up"):
    """The top-up as a later version may have it."""

    fee: int = 0


def test_a_field_that_a_later_version_adds_does_not_change_what_a_command_is() -> None:
    command = orders.top_up(ADA, 100, id="same")
    later = LaterTopUp(**{name: getattr(command, name) for name in command.__struct_fields__})
    assert prepare(later).digest == prepare(command).digest
    charged = msgspec.structs.replace(later, fee=1)
    assert prepare(charged).digest != prepare(command).digest


@pytest.mark.parametrize(
    "text",
    ["a\0b", "\0", "\\\0", "\ud800", "ok \udfff"],
    ids=["nul", "only", "slash", "high", "low"],
)
def test_text_that_no_row_can_hold_is_refused_wherever_it_is(text: str) -> None:
    commands: list[Command] = [
        orders.top_up(ADA, 1, description=text),
        orders.top_up(ADA, 1, id=text),
        orders.top_up(ADA, 1, issuer=text),
        orders.authorise(ADA, 1, metadata={text: "value"}),
        orders.authorise(ADA, 1, metadata={"key": text}),
        orders.authorise(ADA, 1, merchant_id=text),
        orders.between(ADA, ADA, 1, payee_account_id=text),
        orders.send(ADA, 1, counterparty={"name": text}),
    ]
    for command in commands:
        with pytest.raises(BadRequest) as refusal:
            prepare(command)
        assert refusal.value.code == "bad_request.bad_command"


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "u0000", "\x01", "é", "\U0001f41a", '"'])
def test_text_that_only_looks_like_it_is_accepted(text: str) -> None:
    assert prepare(orders.top_up(ADA, 1, description=text)).size


def test_a_command_of_an_account_that_cannot_exist_is_not_found() -> None:
    for account_id in ("", "acc_1", "acc_" + "z" * 22, "acc_0000000000000000000é00"):
        with pytest.raises(NotFound):
            prepare(orders.top_up(ADA, 1, account_id=account_id))


def test_a_command_has_a_largest_size() -> None:
    room = COMMAND_BYTES_MAX - prepare(orders.top_up(ADA, 1, id="x", description="")).size
    assert prepare(orders.top_up(ADA, 1, id="x", description="d" * room)).size == COMMAND_BYTES_MAX
    with pytest.raises(BadParam, match="larger than"):
        prepare(orders.top_up(ADA, 1, id="x", description="d" * (room + 1)))


@pytest.mark.parametrize("name", ["id", "issuer"])
def test_what_is_part_of_a_key_has_a_length(name: str) -> None:
    prepare(orders.top_up(ADA, 1, **{name: "é" * NAME_MAX}))
    for wrong in ("", "e" * (NAME_MAX + 1)):
        with pytest.raises(BadParam, match=f"'{name}'"):
            prepare(orders.top_up(ADA, 1, **{name: wrong}))


def test_a_number_too_long_to_write_down_is_refused() -> None:
    with pytest.raises(BadRequest):
        prepare(orders.top_up(ADA, 10**5000))
