"""Tables that can be trusted: photographs with holes (`cases`), what fills them (`fillers`), the figures (`score`), and how they are shown
(`text`, `page`, `plots`)."""
