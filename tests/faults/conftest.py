"""Servers for tests that kill: one per module, started again where a test left it stopped."""

import pytest

from tests.server import Server


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server that the tests of one module share."""
    server = Server(tmp_path_factory.mktemp("faults"))
    try:
        yield server.start()
    finally:
        server.clear()


@pytest.fixture
def server(shared):
    """The module's server, running."""
    if not shared.is_running:
        shared.start()
    return shared
