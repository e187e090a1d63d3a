"""What people do with a plan besides building it: explain, enter, share, prove."""
