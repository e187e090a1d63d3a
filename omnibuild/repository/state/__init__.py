"""What a repository holds, as it is recorded there: leaves, releases, and the head."""
