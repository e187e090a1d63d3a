"""Repairing a repository: what is undamaged stays, the rest is made again of what hosts see."""
