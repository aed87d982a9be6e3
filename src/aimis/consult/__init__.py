"""Consultation: questions, an urgency, a differential, and what to do; above it, rules that only raise urgency."""
