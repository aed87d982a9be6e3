"""What a person sees in the terminal: tables, progress, and their words."""
