"""Red flags: rules as data that look at the answers and can only raise the urgency."""
