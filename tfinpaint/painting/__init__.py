"""From a photograph and a mask to a filled photograph; begin with filling.py.

filling.py    the loop over windows, whoever fills them
boxes.py      boxes of hole pixels, and the windows around them
windows.py    which windows a photograph has;   thin_holes.py   which holes are cut along grids
budget.py     what strokes and specks may cost
painter.py    what the network sees of a window;   base_painter.py   what all painters share
detail/       texture from the known part;   rims.py   how thin holes go on from their rim
blending.py   colours from around the hole (--blend=poisson)

What a client of a server needs (filling, boxes, windows, thin_holes, budget, rims, blending) does
not import TensorFlow.
"""
