"""Tables of figures: photographs with holes (`cases`), the methods that fill them (`methods`), the
scores (`score`), and their presentation (`text`, `page`, `plots`).
"""
