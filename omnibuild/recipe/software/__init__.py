"""What a definition of software leaves unsaid: the text of templates, and what it extends."""
