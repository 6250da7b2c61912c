"""How Switchyard is started: the supervisor, systemd units and container files."""
