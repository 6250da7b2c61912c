"""The bare counterparts: Flask views that do nothing but answer."""

from gevent import monkey

# As wsgi.py does: before any other import.
monkey.patch_all()

import time  # noqa: E402 - see above
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

from flask import Flask, Response, jsonify, request  # noqa: E402

app = Flask(__name__)

_BLOCK_BYTES = 256 * 1024


@app.get("/bare")
def bare() -> Response:
    """A small JSON reply."""
    return jsonify(code=0)


@app.get("/stream")
def stream() -> Response:
    """An event stream that tells the time, as the job of `bench.stream_latency` does."""
    count, pause_seconds = int(request.args["count"]), float(request.args["pause"])

    def events() -> Iterator[str]:
        for _ in range(count):
            time.sleep(pause_seconds)
            yield f'data: {{"progress":{time.time() % 1000 / 1000:.9f}}}\n\n'

    return Response(events(), content_type="text/event-stream")


@app.get("/file")
def file() -> Response:
    """A file, block by block."""
    path = Path(request.args["path"])

    def blocks() -> Iterator[bytes]:
        with path.open("rb") as opened:
            while block := opened.read(_BLOCK_BYTES):
                yield block

    length = {"Content-Length": str(path.stat().st_size)}
    return Response(blocks(), headers=length, content_type="text/plain")
