"""Debian packages: deb(5), deb-control(5)."""
