"""Signing keys: gpg makes them, pysequoia signs and verifies with them.

apt (gpgv, sqv), rpm 4.18 and later and dnf all accept keys that gpg made; they do not all accept
keys of other generators. A gpg process takes a tenth of a second for each signature, the library
a hundredth, and needs no agent and no home directory.
"""
