"""`minibank webhooks`: an operator sees and repairs what clients are told, on both engines."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from minibank.app.books import open_books
from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.settings import Settings
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder, open_holder
from tests.support.callers import add_client
from tests.support.command_line import CommandLine
from tests.support.outbox import listen
from tests.support.sending import Answer, FakeSender, dispatcher_of, pay, run_until_idle

T = TypeVar("T")
URL = "https://app.example/hooks?key=wEXQbNaJ"


class Books:
    """A bank by the machine's clock, opened anew for each piece of work, as commands open it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.holder, self.webhook = self.do(self._begin)

    def do(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """Do something with the database."""

        async def run() -> T:
            async with open_books(Settings(database=self.url), creates=True) as db:
                return await work(db)

        return asyncio.run(run())

    @staticmethod
    async def _begin(db: Database) -> tuple[Holder, Webhook]:
        holder = await open_holder(db, 10_000)
        client = (await add_client(db)).client
        return holder, await listen(db, client.id, holder, url=URL)

    def pay(self, count: int = 1) -> None:
        """Payments that the webhook is to be told of."""
        self.do(lambda db: pay(Engine(db), self.holder, count))

    def send(self, answer: Answer = 200) -> list[int]:
        """Send what is due, to a receiver that answers so; the numbers that were sent."""

        async def work(db: Database) -> list[int]:
            sender = FakeSender(db.clock, answer)
            await run_until_idle(dispatcher_of(db, sender))
            return [one.sequence for one in sender.sent]

        return self.do(work)


@pytest.fixture
def books(database_url: str) -> Books:
    return Books(database_url)


@pytest.fixture
def cli(books: Books, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"MINIBANK_DATABASE": books.url})


def deliveries(cli: CommandLine, books: Books, *flags: str) -> list[tuple[int, str]]:
    """The numbers and states of what the webhook was told."""
    done = cli.run("webhooks", "deliveries", books.webhook.id, "--json", *flags)
    return [(one["sequence"], one["state"]) for one in done.json]


def test_webhooks_of_all_clients_are_listed_without_their_addresses(cli: CommandLine, books: Books):
    async def another(db: Database) -> Webhook:
        holder = await open_holder(db)
        client = (await add_client(db, "Another")).client
        return await listen(db, client.id, holder, url="http://[::1]:8000/secret")

    other = books.do(another)
    books.pay()
    found = {one["id"]: one for one in cli.run("webhooks", "list", "--json").json}
    assert found.keys() == {books.webhook.id, other.id}
    assert found[books.webhook.id] == {
        "id": books.webhook.id,
        "account_id": books.holder.account_id,
        "client_id": books.webhook.client_id,
        "place": "https://app.example",
        "events": ["transaction.created"],
        "retry_policy": "mondo5",
        "signature": "hmac",
        "fifo": False,
        "state": "live",
        "since": None,
        "next_sequence": 2,
    }
    table = cli.run("webhooks", "list").out
    assert "https://app.example" in table
    assert "http://[::1]" in table
    for text in (table, cli.run("webhooks", "list", "--json").out):
        assert "key=" not in text
        assert "secret" not in text
    assert URL in cli.run("webhooks", "list", "--show-url").out
    of_account = cli.run("webhooks", "list", "--account", other.account_id, "--json").json
    of_client = cli.run("webhooks", "list", "--client", other.client_id, "--json").json
    assert [one["id"] for one in of_account] == [one["id"] for one in of_client] == [other.id]
    assert cli.run("webhooks", "list", "--account", "acc_1", "--json").json == []
    cut = cli.run("webhooks", "list", "--limit", "1", "--json")
    assert (len(cut.json), "--limit" in cut.err) == (1, True)


def test_a_webhook_that_fails_says_since_when(cli: CommandLine, books: Books):
    books.pay()
    books.send(500)
    [found] = cli.run("webhooks", "list", "--json").json
    assert found["state"] == "failing"
    assert found["since"].startswith("20")
    assert "failing since 20" in cli.run("webhooks", "list").out


