"""Tables that can be trusted: photographs with holes (`cases`), what fills them (`fillers`), the figures (`score`; those that need trained
networks: `trained`), and how they are shown (`text`, `page`, `plots`)."""
