"""Packages of anybody, laid open: what is in them, without installing it anywhere."""
