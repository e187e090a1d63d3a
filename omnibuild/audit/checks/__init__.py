"""What single files are checked for."""
