"""Training and evaluation of the lung reader's networks."""
