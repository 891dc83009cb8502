"""Tables that can be trusted: photographs with holes (`cases`), the methods that fill them
(`methods`), the figures (`score`), and how they are shown (`text`, `page`, `plots`).
"""
