"""The type that a drafted contract gives to columns of dates: moments, whichever way a batch delivers them."""

from typing import Any

import numpy as np
import pandas as pd
from pandera import dtypes
from pandera.engines import pandas_engine
from pandera.errors import ParserError

from ml_assets.statistics.dates import instants, present


@dtypes.immutable
class Moments(pandas_engine.DataType):
    """``datetime64[us]``, UTC without a zone, made of times of any type and of ISO-8601 text.

    A column without a value keeps the type; a value that is no such date breaks its own row.
    """

    type = np.dtype("datetime64[us]")

    def coerce(self, data_container: Any) -> Any:
        """The column as moments; pandera's ``ParserError`` names the rows that hold something else."""
        found = instants(data_container)
        broken = np.flatnonzero(found.isna().to_numpy() & present(data_container).to_numpy())
        if broken.size:
            values = data_container.iloc[broken]
            cases = pd.DataFrame({"index": values.index, "failure_case": values.astype(str).to_numpy()})
            error: Any = ParserError
            raise error(f"{len(cases)} values are no {self}", failure_cases=cases)
        return found

    def coerce_value(self, value: Any) -> Any:
        """One value as a moment."""
        return self.coerce(pd.Series([value])).iloc[0]

    def check(self, pandera_dtype: Any, data_container: Any = None) -> bool:
        """Whether a column has the type; pandera itself knows no times but those in nanoseconds."""
        found = pandera_dtype.type if data_container is None else data_container.dtype
        return bool(found == self.type)

    def __str__(self) -> str:
        return "ISO-8601 date or time, such as 2024-01-31"


MOMENTS: Any = Moments()  # type: ignore[call-arg]  # its constructor is made by the decorator
