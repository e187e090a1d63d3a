"""What a recipe says about building the app itself: rules, and what others have pinned for it."""
