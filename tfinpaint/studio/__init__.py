"""A page where holes are brushed and filled.

catalog.py says which models fill them, routes.py how the page asks for that, and page/ is the page
itself. The command, `python -m tfinpaint.studio`, is __main__.py.
"""
