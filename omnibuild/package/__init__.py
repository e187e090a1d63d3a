"""Writers and readers of package formats."""
