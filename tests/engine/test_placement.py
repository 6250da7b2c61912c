"""Where jobs run: on this host, if it is enabled and meant."""

import pytest

from engine import placement
from engine.turn import Turn
from models.database import db
from models.server import Server
from tests.factories import job_document


@pytest.fixture
def server(app):
    """This host's server record."""
    (server,) = db.read(Server.all)
    return server


def choose(**changes):
    return db.read(
        lambda connection: placement.choose(Turn(connection, {}), job_document("j1", **changes))
    )


def change(server, **changes):
    db.write(lambda connection: Server.replace(connection, server | changes))


def test_by_group_and_by_id(server):
    assert choose(targets=["main"])["id"] == server["id"]
    assert choose(targets=["other", server["id"]])["id"] == server["id"]


@pytest.mark.parametrize("targets", [[], ["other"], [5, None]])
def test_others_targets_have_no_server(server, targets):
    with pytest.raises(placement.NoServer):
        choose(targets=targets)


def test_a_disabled_server_or_another_host_is_not_chosen(server):
    change(server, enabled=False)
    with pytest.raises(placement.NoServer):
        choose()
    change(server, enabled=True, hostname="elsewhere")
    with pytest.raises(placement.NoServer):
        choose()


@pytest.mark.parametrize("expression", ["'main' in groups", "hostname", "", None, 1])
def test_a_true_expression_keeps_the_server(server, expression):
    assert choose(expression=expression)["id"] == server["id"]


@pytest.mark.parametrize("expression", ["id == 'other'", "nothing.cores > 2", "false"])
def test_a_false_expression_rules_the_server_out(server, expression):
    with pytest.raises(placement.NoServer):
        choose(expression=expression)


@pytest.mark.parametrize("expression", ["abs() > 1", "1 +", "groups[", [], {"a": 1}])
def test_an_expression_that_fails_forbids_nothing(server, expression):
    assert choose(expression=expression)["id"] == server["id"]


@pytest.mark.parametrize("algorithm", sorted(placement.ALGORITHMS))
def test_every_algorithm_finds_the_only_server(server, algorithm):
    assert choose(algo=algorithm)["id"] == server["id"]


def test_an_unknown_algorithm_says_so(server):
    with pytest.raises(placement.UnknownAlgorithm, match="Unknown algorithm or monitor: magic"):
        choose(algo="magic")


def test_the_text_has_the_title_or_the_host_name():
    server = {"id": "s1", "hostname": "box"}
    assert placement.chosen_text(server, "random") == "Chosen server: box (random)"
    assert placement.chosen_text(server | {"title": "Big Box"}, "least_cpu") == (
        "Chosen server: Big Box (least_cpu)"
    )
