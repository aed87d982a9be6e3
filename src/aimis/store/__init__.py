"""What is kept: consultations, messages, clinicians and their record of access, in PostgreSQL, sealed."""
