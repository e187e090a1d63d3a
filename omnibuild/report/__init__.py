"""Rendering events for people and for machines."""
