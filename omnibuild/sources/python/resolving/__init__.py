"""Which versions satisfy requirements together, and which files of theirs are taken."""
