"""Tarballs that run from any directory."""
