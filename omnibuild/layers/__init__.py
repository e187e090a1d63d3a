"""Steps over layers: the root, the declared components beneath, and what a step wrote."""
