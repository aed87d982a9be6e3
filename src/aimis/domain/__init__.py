"""What is read and what was found: pure records and errors, no I/O."""
