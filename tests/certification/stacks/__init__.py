"""What takes long to compile: servers, libraries, bundled services; `make certify-stacks`."""
