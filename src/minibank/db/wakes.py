"""Whom to wake when something was committed, in this process and in others.

A wake says that there is something to look for, never what: one that is lost costs the time until
the next look, and nothing else.
"""

from collections import Counter
from collections.abc import Callable, Iterable


class Wakes:
    """The listeners of one process; `tell_others` is called for a topic that none here works on."""

    def __init__(self, tell_others: Callable[[str], None] | None = None) -> None:
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self._workers: Counter[str] = Counter()
        self._tell_others = tell_others

    def work(self, topic: str, wake: Callable[[], None]) -> Callable[[], None]:
        """As `listen`, for who sees to what there is, so that no other process has to be told."""
        end = self.listen(topic, wake)
        self._workers[topic] += 1

        def stop() -> None:
            self._workers[topic] -= 1
            end()

        return stop

    def listen(self, topic: str, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called in the event loop whenever there may be something; gives the end."""
        listeners = self._listeners.setdefault(topic, [])
        listeners.append(wake)
        return lambda: listeners.remove(wake)

    def fire(self, topics: Iterable[str]) -> None:
        """Wake who listens here, and other processes when nobody here works on it."""
        for topic in topics:
            self.hear(topic)
            if not self._workers[topic] and self._tell_others is not None:
                self._tell_others(topic)

    def hear(self, topic: str) -> None:
        """Wake who listens here, because another process said so."""
        for wake in tuple(self._listeners.get(topic, ())):
            wake()

    def hear_all(self) -> None:
        """Wake everybody: nobody knows what was missed."""
        for topic in self._listeners:
            self.hear(topic)
