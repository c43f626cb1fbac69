"""The contrastive model: pictures and captions to vectors of one space."""

import torch
import torch.nn.functional as F
from peft import PeftModel

from .common import DEVICE, DTYPE, SETTINGS, adapter_folder, load_base, load_processor
from .towers import CLIPTowers

ADDITIONAL = "additional_weights.pt"

processor = load_processor()


class SizedTowers(CLIPTowers):
    """Towers that bring pixels to the size they were trained at: a grader shows 192 x 192."""

    def encode_image(self, pixel_values):
        size = SETTINGS["clip_size"]
        if size and pixel_values.shape[-2:] != (size, size):
            pixel_values = F.interpolate(pixel_values.float(), (size, size), mode="bilinear", antialias=True)
        return super().encode_image(pixel_values)


def load(model_name="clip_model"):
    """Load the base's towers with their adapter, projections and temperature; ``model`` is the network.

    ``model(pixel_values, input_ids, attention_mask)`` gives unit vectors of pictures and of captions, and the scale of
    their cosines. Pixels may be of any floating dtype, on any device.
    """
    folder = adapter_folder(model_name, ADDITIONAL)
    inner = load_base().model
    additional = torch.load(folder / ADDITIONAL, map_location="cpu", weights_only=True)
    towers = SizedTowers(inner.vision_model, inner.text_model, len(additional["vision_projection.weight"]))
    clip = PeftModel.from_pretrained(towers, str(folder))
    own = dict(towers.named_parameters())
    with torch.no_grad():
        for name, value in additional.items():
            own[name].copy_(value)
    return clip.to(DEVICE, DTYPE).eval()
