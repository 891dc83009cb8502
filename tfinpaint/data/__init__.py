"""Photographs, holes and the pipeline that joins them. Knows no system and no network."""
