"""Our own service model, in a folder laid out as SDKs find it by AWS_DATA_PATH."""

from pathlib import Path

#: What AWS_DATA_PATH must name.
MODELS = Path(__file__).parent
