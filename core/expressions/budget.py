"""What evaluating may cost: steps and sizes, counted instead of timed, so that results repeat."""

#: Steps of one evaluation, or of several that share a budget; they take up to about 50 ms.
MAX_STEPS = 50_000
#: The longest text that may come up on the way to a result, in characters.
MAX_CHARS = 1024 * 1024
#: As many characters as are worth one step.
_CHARS_PER_STEP = 64


class ExpressionError(ValueError):
    """An expression can't be compiled or evaluated; the message says why."""


class Budget:
    """Counts what evaluating costs; every step of it goes through here."""

    __slots__ = ("_left",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self._left = steps

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be done with it."""
        return self._left < 0

    def spend(self, steps: int = 1) -> None:
        """Take `steps` away; raises `ExpressionError` when there are not so many."""
        self._left -= steps
        if self._left < 0:
            raise ExpressionError("Expression takes too long")

    def read(self, chars: int) -> None:
        """Pay for looking through a text."""
        self.spend(1 + chars // _CHARS_PER_STEP)

    def make(self, chars: int) -> None:
        """Pay for a new text; raises `ExpressionError` when it would be too long."""
        check_length(chars)
        self.read(chars)


def check_length(chars: int) -> None:
    """Raise `ExpressionError` for a text that would be too long."""
    if chars > MAX_CHARS:
        raise ExpressionError("Result is too long")
