"""What threads bring back to the loop: calls that are to be made in one of its next turns."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from engine.turn import Turn

#: A call that is to be made in a turn of the loop, with the job that it is about.
Delivery = tuple[str, Callable[[Turn], None]]

#: Pause before a failed call is made again, seconds.
_AGAIN_SECONDS = 1.0


class Deliveries:
    """The calls that wait for a turn."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: SimpleQueue[Delivery] = SimpleQueue()

    @property
    def are_there(self) -> bool:
        """Whether something waits for a turn."""
        return not self._waiting.empty()

    def take(self) -> list[Delivery]:
        """All calls that are to be made in this turn."""
        return [self._waiting.get() for _ in range(self._waiting.qsize())]

    def put(self, delivery: Delivery) -> None:
        """Have a call made in the next turn; from any thread."""
        self._waiting.put(delivery)
        self._wake()

    def put_later(self, delivery: Delivery) -> None:
        """Have a call that failed made again."""
        timer = threading.Timer(_AGAIN_SECONDS, self.put, (delivery,))
        timer.daemon = True
        timer.start()
