"""What hosts and people are given: installer, apt source, yum .repo."""
