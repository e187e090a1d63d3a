"""Proof that a payload needs nothing that its platforms lack."""
