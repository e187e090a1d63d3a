"""What is inside an artifact and where each part came from."""
