"""What tests of the doorbell share."""

import select


def rings(bell, seconds=0.0):
    """Whether somebody has rung, or does so within some seconds."""
    return bool(select.select([bell.socket], [], [], seconds)[0])
