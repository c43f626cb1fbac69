"""Vision-language models: a picture and a question to an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ctk.contract import Count
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk_transformers.generative import DEFAULT_LORA, AnswerNetwork
from ctk_transformers.lora import Lora


class VisionLanguageNetwork(AnswerNetwork):
    """A vision-language model of transformers, fine-tuned to answer questions about a picture.

    Anything that ``AutoModelForImageTextToText`` loads and that has a chat template: SmolVLM (Marafioti et al. 2025,
    arXiv:2504.05299), LLaVA, Qwen-VL. Splitting a picture into further ones, as some processors do, is off.

    image  the feature (N, H, W, 3) uint8 with the picture
    size   side in pixels of the square that pictures are brought to, for models of the kind of SmolVLM; null as the
           model's own processor does it
    The other options are those of AnswerNetwork.
    """

    kind = "image-text"
    features = ("image", "question")

    def __init__(
        self,
        *,
        model: str = "HuggingFaceTB/SmolVLM-256M-Instruct",
        image: str = "image",
        text: str = "question",
        prompt: str = "",
        lora: Lora | None = DEFAULT_LORA,
        size: Count | None = None,
        max_new_tokens: Count = 32,
        at_once: Count = 32,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(
            model=model,
            text=text,
            prompt=prompt,
            lora=lora,
            max_new_tokens=max_new_tokens,
            at_once=at_once,
            checkpointing=checkpointing,
        )
        self.features = (image, text)
        images = self.pretrained.processor.image_processor
        if hasattr(images, "do_image_splitting"):
            images.do_image_splitting = False
        if size is not None:
            _bring_to(self.pretrained.processor, self.pretrained.model.config, size)

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> VisionLanguageNetwork:
        """Load the model, with new adapters. Raises UsageError for samples without such pictures or questions."""
        made = super().for_samples(samples, **options)
        pictures = samples.features[made.features[0]]
        if pictures.dtype != "uint8" or len(pictures.shape) != 4 or pictures.shape[-1] != 3:
            raise UsageError(
                f"Feature '{made.features[0]}' is {pictures.dtype} of shape {tuple(pictures.shape)}.",
                "A vision-language model reads pictures: (N, H, W, 3) uint8.",
            )
        return made

    def tokenized(self, prompts: Sequence[str], values: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Have the processor put a picture's tokens into each prompt, and make its pixels."""
        pictures = values[self.features[0]].permute(0, 3, 1, 2)
        made: Mapping[str, Tensor] = self.pretrained.processor(
            text=list(prompts), images=[[each] for each in pictures], padding=True, return_tensors="pt"
        )
        return made


def _bring_to(processor: Any, config: Any, size: int) -> None:
    """Have pictures brought to a square of another size, and count the tokens that they become then."""
    images, vision = processor.image_processor, config.vision_config
    if not (hasattr(images, "max_image_size") and hasattr(processor, "image_seq_len")):
        raise UsageError(
            f"Config key 'size': a {type(processor).__name__} brings pictures to a size of its own.",
            "Leave the key out.",
        )
    step = vision.patch_size * config.scale_factor
    if size % step:
        raise UsageError(f"Config key 'size': {size} is no multiple of {step}.", "A token of this model is so wide.")
    images.size = images.max_image_size = {"longest_edge": size}
    processor.image_seq_len = (size // step) ** 2
