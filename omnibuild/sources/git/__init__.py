"""git: what it says of work trees here, and commits that are fetched from elsewhere."""
