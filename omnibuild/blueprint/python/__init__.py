"""The Python packages of an app as actions: wheels, what builds them, where they go."""
