"""omnibuild: one recipe to self-contained packages and a signed repository."""

__version__ = "0.1.0"
