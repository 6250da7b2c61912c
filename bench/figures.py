"""What a benchmark found: figures, their bare counterparts and their targets."""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Bare:
    """The same thing without Switchyard, measured in the same run and unit."""

    name: str
    value: float


@dataclass(frozen=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str
    bare: Bare | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the value is within its target; without one it always is."""
        too_high = self.at_most is not None and self.value > self.at_most
        too_low = self.at_least is not None and self.value < self.at_least
        return not (too_high or too_low)

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, value, ratio to the bare counterpart, target and verdict, for people."""
        return self.name, _amount(self.value, self.unit), self._ratio, self._target, self._verdict

    @property
    def line(self) -> str:
        """The figure as one line of text."""
        name, value, ratio, target, verdict = self.cells
        ratio = f", {ratio}" if ratio else ""
        target = f" (target {target}) {verdict}" if target else ""
        return f"{name}: {value}{ratio}{target}"

    @property
    def _ratio(self) -> str:
        if self.bare is None:
            return ""
        bare = f"{self.bare.name}: {_amount(self.bare.value, self.unit)}"
        return f"{self.value / self.bare.value:.2f} x {bare}" if self.bare.value else f"({bare})"

    @property
    def _target(self) -> str:
        if self.at_most is not None:
            return f"at most {_amount(self.at_most, self.unit)}"
        if self.at_least is not None:
            return f"at least {_amount(self.at_least, self.unit)}"
        return ""

    @property
    def _verdict(self) -> str:
        return ("ok" if self.is_met else "MISS") if self._target else ""


def _amount(value: float, unit: str) -> str:
    digits = 0 if value == int(value) or abs(value) >= 1000 else 2 if abs(value) < 10 else 1
    return f"{value:.{digits}f} {unit}".rstrip()


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values don't exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def report(measure: Callable[[], Sequence[Figure]]) -> None:
    """Measure and print, for a benchmark that is started alone."""
    for figure in measure():
        print(figure.line)
    print(load_line())


def load_line() -> str:
    """How busy the machine is, the benchmark's own work included."""
    one, five, _ = os.getloadavg()
    return f"Load average {one:.1f} (1 min), {five:.1f} (5 min) on {os.cpu_count()} cores."


def table(figures: Sequence[Figure]) -> str:
    """All figures in columns."""
    rows = [("figure", "value", "ratio to bare", "target", ""), *(one.cells for one in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
