"""The keys of a repository: which ones hosts trust, who signs, and how one follows another."""
