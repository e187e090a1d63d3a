"""Moving bytes over the network, with retries and one kind of error."""
