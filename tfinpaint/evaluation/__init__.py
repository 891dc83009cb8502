"""Tables that compare how well methods fill holes.

`cases` reads photographs and holes, `methods` fills them, `score` measures the fills, and `text`,
`page` and `plots` present the figures.
"""
