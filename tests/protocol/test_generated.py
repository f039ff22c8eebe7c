"""The committed types and errors are those of the service model."""

import typing

import pytest

from strandkeep.errors import model as errors
from strandkeep.protocol import shapes, strandkeep_shapes
from strandkeep.protocol.contract import served_operations
from strandkeep.protocol.generate import PACKAGE, generated_files


@pytest.mark.parametrize(("path", "content"), generated_files().items(), ids=lambda value: str(value)[-30:])
def test_a_generated_file_is_as_committed(path, content):
    assert path.read_text() == content, f"{path.relative_to(PACKAGE)} is stale: run `make types`"


@pytest.mark.parametrize(("service", "module"), [("omics", shapes), ("strandkeep", strandkeep_shapes)])
def test_every_request_and_response_has_a_type(service, module):
    for operation in served_operations():
        if operation.service_model.service_name != service:
            continue
        for shape in (operation.input_shape, operation.output_shape):
            hints = typing.get_type_hints(getattr(module, shape.name))
            assert hints.keys() == shape.members.keys() - {"payload"}


def test_every_modelled_error_has_its_code_and_status():
    for operation in served_operations():
        for shape in operation.error_shapes:
            error = getattr(errors, shape.name)
            assert (error.code, error.status) == (shape.name, shape.metadata["error"]["httpStatusCode"])
