"""Images for container engines, as the OCI image specification has them."""
