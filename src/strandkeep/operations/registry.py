"""Every operation on one screen: its name, the function that does it, and the thing it is authorised on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from strandkeep.domain.identifiers import Installation
from strandkeep.operations import (
    audit,
    deletion,
    events,
    job_control,
    originals,
    qc,
    read_set_imports,
    read_sets,
    reference_imports,
    reference_stores,
    references,
    reingest,
    sequence_stores,
    tags,
    uploads,
    verifications,
)

Resource = Callable[[Installation, Mapping[str, Any]], str]


@dataclass(frozen=True)
class Use:
    """A built operation. `changes` tells that it may change something; `resource` gives the ARN it is about."""

    run: Callable[..., Any]
    resource: Resource
    changes: bool


def _anything(_installation: Installation, _request: Mapping[str, Any]) -> str:
    return "*"


def _store(installation: Installation, request: Mapping[str, Any]) -> str:
    return installation.sequence_store_arn(request.get("sequenceStoreId") or request["id"])


def _read_set(installation: Installation, request: Mapping[str, Any]) -> str:
    return installation.read_set_arn(request["sequenceStoreId"], request["id"])


def _reference_store(installation: Installation, request: Mapping[str, Any]) -> str:
    return installation.reference_store_arn(request.get("referenceStoreId") or request["id"])


def _reference(installation: Installation, request: Mapping[str, Any]) -> str:
    return installation.reference_arn(request["referenceStoreId"], request["id"])


def _verified(installation: Installation, request: Mapping[str, Any]) -> str:
    if "readSetId" in request and "sequenceStoreId" in request:
        return installation.read_set_arn(request["sequenceStoreId"], request["readSetId"])
    return _store(installation, request) if "sequenceStoreId" in request else "*"


def _verification(installation: Installation, request: Mapping[str, Any]) -> str:
    return installation.verification_arn(request["id"])


def _job(installation: Installation, request: Mapping[str, Any]) -> str:
    return installation.job_arn(request["id"])


def _named(_installation: Installation, request: Mapping[str, Any]) -> str:
    return str(request["resourceArn"])


OPERATIONS: Mapping[str, Use] = {
    "CreateSequenceStore": Use(sequence_stores.create_sequence_store, _anything, changes=True),
    "GetSequenceStore": Use(sequence_stores.get_sequence_store, _store, changes=False),
    "ListSequenceStores": Use(sequence_stores.list_sequence_stores, _anything, changes=False),
    "UpdateSequenceStore": Use(sequence_stores.update_sequence_store, _store, changes=True),
    "DeleteSequenceStore": Use(sequence_stores.delete_sequence_store, _store, changes=True),
    "CreateMultipartReadSetUpload": Use(uploads.create_multipart_read_set_upload, _store, changes=True),
    "UploadReadSetPart": Use(uploads.upload_read_set_part, _store, changes=True),
    "ListReadSetUploadParts": Use(uploads.list_read_set_upload_parts, _store, changes=False),
    "ListMultipartReadSetUploads": Use(uploads.list_multipart_read_set_uploads, _store, changes=False),
    "CompleteMultipartReadSetUpload": Use(uploads.complete_multipart_read_set_upload, _store, changes=True),
    "AbortMultipartReadSetUpload": Use(uploads.abort_multipart_read_set_upload, _store, changes=True),
    "ListReadSets": Use(read_sets.list_read_sets, _store, changes=False),
    "GetReadSetMetadata": Use(read_sets.get_read_set_metadata, _read_set, changes=False),
    "GetReadSet": Use(read_sets.get_read_set, _read_set, changes=False),
    "BatchDeleteReadSet": Use(deletion.batch_delete_read_set, _store, changes=True),
    "StartReadSetImportJob": Use(read_set_imports.start_read_set_import_job, _store, changes=True),
    "GetReadSetImportJob": Use(read_set_imports.get_read_set_import_job, _store, changes=False),
    "ListReadSetImportJobs": Use(read_set_imports.list_read_set_import_jobs, _store, changes=False),
    "CreateReferenceStore": Use(reference_stores.create_reference_store, _anything, changes=True),
    "GetReferenceStore": Use(reference_stores.get_reference_store, _reference_store, changes=False),
    "ListReferenceStores": Use(reference_stores.list_reference_stores, _anything, changes=False),
    "DeleteReferenceStore": Use(reference_stores.delete_reference_store, _reference_store, changes=True),
    "ListReferences": Use(references.list_references, _reference_store, changes=False),
    "GetReferenceMetadata": Use(references.get_reference_metadata, _reference, changes=False),
    "GetReference": Use(references.get_reference, _reference, changes=False),
    "DeleteReference": Use(references.delete_reference, _reference, changes=True),
    "StartReferenceImportJob": Use(reference_imports.start_reference_import_job, _reference_store, changes=True),
    "GetReferenceImportJob": Use(reference_imports.get_reference_import_job, _reference_store, changes=False),
    "ListReferenceImportJobs": Use(reference_imports.list_reference_import_jobs, _reference_store, changes=False),
    "TagResource": Use(tags.tag_resource, _named, changes=True),
    "UntagResource": Use(tags.untag_resource, _named, changes=True),
    "ListTagsForResource": Use(tags.list_tags_for_resource, _named, changes=False),
    "BatchUndeleteReadSet": Use(deletion.batch_undelete_read_set, _store, changes=True),
    "ListAuditRecords": Use(audit.list_audit_records, _anything, changes=False),
    "ListEvents": Use(events.list_events, _anything, changes=False),
    "GetReadSetQc": Use(qc.get_read_set_qc, _read_set, changes=False),
    "ReingestReadSet": Use(reingest.reingest_read_set, _read_set, changes=True),
    "ImportReadSets": Use(read_set_imports.import_read_sets, _store, changes=True),
    "ListReadSetOriginals": Use(originals.list_read_set_originals, _read_set, changes=False),
    "GetReadSetOriginal": Use(originals.get_read_set_original, _read_set, changes=False),
    "StartVerification": Use(verifications.start_verification, _verified, changes=True),
    "GetVerification": Use(verifications.get_verification, _verification, changes=False),
    "ListVerifications": Use(verifications.list_verifications, _anything, changes=False),
    "ListVerificationFindings": Use(verifications.list_verification_findings, _verification, changes=False),
    "CancelVerification": Use(verifications.cancel_verification, _verification, changes=True),
    "CancelJob": Use(job_control.cancel_job, _job, changes=True),
    "GetJobProgress": Use(job_control.get_job_progress, _job, changes=False),
    "RetryFailedItems": Use(job_control.retry_failed_items, _job, changes=True),
}
