"""Where inputs come from: archives, the Python index, local directories, roots."""
