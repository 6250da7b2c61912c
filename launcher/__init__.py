"""The launcher: starts, watches and kills job processes with the standard library only."""
