"""The systemd units of an app, and what they call on the host."""
