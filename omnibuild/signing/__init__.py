"""Signing: keys in files, of gpg's agent, or of a program; what they sign is verified here.

gpg makes keys, and pysequoia signs with those in files, and verifies. apt (gpgv, sqv), rpm 4.18 and
later and dnf all accept keys that gpg made; they do not all accept keys of other generators. A gpg
process takes a tenth of a second for each signature, the library a hundredth, and needs no agent
and no home directory.
"""
