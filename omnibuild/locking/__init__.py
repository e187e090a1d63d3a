"""Making locks: what an app requires, what its sources are built with, resolved and pinned."""
