"""Signed apt and yum repositories of plain static files."""
