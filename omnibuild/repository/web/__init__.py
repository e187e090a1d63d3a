"""What people see of a repository, and what programs read of it without apt or dnf."""
