"""Fixtures: the HTTP request plugin ready to run, and the servers that it talks to."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.programs import Run, run_program
from tests.plugins.servers import Server, make_certificate


@pytest.fixture
def run_http(tmp_path: Path) -> Callable[..., Run]:
    """Run the HTTP request plugin with the given parameters."""

    def run(url: str, job: dict[str, Any] | None = None, **params: Any) -> Run:
        document = {"xy": 1, "id": "j1", **(job or {}), "params": {"url": url, **params}}
        ran = run_program("http_request.py", tmp_path, json.dumps(document).encode() + b"\n")
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran

    return run


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def other_server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    with Server(certificate) as running:
        yield running
