"""Whom to wake when something was committed, in this process and in others.

A wake says that there is something to look for, never what: one that is lost costs the time until
the next look, and nothing else.
"""

from collections.abc import Callable, Iterable


class Wakes:
    """The listeners of one process; `tell_others` is called for a topic that has none here."""

    def __init__(self, tell_others: Callable[[str], None] | None = None) -> None:
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self._tell_others = tell_others

    def listen(self, topic: str, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called in the event loop whenever there may be something; gives the end."""
        listeners = self._listeners.setdefault(topic, [])
        listeners.append(wake)
        return lambda: listeners.remove(wake)

    def fire(self, topics: Iterable[str]) -> None:
        """Wake who listens here; other processes when nobody does."""
        for topic in topics:
            listeners = self._listeners.get(topic)
            if listeners:
                self.hear(topic)
            elif self._tell_others is not None:
                self._tell_others(topic)

    def hear(self, topic: str) -> None:
        """Wake who listens here, because another process said so."""
        for wake in tuple(self._listeners.get(topic, ())):
            wake()

    def hear_all(self) -> None:
        """Wake everybody: nobody knows what was missed."""
        for topic in self._listeners:
            self.hear(topic)
