"""Programs of hosts that start servers; none is imported here but by tests."""
