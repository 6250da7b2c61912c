"""Room for many pipes, without passing a raised descriptor limit on to jobs."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator

#: Descriptors that starting one process needs below the ordinary limit.
RESERVED = 4


class DescriptorLimit:
    """The soft limit of open files: raised for the launcher, as it was for its children."""

    def __init__(self) -> None:
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._reserved: list[int] = []
        self._reserve()
        self._set(self._hard)

    @contextlib.contextmanager
    def ordinary(self) -> Iterator[None]:
        """Start a process in here: it gets the ordinary limit.

        Its pipe must get numbers below that limit, hence the reserved descriptors.
        """
        for fd in self._reserved:
            os.close(fd)
        self._set(self._soft)
        try:
            yield
        finally:
            self._set(self._hard)
            self._reserve()

    def _reserve(self) -> None:
        self._reserved = [os.open("/dev/null", os.O_RDONLY) for _ in range(RESERVED)]

    def _set(self, soft: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, self._hard))
