"""Tells the API who a request is from when named proxies stand in front of the bank."""

from collections import defaultdict
from collections.abc import Sequence
from ipaddress import ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from minibank.app.forwarded import ForwardingHeaders, read_sender

_FORWARDED, _FOR, _PROTO = b"forwarded", b"x-forwarded-for", b"x-forwarded-proto"
_OURS = frozenset((_FORWARDED, _FOR, _PROTO))


class TrustedProxies:
    """Replaces the peer's address and scheme by those that a named proxy tells."""

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._app = app
        self._proxies = [ip_network(proxy) for proxy in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        found: dict[bytes, list[str]] = defaultdict(list)
        for name, value in scope["headers"]:
            if name in _OURS:
                found[name].append(value.decode("latin-1"))
        if found and scope["client"]:
            headers = ForwardingHeaders(found[_FORWARDED], found[_FOR], found[_PROTO])
            sender = read_sender(scope["client"][0], headers, self._proxies)
            if sender.address != scope["client"][0] or sender.port:
                scope["client"] = (sender.address, sender.port)
            scope["scheme"] = sender.scheme or scope["scheme"]
        await self._app(scope, receive, send)
