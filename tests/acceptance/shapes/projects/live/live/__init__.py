"""A project of many shapes."""
