"""The main job with the catalog, and the jobs, in PostgreSQL."""

from pathlib import Path

from tests.e2e.uploading import download, new_store, new_upload, pair, send_parts, upload
from tests.postgres import new_database
from tests.server import start_server, wait_for_read_set


def test_the_main_job_on_postgresql_and_a_kill_in_the_middle_of_it(data_dir: Path, postgres: str) -> None:
    url = new_database(postgres)
    sources = pair(3000)
    with start_server(data_dir, database_url=url) as server:
        omics = server.client()
        store_id = new_store(omics)
        first = upload(omics, store_id, sources, part_size=100_000, tags={"a": "b"})
        assert wait_for_read_set(omics, store_id, first)["status"] == "ACTIVE"
        assert download(omics, store_id, first, "SOURCE2") == sources["SOURCE2"]

        upload_id = new_upload(omics, store_id)
        listed = []
        for source, content in sources.items():
            listed += send_parts(omics, store_id, upload_id, [content], source)
        key = {"sequenceStoreId": store_id, "uploadId": upload_id}
        second = omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"]
        server.kill()
    assert not list(data_dir.glob("*.sqlite"))
    with start_server(data_dir, database_url=url) as server:
        omics = server.client()
        found = wait_for_read_set(omics, store_id, second)
        assert found["status"] == "ACTIVE"
        assert found["sequenceInformation"]["totalReadCount"] == 6000
        assert omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"] == second
        assert {r["id"] for r in omics.list_read_sets(sequenceStoreId=store_id)["readSets"]} == {first, second}
        arn = omics.get_read_set_metadata(sequenceStoreId=store_id, id=first)["arn"]
        assert omics.list_tags_for_resource(resourceArn=arn)["tags"]["a"] == "b"
        for source, content in sources.items():
            assert download(omics, store_id, second, source) == content
        omics.batch_delete_read_set(sequenceStoreId=store_id, ids=[first, second])
        omics.delete_sequence_store(id=store_id)
        assert server.stop() == 0
