"""Servers of their own for tests that kill."""

import pytest

from tests.server import Server


@pytest.fixture
def server(tmp_path):
    """A server that one test may do anything to."""
    server = Server(tmp_path)
    try:
        yield server.start()
    finally:
        server.clear()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A server that the tests of one module share."""
    server = Server(tmp_path_factory.mktemp("faults"))
    try:
        yield server.start()
    finally:
        server.clear()
