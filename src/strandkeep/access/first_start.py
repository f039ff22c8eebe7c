"""The first start: an account, its root key, and what stays fixed from then on."""

import secrets
import string
from collections.abc import Callable

from strandkeep.access.sealing import Sealer
from strandkeep.catalog import Catalog, Transaction, accounts
from strandkeep.domain.identifiers import Installation
from strandkeep.settings import Settings, SettingsError

_SECRET_LETTERS = string.ascii_letters + string.digits + "+/"


def open_installation(
    catalog: Catalog, sealer: Sealer, settings: Settings, holds_bytes: Callable[[], bool]
) -> tuple[Installation, bytes]:
    """The installation, made at the first start, and the key of its page tokens.

    SettingsError when a setting contradicts what was fixed then, or when there are bytes already (`holds_bytes`) of
    which an empty catalog knows nothing: the sweep would take them for orphans. SealError when `sealer` is not the
    one of then.
    """
    row = catalog.read(accounts.installation)
    if row is None:
        if holds_bytes():
            raise SettingsError(
                f"{settings.data_dir} holds stored bytes, but the catalog is empty, and what it does not know would "
                "be removed. Restore the catalog from its backup, or set database_url to where it is"
            )
        catalog.write(_creation(sealer, settings))
        row = catalog.read(accounts.installation)
    if row is None:
        raise SettingsError("the catalog does not keep what was written to it")
    for name in ("account", "region", "partition"):
        given, fixed = getattr(settings, name), getattr(row, name)
        if given not in ("", fixed) and not (
            name != "account" and given == type(settings).__dataclass_fields__[name].default
        ):
            raise SettingsError(f"{name} is {given!r}, but this installation was made with {fixed!r}; it cannot change")
    installation = Installation(row.account, row.region, row.partition)
    _check_sealer(catalog, sealer, installation)
    return installation, row.paging_key


def new_access_key() -> tuple[str, str]:
    """A key id and a secret in the form of AWS's."""
    key_id = "AKIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
    return key_id, "".join(secrets.choice(_SECRET_LETTERS) for _ in range(40))


def _check_sealer(catalog: Catalog, sealer: Sealer, installation: Installation) -> None:
    """Open one secret: with another secret.key the server would start, and refuse every caller."""
    key = catalog.read(lambda reader: accounts.first_access_key(reader, installation.root_arn()))
    if key is not None:
        sealer.open(key.id, key.secret)


def _creation(sealer: Sealer, settings: Settings) -> Callable[[Transaction], None]:
    account = settings.account or str(10**11 + secrets.randbelow(9 * 10**11))
    key_id, secret = new_access_key()
    root = Installation(account, settings.region, settings.partition).root_arn()

    def create(tx: Transaction) -> None:
        # Another process of the same installation may have been first.
        if accounts.installation(tx) is not None:
            return
        accounts.create_installation(tx, account, settings.region, settings.partition, secrets.token_bytes(32))
        accounts.create_account(tx, account)
        accounts.create_access_key(tx, key_id, account, root, sealer.seal(key_id, secret))

    return create
