"""Taking over repositories of other tools: their indexes are read as foreign input."""
