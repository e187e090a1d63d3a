"""Ways to isolate one build step."""
