"""The readers, the seam they are found and loaded by, and the port they fulfil."""
