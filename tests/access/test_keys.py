"""Access keys by id."""

import asyncio

import pytest

from strandkeep.access.authorise import authorise
from strandkeep.access.keys import AccessKey, KeyRing
from strandkeep.catalog import accounts, tables
from strandkeep.domain.context import RequestContext
from strandkeep.errors import AccessDeniedException


def find(made, key_id):
    return asyncio.run(KeyRing(made.catalog, made.sealer).find(key_id))


def test_an_active_key_is_found_with_its_secret(made):
    root = made.installation.root_arn()
    row = made.catalog.read(lambda r: accounts.first_access_key(r, root))
    secret = made.sealer.open(row.id, row.secret)
    assert find(made, row.id) == AccessKey(row.id, made.installation.account, root, secret)


@pytest.mark.parametrize(("column", "value"), [("active", 0), ("expires", 1)])
def test_a_key_that_was_disabled_or_has_expired_is_not_found(made, column, value):
    row = made.catalog.read(lambda r: accounts.first_access_key(r, made.installation.root_arn()))
    made.catalog.write(lambda tx: tx.run(tables.access_key.update().values({column: value})))
    assert find(made, row.id) is None


def test_a_key_that_never_was_is_not_found(made):
    assert find(made, "AKIANEVER") is None
    assert find(made, "") is None


def test_a_key_that_is_looked_up_again_is_kept_at_hand(made):
    row = made.catalog.read(lambda r: accounts.first_access_key(r, made.installation.root_arn()))
    ring = KeyRing(made.catalog, made.sealer)
    first = asyncio.run(ring.find(row.id))
    made.catalog.write(lambda tx: tx.run(tables.access_key.delete()))
    assert asyncio.run(ring.find(row.id)) is first


def test_the_root_may_do_everything_and_any_other_principal_nothing(made):
    here = made.installation

    def context(principal, account=here.account):
        return RequestContext(account, principal, "AKIA", "", "r")

    authorise(context(here.root_arn()), here, "omics:GetReadSet", "*")
    other = "arn:aws:iam::000000000001:root"
    authorise(context(other, "000000000001"), here, "omics:GetReadSet", "*")
    for principal in (other, f"arn:aws:iam::{here.account}:user/x", f"arn:aws:iam::{here.account}:root/x", ""):
        with pytest.raises(AccessDeniedException, match=r"not authorized to perform omics:GetReadSet on arn:x"):
            authorise(context(principal), here, "omics:GetReadSet", "arn:x")
