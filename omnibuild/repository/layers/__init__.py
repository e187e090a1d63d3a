"""Tarballs in layers: what changes together lies together, so that hosts fetch what changed."""
