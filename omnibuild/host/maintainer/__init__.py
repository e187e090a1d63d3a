"""Maintainer scripts: what runs on a host when packages come and go."""
