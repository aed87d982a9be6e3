"""The oesophagus reader: endoscopic stills and examinations, one network in one pass."""
