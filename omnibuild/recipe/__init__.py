"""Recipes, software and platforms: models, parsing, located errors, schema."""
