"""Doing what the plan says: scheduling and isolation."""
