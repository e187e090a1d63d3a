"""From built components to the finished files of an app."""
