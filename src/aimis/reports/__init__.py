"""One finding model in, documents out: JSON, HTML, PDF and the overlay, in the reader's language."""
