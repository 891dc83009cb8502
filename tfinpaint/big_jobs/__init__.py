"""Work on more photographs than one process gets through, as pipelines of Apache Beam.

    files       files on any file system that Beam knows
    places      where photographs and masks are, and what is found there
    listing     which photograph is filled with which mask, decided inside the pipeline
    filling     fills them, a batch after the other
    running     starts a pipeline: Beam's options, errors in one line, counters
    shards      makes a data set of them, for training; shards_finished
    tables      of photographs

`tools.fill_many` and `tools.prepare_data` are the commands. They need the extra `beam`.
"""
