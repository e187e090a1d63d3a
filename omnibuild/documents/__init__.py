"""Files for people: who holds the copyright, what changed, how commands are called."""
