"""Traffic: commands of every type at random, on a few accounts that everybody shares."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from minibank.core.errors import BankError
from minibank.payments.commands import Command, Outcome
from minibank.payments.engine import Engine
from tests.support.banking import Holder, Orders

AMOUNT_MAX = 400


class Traffic:
    """Draws commands from a seed; whoever runs them tells it which authorisations there are.

    Every command is legal in form; many are declined or refused, as is some of real life.
    """

    def __init__(
        self,
        holders: Sequence[Holder],
        seed: int,
        issuer: str = "scheme",
        hold_seconds: Sequence[int] = (),
        pots: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """With `hold_seconds` each authorisation holds for one of them, else as the bank wants.

        `pots` has by account the pot into which money is moved, and out of it.
        """
        self.orders = Orders(f"{issuer}-{seed}")
        self._hold_seconds = hold_seconds
        self._pots = pots
        self.answers: list[Outcome | BankError] = []
        self._holders = holders
        self._random = random.Random(seed)
        self._authorised: list[tuple[Holder, str]] = []
        self._sent: list[Command] = []

    @property
    def verbs(self) -> dict[str, Callable[[], Command]]:
        """A draw of each type of command, and of a repeat."""
        return {
            "top_up": lambda: self.orders.top_up(self._holder(), self._amount()),
            "receive": lambda: self.orders.receive(self._holder(), self._amount()),
            "send": lambda: self.orders.send(self._holder(), self._amount()),
            "between": self._between,
            "authorise": self._authorise,
            "increment": lambda: self.orders.increment(*self._authorisation(), self._amount()),
            "reverse": lambda: self.orders.reverse(
                *self._authorisation(), self._random.choice((None, self._amount()))
            ),
            "expire": lambda: self.orders.expire(*self._authorisation()),
            "present": self._present,
            "refund": lambda: self.orders.refund(self._holder(), self._amount()),
            "repeat": self._repeat,
        } | self._pot_verbs

    @property
    def _pot_verbs(self) -> dict[str, Callable[[], Command]]:
        if not self._pots:
            return {}
        return {
            "deposit": lambda: self.orders.deposit(*self._pot(), self._amount()),
            "withdraw": lambda: self.orders.withdraw(*self._pot(), self._amount()),
        }

    def draw(self, verb: str = "") -> Command:
        """A command: of this type, or of any."""
        verbs = self.verbs
        command = verbs[verb or self._random.choice(list(verbs))]()
        self._sent.append(command)
        return command

    async def send(self, engine: Engine, command: Command) -> Outcome | BankError:
        """Execute a command and learn from its answer."""
        try:
            answer: Outcome | BankError = await engine.execute(command)
        except BankError as refusal:
            answer = refusal
        self.answers.append(answer)
        if isinstance(answer, Outcome) and answer.authorisation_id:
            self.learn(command.account_id, answer.authorisation_id)
        return answer

    def learn(self, account_id: str, authorisation_id: str) -> None:
        """Know of an authorisation from now on."""
        [holder] = [one for one in self._holders if one.account_id == account_id]
        if (holder, authorisation_id) not in self._authorised:
            self._authorised.append((holder, authorisation_id))

    async def run(self, engine: Engine, *, rounds: int, at_once: int) -> None:
        """So many rounds of so many commands side by side."""
        for _ in range(rounds):
            drawn = [self.draw() for _ in range(at_once)]
            await asyncio.gather(*(self.send(engine, command) for command in drawn))

    def _holder(self) -> Holder:
        return self._random.choice(self._holders)

    def _pot(self) -> tuple[Holder, str]:
        holder = self._holder()
        return holder, self._pots[holder.account_id]

    def _amount(self) -> int:
        return self._random.randint(1, AMOUNT_MAX)

    def _authorisation(self) -> tuple[Holder, str]:
        """One of those known, rather a recent one; or one that nobody has heard of."""
        if not self._authorised:
            return self._holder(), "auth_nothing"
        return self._random.choice(self._authorised[-10:])

    def _authorise(self) -> Command:
        more = (
            {"hold_seconds": self._random.choice(self._hold_seconds)} if self._hold_seconds else {}
        )
        return self.orders.authorise(self._holder(), self._amount() - 1, **more)

    def _between(self) -> Command:
        payer, payee = self._random.sample(self._holders, 2)
        return self.orders.between(payer, payee, self._amount())

    def _present(self) -> Command:
        if self._random.random() < 0.3:
            return self.orders.present(self._holder(), self._amount())
        holder, authorisation_id = self._authorisation()
        return self.orders.present(holder, self._amount(), authorisation_id)

    def _repeat(self) -> Command:
        return self._random.choice(self._sent) if self._sent else self.draw("top_up")
