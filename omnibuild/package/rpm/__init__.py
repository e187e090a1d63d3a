"""RPM packages, format version 4."""
