"""Attention maps: what the attention layers of a system take from where, as arrays and as pictures.

placing.py    from the maps of the network to maps of the photograph: `AttentionMap`
pictures.py   draws them
"""
