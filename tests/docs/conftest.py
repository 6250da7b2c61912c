"""One running server for all examples of the documentation."""

import pytest

from tests.docs import pages
from tests.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server beside which all pages are tried."""
    server = Server(tmp_path_factory.mktemp("docs"))
    try:
        yield server.start()
    finally:
        server.clear()


@pytest.fixture
def workshop(tmp_path):
    """The folder in which examples are pasted."""
    return pages.workshop(tmp_path / "workshop")
