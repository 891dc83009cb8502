"""Attention maps: what a system's attention layers take from where, as arrays and as pictures.

placing.py    maps of the network become maps of the photograph: `AttentionMap`
pictures.py   draws them
"""
