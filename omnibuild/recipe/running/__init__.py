"""What an app runs: rules about its commands, its web server and its timers."""
