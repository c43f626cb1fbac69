"""The vision-language model: a picture and a question to an answer."""

import torch
from peft import PeftModel
from PIL import Image

from .common import DEVICE, SETTINGS, adapter_folder, load_base, load_processor


class VLM:
    """A fine-tuned vision-language model; ``model`` is the network."""

    def __init__(self, model, processor):
        self.model, self.processor, self.device = model, processor, DEVICE

    def generate(self, image_path, question):
        """Answer one question about one picture, a path or a picture of Pillow."""
        return self.answer([image_path], [question])[0]

    @torch.no_grad()
    def answer(self, image_paths, questions):
        """Answer questions, each about its picture: a list of strings, in a batch padded at its left."""
        pictures = [each if isinstance(each, Image.Image) else Image.open(each) for each in image_paths]
        inputs = self.processor(
            text=[self.prompt(question) for question in questions],
            images=[[picture.convert("RGB")] for picture in pictures],
            padding=True,
            padding_side="left",
            return_tensors="pt",
        ).to(self.device)
        inputs.pop("token_type_ids", None)  # some versions' tokenizers add them, and no network of this kind reads them
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        tokenizer = self.processor.tokenizer
        ends = self.model.generation_config.eos_token_id
        made = self.model.generate(
            **inputs,
            max_new_tokens=SETTINGS["max_new_tokens"],
            do_sample=False,
            eos_token_id=sorted({tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}),
            pad_token_id=tokenizer.pad_token_id,
        )
        new = made[:, inputs["input_ids"].shape[1] :]
        return [answer.strip() for answer in tokenizer.batch_decode(new, skip_special_tokens=True)]

    def prompt(self, question):
        """Write a question as the chat template has it, up to where the answer begins."""
        content = [{"type": "image"}, {"type": "text", "text": SETTINGS["prompt"] + question}]
        return self.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)


def load(model_name="vlm_model"):
    """Load the base with its adapter."""
    folder = adapter_folder(model_name)
    processor, base = load_processor(), load_base()
    if size := SETTINGS["size"]:
        step = base.config.vision_config.patch_size * base.config.scale_factor
        processor.image_processor.size = processor.image_processor.max_image_size = {"longest_edge": size}
        processor.image_seq_len = (size // step) ** 2
    return VLM(PeftModel.from_pretrained(base, str(folder)).to(DEVICE).eval(), processor)
