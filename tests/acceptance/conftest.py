"""One server for all acceptance tests: they use only HTTP and signals."""

import pytest

from tests.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """`make serve`, started once; each test makes the events that it needs."""
    server = Server(tmp_path_factory.mktemp("acceptance"))
    try:
        yield server.start()
    finally:
        server.clear()
