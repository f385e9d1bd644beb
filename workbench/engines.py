"""Tables of any engine, seen through Narwhals; the one place that reduces rows to counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import narwhals as nw

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Frame: TypeAlias = "nw.DataFrame[Any] | nw.LazyFrame[Any]"

_INFERABLE = {"boolean", "integer", "floating", "mixed-integer-float", "string", "datetime64", "datetime", "date"}
"""What pandas may find in a column of objects that can be compared as one type."""


def as_frame(table: Any) -> Frame:
    """A Narwhals frame from a pandas, Polars, DuckDB, Spark or pyarrow table (or from a Narwhals frame).

    pandas columns of Python objects get the type of what they hold, where that is one type.

    Raises
    ------
    WorkbenchError
        If `table` is no table.
    """
    try:
        frame: Frame = nw.from_native(table)
    except TypeError as problem:
        raise WorkbenchError(
            f"a table is needed, but a {type(table).__name__} came; give a pandas or Polars DataFrame, a DuckDB "
            "relation, a Spark DataFrame, a pyarrow Table or a Workspace."
        ) from problem
    except nw.exceptions.DuplicateError as problem:
        raise WorkbenchError("two columns of the table have the same name; rename one of them.") from problem
    if frame.implementation.is_pandas():
        native = nw.to_native(frame)
        objects = {name: _inferred(native[name]) for name, kind in frame.collect_schema().items() if kind == nw.Object}
        if objects:
            frame = nw.from_native(native.assign(**objects))
    return frame


def _inferred(values: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    found = pd.api.types.infer_dtype(values, skipna=True)
    if found not in _INFERABLE:
        return values
    return pd.to_datetime(values, errors="coerce") if found.startswith("date") else values.convert_dtypes()


def kinds(frame: Frame) -> dict[str, str]:
    """What each column holds: `"number"`, `"text"`, `"bool"`, `"datetime"` (dates too) or `"other"`."""
    return {name: kind_of(dtype) for name, dtype in frame.collect_schema().items()}


def kind_of(dtype: Any) -> str:
    """The kind of a Narwhals type, as in `kinds`."""
    if dtype.is_numeric():
        return "number"
    if dtype == nw.Boolean:
        return "bool"
    if isinstance(dtype, nw.String | nw.Categorical | nw.Enum):
        return "text"
    if isinstance(dtype, nw.Datetime | nw.Date):
        return "datetime"
    return "other"


def collect(frame: Frame) -> pd.DataFrame:
    """The rows as a pandas DataFrame; yes/no columns of other engines become pandas' `boolean`."""
    if isinstance(frame, nw.DataFrame) and frame.implementation.is_pandas():
        native: pd.DataFrame = frame.to_native()
        return native
    import pandas as pd
    import pyarrow as pa

    booleans = {pa.bool_(): pd.BooleanDtype()}
    found: pd.DataFrame = to_arrow(frame).to_pandas(types_mapper=booleans.get)
    return found


def to_arrow(frame: Frame) -> pa.Table:
    """The rows as a pyarrow Table; times with a zone become what its clocks show."""
    import pyarrow as pa
    import pyarrow.compute as pc

    eager = frame.collect("pyarrow") if isinstance(frame, nw.LazyFrame) else frame
    table: pa.Table = eager.to_arrow()
    for position, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is not None:
            table = table.set_column(position, field.name, pc.local_timestamp(table.column(position)))
    return table


def count_by(
    frame: Frame, keys: Mapping[str, nw.Expr], sums: Mapping[str, nw.Expr] | None = None, *, ordered: bool = True
) -> pd.DataFrame:
    """Rows counted by `keys`: one row per combination that occurs, sorted, a blank key last.

    Parameters
    ----------
    frame
        A frame from `as_frame`.
    keys
        Column name of the result to expression over `frame`; at least one.
    sums
        Column name of the result to a number to be summed; blanks count as 0.
    ordered
        False leaves the rows in any order, which takes half the time where there are a million.

    Returns
    -------
    pandas.DataFrame
        The keys, `n` (int64, at least 1) and the sums.
    """
    sums = sums or {}
    columns = [expression.alias(name) for name, expression in {**keys, **sums}.items()]
    # On pandas a sum of ones takes half the time of a length.
    rows = frame.select(*columns).with_columns(nw.lit(1).cast(nw.Int64).alias("n"))
    cells = rows.group_by(*keys).agg(nw.col("n").sum(), *[nw.col(name).sum() for name in sums])
    counted = collect(cells).astype({"n": "int64"})
    return counted.sort_values(list(keys), ignore_index=True) if ordered else counted.reset_index(drop=True)


def keeps(frame: Frame) -> bool:
    """Whether rows that `like` put on the engine of `frame` are there, so that reading them twice is cheap."""
    return isinstance(frame, nw.DataFrame) or frame.implementation.is_duckdb()


def like(rows: Frame, frame: Frame) -> Frame:
    """`rows` on the engine of `frame`, so that the two can be joined. `rows` should be few: they may be copied."""
    if frame.implementation == rows.implementation and not frame.implementation.is_duckdb():
        if isinstance(frame, nw.LazyFrame):
            return rows.lazy()
        return rows.collect() if isinstance(rows, nw.LazyFrame) else rows
    copied = to_arrow(rows)
    native = frame.to_native()
    if frame.implementation.is_duckdb():
        # Always a copy: relations of two connections cannot be joined, and a counted table is used more than once.
        moved: Frame = nw.from_native(native.query("_", "SELECT * FROM copied"))
    elif frame.implementation.is_pyspark():
        moved = nw.from_native(native.sparkSession.createDataFrame(copied))
    else:
        moved = nw.from_arrow(copied, backend=frame.implementation)
    return moved.lazy() if isinstance(frame, nw.LazyFrame) else moved
