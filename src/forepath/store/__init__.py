"""A run on disk: tables, arrays and documents in atomic parts. Knows nothing of models or themes.

    RUN/
      run.json                       format version, forepath version, when created, config
      data/<family>-<sid>.parquet    one shard of a table
      data/<family>-<sid>.safetensors    its arrays, if any: row i of every array is row i of the table
      commit/<family>-<sid>.json     written last: work items, rows, schema, size and sha256 of both files
      <name>.json, <name>/           documents and folders, whose record is commit/<name>.json
      log/<name>.jsonl               journals: lines added one at a time, by any process; they have no record
      .lock                          held by the one process that writes

A shard, document or folder exists if and only if its commit record exists.
"""

from forepath.store.commits import VERSION
from forepath.store.run import Run
from forepath.store.tables import (
    Prompt,
    prompts_from,
    prompts_table,
    segments_table,
    trajectories_from,
    trajectories_table,
    with_segments,
)

__all__ = [
    "VERSION",
    "Prompt",
    "Run",
    "prompts_from",
    "prompts_table",
    "segments_table",
    "trajectories_from",
    "trajectories_table",
    "with_segments",
]
