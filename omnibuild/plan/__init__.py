"""What is to be done and why: the graph of actions, their keys and decisions."""
