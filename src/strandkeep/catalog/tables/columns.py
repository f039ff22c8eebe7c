"""What all tables share: their metadata, and types of columns that differ between databases."""

import sqlalchemy
from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

JSON = sqlalchemy.JSON(none_as_null=True)

#: SQLite numbers rows by Integer alone.
BIG = BigInteger().with_variant(Integer, "sqlite")
