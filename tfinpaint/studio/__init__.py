"""A web page on which people paint holes and have them filled.

catalog.py finds the models, routes.py answers the requests of the page, files.py reads and writes
its files, and page/ is the page itself. The command, `python -m tfinpaint.studio`, is __main__.py.
"""
