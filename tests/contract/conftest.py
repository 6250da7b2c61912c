"""A server of their own for the sequences: some of them list all that runs."""

import pytest

from tests.contract.player import Player, load
from tests.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """`make serve`, started once for all sequences."""
    server = Server(tmp_path_factory.mktemp("contract"))
    try:
        yield server.start()
    finally:
        server.clear()


@pytest.fixture(scope="session")
def player(server, tmp_path_factory):
    """Who plays, with the keys and events made."""
    player = Player(server, tmp_path_factory.mktemp("gates"))
    player.prepare(load("fixtures.json"))
    return player
