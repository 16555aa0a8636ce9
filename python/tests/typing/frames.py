# pyright: standard
"""What users write with pandas and Polars, where they are installed. It is checked, not run."""

from typing import assert_type

import pandas as pd
import polars as pl

import nhn_cloudtrail as ct

table = ct.read_table("logs/")
assert_type(table.to_pandas(), pd.DataFrame)
assert_type(table.to_polars(), pl.DataFrame)
assert_type(pl.DataFrame(table), pl.DataFrame)
print(table.to_polars().group_by("service").len().sort("len", descending=True).head())
print(pd.DataFrame.from_arrow(table), table.to_pandas()["service"].value_counts())
