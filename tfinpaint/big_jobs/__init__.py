"""Pipelines of Apache Beam, for more photographs than one process can handle.

    files       files on any file system that Beam knows
    places      finds photographs and masks
    listing     pairs photographs with masks, inside the pipeline
    filling     fills the photographs, batch by batch
    running     starts a pipeline: Beam's options, errors in one line, counters
    shards      makes a data set for training from photographs; shards_finished completes it
    tables      CSV files
    arguments   splits the arguments of a command from Beam's

The commands are `tools.fill_many` and `tools.prepare_data`. They need the extra `beam`.
"""
