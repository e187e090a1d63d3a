"""The life of what is published: from channel to channel, back, away, and what is told of it."""