def test_deliveries_are_listed_with_what_came_of_them(cli: CommandLine, books: Books):
    books.pay(2)
    assert books.send(lambda claim: 410 if claim.sequence == 1 else "timeout") == [1, 2]
    books.pay()
    assert deliveries(cli, books) == [(3, "pending"), (2, "pending"), (1, "failed")]
    assert deliveries(cli, books, "--state", "pending", "--limit", "1") == [(3, "pending")]
    assert deliveries(cli, books, "--since", "1", "--before", "3") == [(2, "pending")]
    assert deliveries(cli, books, "--since", "2020-01-01", "--before", "2") == [(1, "failed")]
    assert deliveries(cli, books, "--since", "2999-01-01") == []
    third, second, first = cli.run("webhooks", "deliveries", books.webhook.id, "--json").json
    assert (first["last_status"], first["attempts"], first["next_attempt"]) == (410, 1, None)
    assert (second["last_error"], second["finished"]) == ("timeout", None)
    assert third["last_status"] is None
    lines = cli.run("webhooks", "deliveries", books.webhook.id).out.splitlines()
    assert lines[0].split("  ")[0] == "number"
    assert lines[2].split()[0] == "2"
    assert lines[2].rstrip().endswith("timeout")
    assert lines[3].rstrip().endswith("410")


def test_a_delivery_that_waits_for_those_before_it_is_shown_without_a_time(
    cli: CommandLine, books: Books
):
    client_id, holder = books.webhook.client_id, books.holder
    in_order = books.do(lambda db: listen(db, client_id, holder, url=f"{URL}&in=order", fifo=True))
    books.pay(2)
    books.send("timeout")
    waiting, tried = cli.run("webhooks", "deliveries", in_order.id, "--json").json
    assert (waiting["state"], waiting["attempts"], waiting["next_attempt"]) == ("pending", 0, None)
    assert tried["next_attempt"] is not None
    heading, second, first = cli.run("webhooks", "deliveries", in_order.id).out.splitlines()
    at = heading.index("next attempt")
    assert second[at:].strip() == ""
    assert first[at:].strip().endswith("timeout")
    assert "next attempt" not in cli.run("webhooks", "delivery", in_order.id, "2").out
    assert "next attempt" in cli.run("webhooks", "delivery", in_order.id, "1").out


def test_a_delivery_is_shown_with_what_is_sent_and_every_attempt(cli: CommandLine, books: Books):
    books.pay()
    books.send(500)
    whole = cli.run("webhooks", "delivery", books.webhook.id, "1", "--json").json
    assert whole["payload"]["data"]["id"] == whole["subject"]
    [attempt] = whole["attempts"]
    assert (attempt["attempt"], attempt["status"], attempt["response_body"]) == (1, 500, "said")
    assert attempt["request_headers"] == [["webhook-id", whole["id"]]]
    shown = cli.run("webhooks", "delivery", books.webhook.id, whole["id"]).out
    assert f'"id": "{whole["subject"]}"' in shown
    assert re.search(r"Attempt 1 at [\d: -]+: answered 500 in 0 ms", shown)
    assert f"> webhook-id: {whole['id']}" in shown
    assert "  said" in shown


def test_what_a_receiver_answered_cannot_steer_the_terminal(cli: CommandLine, books: Books):
    books.pay()
    books.send()

    async def damage(db: Database) -> None:
        await db.transact(
            lambda tx: tx.execute(
                "UPDATE delivery_attempts SET excerpt = $1, response_headers = $2 WHERE shard >= 0",
                b"one\x1b[2Jtwo [red]three",
                '[["Server", "\\u001b[31m\\u009b1m"]]',
            )
        )

    books.do(damage)
    shown = cli.run("webhooks", "delivery", books.webhook.id, "1").out
    assert "one\ufffd[2Jtwo [red]three" in shown
    assert "< Server: \ufffd[31m\ufffd1m" in shown
    assert "\x1b" not in shown


def test_one_delivery_is_sent_again(cli: CommandLine, books: Books):
    books.pay(2)
    books.send()
    done = cli.run("webhooks", "resend", books.webhook.id, "2")
    assert done.out == "1 is sent again.\n"
    assert deliveries(cli, books) == [(2, "pending"), (1, "delivered")]
    assert books.send() == [2]
    assert books.send() == []


