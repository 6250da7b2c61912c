"""The client side of a launcher's connection."""

import socket

import pytest

from engine.launchers import Launcher, LauncherGone


def test_frames_behind_the_one_that_was_waited_for_are_kept():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        launcher = Launcher("one", ours)
        theirs.sendall(b'{"op":"hello"}\n{"op":"exited","launch":"l1"}\n{"op":"out')
        assert next(launcher.receive()) == {"op": "hello"}
        assert list(launcher.receive()) == [{"op": "exited", "launch": "l1"}]
        theirs.sendall(b'put"}\n')
        assert list(launcher.receive()) == [{"op": "output"}]


def test_a_closed_connection_is_noticed_after_its_last_frames():
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        launcher = Launcher("one", ours)
        theirs.sendall(b'{"op":"exited"}\n')
        theirs.close()
        frames = launcher.receive()
        assert next(frames) == {"op": "exited"}
        with pytest.raises(LauncherGone):
            next(frames)
