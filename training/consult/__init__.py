"""Derives and measures what the consultation knows; the product never imports it."""
