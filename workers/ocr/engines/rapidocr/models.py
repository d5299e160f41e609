"""The models of the package `rapidocr`: found, loaded and run on one thread, by OpenVINO or by ONNX Runtime."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from shared.errors import EngineUnavailable

Floats = NDArray[np.float32]
Grey = NDArray[np.uint8]

DETECTOR: Final = "PP-OCRv6_det_small.onnx"
RECOGNISER: Final = "PP-OCRv6_rec_small.onnx"

_MISSING: Final = "The engine 'rapidocr' is not installed here: {}. Install the package `rapidocr`, or use 'tesseract'."


class Model(Protocol):
    """A network that maps one batch to one array."""

    def __call__(self, batch: Floats) -> Floats:
        """Run it; what is returned is written over by the next run."""
        ...


@dataclass(frozen=True, slots=True)
class Models:
    """What a page is read with.

    Attributes:
        detector: maps pictures `(1, 3, height, width)` to the probability of text at each pixel.
        recogniser: maps lines `(n, 3, 48, width)` to the probability of each character at each eighth pixel.
        characters: that those probabilities are of; the first is CTC's blank, the last a space.
        runtime: what runs them, with its version.
    """

    detector: Model
    recogniser: Model
    characters: Sequence[str]
    runtime: str


def package_version() -> str:
    """Return the version of the package the models are of.

    Raises:
        EngineUnavailable: it is not installed.
    """
    try:
        return version("rapidocr")
    except PackageNotFoundError as error:
        raise EngineUnavailable(_MISSING.format("there is no package of that name")) from error


def load() -> Models:
    """Load the models.

    Raises:
        EngineUnavailable: the package, a model or whatever could run one is missing.
    """
    try:
        if find_spec("openvino") is not None:
            return _by_openvino(_folder())
        return _by_onnxruntime(_folder())
    except (ImportError, OSError, RuntimeError, KeyError) as error:
        raise EngineUnavailable(_MISSING.format(f"its models cannot be loaded ({error})")) from error


def _folder() -> Path:
    """Where the models are; the package itself is not imported, it would load what we don't use."""
    spec = find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailable(_MISSING.format("there is no package of that name"))
    folder = Path(spec.submodule_search_locations[0], "models")
    for name in (DETECTOR, RECOGNISER):
        if not (folder / name).is_file():
            raise EngineUnavailable(_MISSING.format(f"its version {package_version()} comes without {name}"))
    return folder


def _alphabet(text: str) -> tuple[str, ...]:
    return ("", *text.splitlines(), " ")


# --- OpenVINO


_FORGETFUL: Final = {"CPU_RUNTIME_CACHE_CAPACITY": "1"}
"""OpenVINO keeps what it prepared for the sizes of pictures it met, 5000 entries of it. After 75 pages of as many sizes
the detector's process held 1121 MB, with this 711 MB, for some 4 % more CPU time a megapixel. The recogniser meets few
sizes, one after the other, and keeps them."""


class _OpenVinoModel:
    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()

    def __call__(self, batch: Floats) -> Floats:
        self._request.infer([batch], share_inputs=True)
        found: Floats = self._request.get_output_tensor().data
        return found


def _by_openvino(folder: Path) -> Models:
    # Its package for telemetry would tell an analytics service of this import; as if it were not there.
    sys.modules.setdefault("openvino_telemetry", cast("Any", None))
    openvino: Any = import_module("openvino")  # half a second, only where it is used
    core = openvino.Core()
    # One stream of one thread: inference then runs in the thread that calls, which a forked process still has.
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    recogniser = core.read_model(folder / RECOGNISER)
    characters = recogniser.get_rt_info()["framework"]["character"].value
    return Models(
        _OpenVinoModel(core.compile_model(folder / DETECTOR, "CPU", settings | _FORGETFUL)),
        _OpenVinoModel(core.compile_model(recogniser, "CPU", settings)),
        _alphabet(characters),
        f"openvino {version('openvino')}",
    )


# --- ONNX Runtime


class _OnnxModel:
    def __init__(self, session: Any) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name

    def __call__(self, batch: Floats) -> Floats:
        found: Floats = self._session.run(None, {self._input: batch})[0]
        return found


def _by_onnxruntime(folder: Path) -> Models:
    onnxruntime: Any = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it keeps the most it ever needed
    detector, recogniser = (
        onnxruntime.InferenceSession(str(folder / name), options, ["CPUExecutionProvider"])
        for name in (DETECTOR, RECOGNISER)
    )
    characters = recogniser.get_modelmeta().custom_metadata_map["character"]
    return Models(
        _OnnxModel(detector), _OnnxModel(recogniser), _alphabet(characters), f"onnxruntime {onnxruntime.__version__}"
    )
