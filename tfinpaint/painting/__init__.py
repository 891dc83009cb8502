"""From a photograph and a mask to a filled photograph; begin with filling.py.

filling.py    the loop over windows, the same for every painter
boxes.py      boxes of hole pixels, and the windows around them
windows.py    a window for each group of holes;   thin_holes.py   which holes are cut along grids
budget.py     limits the cost of strokes and specks
painter.py    fills windows with a trained system;   fitting.py   windows become its input
base_painter.py   what all painters share
detail/       texture from the known part;   rims.py   thin holes, from the pixels beside them
blending.py   colours from around the hole (--blend=poisson)

The modules that a client of a server needs (base_painter, filling, boxes, windows, thin_holes,
budget, rims, blending) do not import TensorFlow.
"""
