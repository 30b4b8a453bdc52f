"""Python reads this at its start when the directory is on its path: some hosts lead elsewhere.

It does what a hosts file does, for one process, where nobody may change the hosts file; and because
port 443 cannot be listened on there either, it leads to another port as well.
"""

import json
import os
import socket
from typing import Any

_LED = json.loads(os.environ["LED_HOSTS"])
_resolve = socket.getaddrinfo


def _led(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
    if host in _LED["hosts"]:
        assert int(port) == 443, "a client with a built-in host speaks HTTPS"
        host, port = "127.0.0.1", _LED["port"]
    return _resolve(host, port, *arguments, **named)


socket.getaddrinfo = _led
