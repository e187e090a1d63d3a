"""What an app says of itself, so that its recipe need not be written by hand: read, never run."""
