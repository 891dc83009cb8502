"""Photographs, holes and the input pipeline that joins them. It depends on no system or network."""
