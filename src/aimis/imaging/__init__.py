"""Pixels: decoding, geometry, colour and quality."""
