"""From items to readings, records and reports."""