def test_all_since_a_number_are_sent_again_page_by_page_and_not_faster_than_asked_for(
    cli: CommandLine, books: Books, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("minibank.webhooks.history.resending.RESENT_MAX", 2)
    books.pay(6)
    books.send(lambda claim: 200 if claim.sequence == 3 else 410)
    flags = ("--since", "2", "--per-second", "1", "--json")
    done = cli.run("webhooks", "resend", books.webhook.id, *flags)
    assert done.json == {"webhook_id": books.webhook.id, "resent": 4}
    told = cli.run("webhooks", "deliveries", books.webhook.id, "--state", "pending", "--json").json
    due = [one["next_attempt"] for one in reversed(told)]
    assert [one["sequence"] for one in reversed(told)] == [2, 4, 5, 6]
    assert due == sorted(due)
    seconds = [int(one[17:19]) for one in due]
    # Each page is a unit of work with an instant of its own, so a later one is due no earlier.
    after = [(one - seconds[0]) % 60 for one in seconds]
    assert all(one >= place for place, one in enumerate(after))


def test_all_is_everything_that_has_ended(cli: CommandLine, books: Books):
    books.pay(3)
    books.send(lambda claim: 410 if claim.sequence == 1 else 200)
    done = cli.run("webhooks", "resend", books.webhook.id, "--since", "2020-01-01")
    assert done.out == "1 is sent again.\n"
    done = cli.run("webhooks", "resend", books.webhook.id, "--since", "1", "--state", "all")
    assert done.out == "2 are sent again.\n"
    done = cli.run("webhooks", "resend", books.webhook.id, "--since", "4", "--state", "all")
    assert done.out == "0 are sent again.\n"


def test_a_test_event_is_sent_and_may_be_looked_at(cli: CommandLine, books: Books):
    books.pay()
    told = cli.run("webhooks", "test", books.webhook.id, "--json").json
    assert (told["sequence"], told["event"], told["state"]) == (2, "webhook.test", "pending")
    assert books.send() == [1, 2]
    shown = cli.run("webhooks", "delivery", books.webhook.id, told["id"], "--json").json
    assert shown["payload"]["data"]["webhook_id"] == books.webhook.id
    assert (shown["state"], shown["last_status"]) == ("delivered", 200)
    assert "number 3, is to be sent" in cli.run("webhooks", "test", books.webhook.id).out


def test_a_test_for_a_webhook_that_was_given_up_says_that_it_is_not_sent(
    cli: CommandLine, books: Books
):
    async def give_up(db: Database) -> None:
        sql = "UPDATE webhooks SET disabled_at = 1 WHERE shard >= 0"
        await db.transact(lambda tx: tx.execute(sql))

    books.do(give_up)
    assert "gave this webhook up" in cli.run("webhooks", "test", books.webhook.id).out
    assert "disabled since 1970" in cli.run("webhooks", "list").out
    resent = cli.run("webhooks", "resend", books.webhook.id, "--since", "1", "--state", "all")
    assert resent.out == "1 is sent again.\n"
    assert [one["state"] for one in cli.run("webhooks", "list", "--json").json] == ["live"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["deliveries", "webhook_1"], 1, "no such webhook"),
        (["delivery", "{webhook}", "99"], 1, "no such delivery"),
        (["delivery", "{webhook}", "9223372036854775807"], 1, "no such delivery"),
        (["delivery", "{webhook}", "delivery_1"], 1, "no such delivery"),
        (["delivery", "{webhook}", "first"], 1, "'delivery' must be the number"),
        (["deliveries", "{webhook}", "--state", "lost"], 1, "'state' must be among"),
        (["deliveries", "{webhook}", "--since", "soon"], 1, "'since' must be the number"),
        (["resend", "{webhook}"], 2, "--since"),
        (["resend", "{webhook}", "1", "--since", "1"], 2, "not both"),
        (["resend", "{webhook}", "--since", "1", "--state", "pending"], 1, "'state' must be"),
        (["resend", "{webhook}", "--since", "1", "--per-second", "101"], 2, "--per-second"),
        (["resend", "{webhook}", "99"], 1, "no such delivery"),
        (["test", "webhook_0000BBSdksRf5r3sp0eJnF"], 1, "no such webhook"),
    ],
)
def test_what_there_is_not_is_named(
    cli: CommandLine, books: Books, arguments: list[str], status: int, words: str
):
    filled = [one.format(webhook=books.webhook.id) for one in arguments]
    done = cli.try_("webhooks", *filled)
    assert (done.status, done.out) == (status, "")
    assert words in done.err
