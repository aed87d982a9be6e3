"""Trains and exports the readers' weights; needs torch. The product never imports it."""
