"""What actions do: one function for each kind, and the table of them."""
