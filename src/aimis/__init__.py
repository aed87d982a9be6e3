"""AIMIS: AI readers for medical images. Research use only; not a cleared medical device."""
