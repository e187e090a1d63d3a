"""The apt side: Packages and Release, and how readers get from one state to the next."""
