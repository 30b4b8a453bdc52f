"""Limits on how much one address, client or user may ask of this process.

An address is judged before anything is read. Who is behind a token takes a query to learn, so what
was learned is remembered, and from the second request on a client and its user are judged before
the database is asked. The first request with a token is counted once its caller is known.

All of it is in this process's memory: each process allows the whole of every limit.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from minibank.api.answers import Headers
from minibank.api.rates import Buckets, Policy, Standing
from minibank.api.turns import Turns
from minibank.core.addresses import network_of
from minibank.core.clock import Clock
from minibank.core.errors import RateLimited, Unauthorized
from minibank.oauth.callers import Caller
from minibank.oauth.secrets import ParsedToken
from minibank.settings import Settings

T = TypeVar("T")

EXEMPT = frozenset({("healthz",), ("readyz",)})
"""Paths that are always answered: whoever looks after the process must not lose sight of it."""

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path


class _Known(Struct, frozen=True):
    """Who is behind a token: a client, and a user through it.

    No client can use up what a user may do through others.
    """

    client_id: str
    user: str

    @classmethod
    def of(cls, caller: Caller) -> "_Known":
        return cls(caller.client_id, f"{caller.client_id} {caller.user_id}")


class Limits:
    """The limits of one process and what they remember."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        def buckets(name: str, quota: int) -> Buckets | None:
            return Buckets(Policy(name, quota), settings.rate_subjects_max) if quota else None

        self.clock = clock
        self.addresses = buckets("address", settings.rate_address_per_minute)
        self.token_addresses = buckets("token", settings.rate_token_address_per_minute)
        self.clients = buckets("client", settings.rate_client_per_minute)
        self.users = buckets("user", settings.rate_user_per_minute)
        most = settings.client_requests_max
        self.turns = Turns(most, settings.client_waiting_max) if most else None
        self.knows_callers = bool(self.clients or self.users or self.turns)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._known_max = settings.rate_subjects_max

    def find(self, digest: bytes) -> _Known | None:
        """Who is behind a token, if that was learned."""
        return self._known.get(digest)

    def learn(self, digest: bytes, known: _Known) -> None:
        """Remember who is behind a token; of too many the longest unused is forgotten."""
        self._known[digest] = known
        self._known.move_to_end(digest)
        if len(self._known) > self._known_max:
            self._known.popitem(last=False)

    def forget(self, digest: bytes) -> None:
        """The token no longer works: whoever sends it must not spend what is its client's."""
        self._known.pop(digest, None)


class Meter:
    """One request as the limits see it, and where its sender stands after it."""

    def __init__(self, limits: Limits, address: str) -> None:
        self._limits = limits
        # Without an address (a caller within the process) there is nobody to tell from others.
        self._network = network_of(address) if address else ""
        self._standings: list[Standing] = []
        self._caller: Caller | None = None

    def enter(self) -> None:
        """Count the request for its address; `RateLimited` when that had too many."""
        if self._network:
            self._take(self._limits.addresses, self._network)

    def enter_token_endpoint(self) -> None:
        """Count a request for a token as well: each may cost the work of checking a password."""
        if self._network:
            self._take(self._limits.token_addresses, self._network, "temporarily_unavailable")

    def note_caller(self, caller: Caller) -> None:
        """Say who is behind the token of this request.

        May be said again when a unit of work is: it counts once.
        """
        self._caller = caller

    async def in_turn(self, parsed: ParsedToken | None, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work of a request with this token when it is its client's turn.

        Raises `RateLimited` when the client or the user had too many, or too many wait.
        """
        limits = self._limits
        if parsed is None or not limits.knows_callers:
            # What is no token is refused by the work, without a query.
            return await work()
        known = limits.find(parsed.digest)
        if known is not None:
            self._take_caller(known)
        if limits.turns is None:
            return await self._counted(parsed.digest, known, work)
        async with limits.turns.turn(known.client_id if known else f"at {self._network}"):
            if known is None and (known := limits.find(parsed.digest)):
                # Learned from an earlier one while this one waited.
                self._take_caller(known)
            return await self._counted(parsed.digest, known, work)

    async def _counted(
        self, digest: bytes, known: _Known | None, work: Callable[[], Awaitable[T]]
    ) -> T:
        try:
            return await work()
        except Unauthorized:
            self._limits.forget(digest)
            raise
        finally:
            if self._caller is not None:
                caller = known or _Known.of(self._caller)
                self._limits.learn(digest, caller)
                if known is None:
                    self._charge_caller(caller)

    def headers(self) -> Headers:
        """The standings as draft-ietf-httpapi-ratelimit-headers-11 writes them."""
        if not self._standings:
            return []
        policies = ", ".join([one.policy.item for one in self._standings])
        levels = ", ".join([one.item for one in self._standings])
        return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", levels.encode())]

    def _take_caller(self, known: _Known) -> None:
        # The user first: what one user is refused is not taken from all users of the client.
        self._take(self._limits.users, known.user)
        self._take(self._limits.clients, known.client_id)

    def _charge_caller(self, known: _Known) -> None:
        now = self._limits.clock.monotonic()
        if self._limits.users:
            self._standings.append(self._limits.users.charge(known.user, now))
        if self._limits.clients:
            self._standings.append(self._limits.clients.charge(known.client_id, now))

    def _take(self, buckets: Buckets | None, subject: str, oauth_error: str | None = None) -> None:
        if buckets is None:
            return
        standing = buckets.take(subject, self._limits.clock.monotonic())
        self._standings.append(standing)
        if standing.retry_seconds:
            raise RateLimited(
                "rate_limited",
                "Too many requests, please try again later",
                params={"policy": standing.policy.name},
                oauth_error=oauth_error,
                retry_after=standing.retry_seconds,
            )
