"""The yum side: elements of packages, metadata, and how readers get from one state to the next."""
