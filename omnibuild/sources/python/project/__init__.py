"""What a Python project says about itself: its requirements, and how its tools are to get them."""
