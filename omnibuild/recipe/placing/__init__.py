"""What a recipe puts on hosts itself: where it may, and what that may do."""
