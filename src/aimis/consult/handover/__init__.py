"""What the doctor gets: the story as SBAR, the same as FHIR R4, and proposals of screenings by cited rules."""
