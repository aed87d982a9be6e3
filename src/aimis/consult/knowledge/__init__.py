"""The sets of knowledge, as YAML, each in its folder; what checks, counts and shows them."""
