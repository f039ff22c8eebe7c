"""The root's access key, read beside a running server for the person who owns the data folder."""

import sqlalchemy as sa

from strandkeep.access.sealing import open_sealer
from strandkeep.catalog import Reader, accounts, reading_engine, sqlite_url
from strandkeep.domain.identifiers import Installation
from strandkeep.settings import Settings, SettingsError


def read_root_key(settings: Settings) -> tuple[str, str, str]:
    """(key id, secret, Region) of the installation; SettingsError when its first start did not end.

    Reads only: the catalog may be open in a server.
    """
    engine = reading_engine(settings.database_url or sqlite_url(settings.data_dir / "catalog.sqlite"))
    try:
        with engine.connect() as connection:
            reader = Reader(connection)
            row = accounts.installation(reader)
            root = row and Installation(row.account, row.region, row.partition).root_arn()
            key = root and accounts.first_access_key(reader, root)
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as fault:
        raise SettingsError(f"the catalog cannot be read: {fault.orig}") from fault
    finally:
        engine.dispose()
    if not row or not key:
        raise SettingsError("the first start of this installation has not ended: run `strandkeep serve`")
    return key.id, open_sealer(settings.data_dir / "secret.key").open(key.id, key.secret), row.region
