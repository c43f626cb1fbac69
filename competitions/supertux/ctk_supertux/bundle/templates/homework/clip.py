"""The contrastive model: pictures and captions to vectors of one space."""

import torch
from peft import PeftModel

from .common import DEVICE, DTYPE, adapter_folder, load_base, load_processor
from .towers import CLIPTowers

ADDITIONAL = "additional_weights.pt"

processor = load_processor()


def load(model_name="clip_model"):
    """Load the base's towers with their adapter, projections and temperature; ``model`` is the network.

    ``model(pixel_values, input_ids, attention_mask)`` gives unit vectors of pictures and of captions, and the scale of
    their cosines. Pixels may be of any floating dtype, on any device.
    """
    folder = adapter_folder(model_name, ADDITIONAL)
    inner = load_base().model
    additional = torch.load(folder / ADDITIONAL, map_location="cpu", weights_only=True)
    towers = CLIPTowers(inner.vision_model, inner.text_model, len(additional["vision_projection.weight"]))
    clip = PeftModel.from_pretrained(towers, str(folder))
    own = dict(towers.named_parameters())
    with torch.no_grad():
        for name, value in additional.items():
            own[name].copy_(value)
    return clip.to(DEVICE, DTYPE).eval()
