"""The one seam to the inference engines."""
