"""The parts that most events in tests have in common."""

#: What makes an event runnable by hand: a script that does nothing, on this host.
RUNNABLE = {
    "enabled": True,
    "category": "general",
    "targets": ["main"],
    "algo": "random",
    "plugin": "shellplug",
    "params": {"script": "#!/bin/sh\ntrue\n"},
    "triggers": [{"type": "manual", "enabled": True}],
}
