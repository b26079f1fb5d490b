"""Arrow tables as Parquet bytes and back, and SQL over them. Knows no run: only bytes, paths and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forepath.errors import RunCorruptError, RunError

if TYPE_CHECKING:
    import pyarrow as pa


def pack(table: pa.Table) -> bytes:
    """The bytes of a Parquet file: equal tables give equal bytes, however they are chunked (with one pyarrow)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    plain = table.replace_schema_metadata(None).combine_chunks()
    pq.write_table(plain, sink, compression="zstd", compression_level=3)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read(paths: Sequence[Path], columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of some files, in that order. Raises `RunCorruptError` naming the file that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                tables.append(file.read(columns=None if columns is None else list(columns)))
        except (OSError, pa.ArrowException) as error:
            raise RunCorruptError(
                f"{path} is not readable Parquet ({error}); restore it or delete its commit"
            ) from error
    return pa.concat_tables(tables)


def query(sql: str, tables: Mapping[str, Sequence[Path]]) -> pa.Table:
    """The answer to one SQL statement over tables given as Parquet files, in a database that lives in memory.

    The files are handed over as Arrow datasets, so the database itself is locked out of every file. Raises `RunError`.
    """
    import duckdb
    from pyarrow.dataset import dataset
    from pyarrow.fs import LocalFileSystem

    local = LocalFileSystem()  # said, so that a path that looks like an address is still a path
    connection = duckdb.connect(":memory:")
    try:
        for name, paths in tables.items():
            connection.register(name, dataset([str(p) for p in paths], filesystem=local, format="parquet"))
        connection.execute("SET enable_external_access=false")
        connection.execute("SET lock_configuration=true")
        answer = connection.sql(sql)
        if answer is None:
            raise RunError(f"the query answers nothing: wanted a SELECT over {', '.join(tables) or 'no tables yet'}")
        return answer.to_arrow_table()
    except duckdb.Error as error:
        raise RunError(f"the query failed: {error}; the tables are {', '.join(tables) or 'none yet'}") from error
    finally:
        connection.close()
