"""Secrets in what is logged."""

import logging

import pytest

from core.redaction import Redaction, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /api/app/magic/v1/abc-DEF_1/wait failed", "GET /api/app/magic/v1/***/wait failed"),
        ("/api/app/magic/abc", "/api/app/magic/***"),
        ("/x?api_key=secret&a=1", "/x?api_key=***&a=1"),
        ("/x?a=1&t=secret", "/x?a=1&t=***"),
        ("/api/app/get_job/v1?id=j1", "/api/app/get_job/v1?id=j1"),
    ],
)
def test_what_is_left_of_a_text(text, shown):
    assert without_secrets(text) == shown


def test_a_logger_says_no_secrets(caplog):
    logger = logging.getLogger("test.redaction")
    logger.addFilter(Redaction())
    logger.error("Error handling request %s", "/api/app/magic/v1/secret")
    assert caplog.messages == ["Error handling request /api/app/magic/v1/***"]
