"""npm: its registries, who to be there, and their tarballs."""
