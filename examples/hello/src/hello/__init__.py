"""A page that counts its visits."""

__version__ = "1.0.0"
