"""Attention maps: the places from which attention layers copy, as arrays and as pictures.

placing.py    converts the network's maps to maps of the photograph: `AttentionMap`
pictures.py   draws them
"""
