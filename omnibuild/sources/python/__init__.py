"""Python packages: what a project requires, the index that has it, and the lock that pins it."""
