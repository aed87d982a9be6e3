"""The ways in which people reach a consultation."""
