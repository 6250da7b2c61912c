"""Work that would hold up an event loop: done in another thread where such a loop runs."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from gevent import monkey

Result = TypeVar("Result")

#: Data from this size on takes so long to parse or compress that others would notice.
_LARGE_BYTES = 256 * 1024


def aside(work: Callable[..., Result], *arguments: Any) -> Result:
    """`work(*arguments)`, during which other requests of this process go on.

    `work` must not use the request or the application context.
    """
    if not monkey.is_module_patched("threading"):
        return work(*arguments)
    from gevent import get_hub  # noqa: PLC0415 - only where the event loop runs anyway

    result, error = get_hub().threadpool.apply(_outcome, (work, arguments))
    if error is not None:
        raise error
    return cast("Result", result)


def aside_if_large(work: Callable[[bytes], Result], data: bytes) -> Result:
    """`work(data)`, for which only much data is worth the way to another thread."""
    return aside_if(len(data), work, data)


def aside_if(size: int, work: Callable[..., Result], *arguments: Any) -> Result:
    """`work(*arguments)` in another thread where it is about much data: bytes or characters."""
    return work(*arguments) if size < _LARGE_BYTES else aside(work, *arguments)


def _outcome(
    work: Callable[..., Result], arguments: tuple[Any, ...]
) -> tuple[Result | None, Exception | None]:
    """The result or the error of `work`: a thread of gevent's prints what it raises."""
    try:
        return work(*arguments), None
    except Exception as error:  # noqa: BLE001 - raised again where the caller waits
        return None, error
