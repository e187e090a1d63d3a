"""What a project has pinned already, by whichever tool: read, and never resolved anew."""
