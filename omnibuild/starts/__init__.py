"""What an app starts of its own project: looked up in its files, before anything is built."""
