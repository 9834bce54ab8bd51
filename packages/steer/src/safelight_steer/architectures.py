"""What differs between families of pipelines: positions of words, layout of latents, inputs of the denoiser.

Everything is read from the pipeline object, so this module does not import diffusers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

#: (pipeline, texts, arguments of its encode_prompt, length of the encoded text) to a mask (texts, length)
#: of words.
Words = Callable[[Any, Sequence[str], Mapping[str, Any], int], Tensor]
#: (pipeline, clean latents, arguments of the denoiser) to latents (batch, channels, frames, height, width)
#: for the VAE.
ForDecoder = Callable[[Any, Tensor, Mapping[str, Any]], Tensor]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    name: str
    #: Class names of pipelines. Those that start from an image are included; the gap is reported apart.
    pipelines: frozenset[str]
    words: Words
    for_decoder: ForDecoder
    #: Axis of the frames in a prediction of the denoiser; for packed latents, after `unpacked`.
    frame_axis: int
    #: Arguments of the denoiser that carry text, each with its index in the result of encode_prompt.
    text_inputs: Mapping[str, int]
    #: Index of a vector for the whole text in the result of encode_prompt.
    pooled: int | None = None
    #: Whether a prediction is packed as (batch, frames * rows * columns, channels).
    packed: bool = False
    #: Whether it has a second encoder for words shown in the picture.
    second_encoder: bool = False
    #: Whether end and padding positions carry the whole text: a causal encoder without a mask.
    tail: bool = False
    #: Whether the decoder is one of images, for one frame at a time.
    image_decoder: bool = False


def architecture_of(pipeline: Any) -> Architecture | None:
    name = type(pipeline).__name__
    return next((each for each in ARCHITECTURES if name in each.pipelines), None)


def _mask(pipeline: Any, ids: Tensor, attended: Tensor) -> Tensor:
    """Attended positions without begin, end and padding tokens. An unknown token is a word."""
    tokenizer = pipeline.tokenizer
    special = set(tokenizer.all_special_ids)
    # CLIP has one token for the unknown, the end and the padding.
    if (unknown := tokenizer.unk_token_id) not in {tokenizer.eos_token_id, tokenizer.pad_token_id}:
        special -= {unknown}
    return attended.bool() & ~torch.isin(ids, torch.tensor(sorted(special), dtype=ids.dtype))


def _padded_words(pipeline: Any, texts: Sequence[str], _: Mapping[str, Any], length: int) -> Tensor:
    """T5, UMT5 and CLIP: one end token, padding after it."""
    encoded = pipeline.tokenizer(
        [" ".join(text.split()) for text in texts],
        padding="max_length",
        max_length=length,
        truncation=True,
        add_special_tokens=True,
        return_attention_mask=True,
        return_tensors="pt",
    )
    return _mask(pipeline, encoded.input_ids, encoded.attention_mask)


def _llama_words(pipeline: Any, texts: Sequence[str], arguments: Mapping[str, Any], length: int) -> Tensor:
    """HunyuanVideo: the text stands in a template, whose beginning is cut off after encoding."""
    template = arguments["prompt_template"]
    cut = template.get("crop_start")
    if cut is None:
        cut = len(pipeline.tokenizer(template["template"]).input_ids) - 2
    encoded = pipeline.tokenizer(
        [template["template"].format(text) for text in texts],
        padding="max_length",
        max_length=length + cut,
        truncation=True,
        return_attention_mask=True,
        return_tensors="pt",
    )
    return _mask(pipeline, encoded.input_ids[:, cut:], encoded.attention_mask[:, cut:])


def _chat_words(pipeline: Any, texts: Sequence[str], _: Mapping[str, Any], length: int) -> Tensor:
    """HunyuanVideo 1.5: the text stands first after the cut; the words of the template follow it."""
    counts = [
        min(length, len(pipeline.tokenizer(text, add_special_tokens=False).input_ids)) for text in texts
    ]
    return torch.arange(length)[None, :] < torch.tensor(counts)[:, None]


def _wan_latents(pipeline: Any, latents: Tensor, _: Mapping[str, Any]) -> Tensor:
    config = pipeline.vae.config
    mean = torch.tensor(config.latents_mean, device=latents.device).view(1, -1, 1, 1, 1)
    deviation = torch.tensor(config.latents_std, device=latents.device).view(1, -1, 1, 1, 1)
    return latents * deviation + mean


def _ltx_latents(pipeline: Any, latents: Tensor, arguments: Mapping[str, Any]) -> Tensor:
    unpacked = pipeline._unpack_latents(  # noqa: SLF001 - the pipeline's only way
        latents,
        arguments["num_frames"],
        arguments["height"],
        arguments["width"],
        pipeline.transformer_spatial_patch_size,
        pipeline.transformer_temporal_patch_size,
    )
    vae = pipeline.vae
    mean = vae.latents_mean.view(1, -1, 1, 1, 1).to(unpacked)
    deviation = vae.latents_std.view(1, -1, 1, 1, 1).to(unpacked)
    return unpacked * deviation / vae.config.scaling_factor + mean


def _cogvideox_latents(pipeline: Any, latents: Tensor, _: Mapping[str, Any]) -> Tensor:
    return latents.permute(0, 2, 1, 3, 4) / pipeline.vae.config.scaling_factor


def _scaled_latents(pipeline: Any, latents: Tensor, _: Mapping[str, Any]) -> Tensor:
    return latents / pipeline.vae.config.scaling_factor


ARCHITECTURES: tuple[Architecture, ...] = (
    Architecture(
        name="wan",
        pipelines=frozenset(
            {"WanPipeline", "WanImageToVideoPipeline", "WanVideoToVideoPipeline", "WanVACEPipeline"}
        ),
        words=_padded_words,
        for_decoder=_wan_latents,
        frame_axis=2,
        text_inputs={"encoder_hidden_states": 0},
    ),
    Architecture(
        name="ltx",
        pipelines=frozenset({"LTXPipeline", "LTXImageToVideoPipeline", "LTXConditionPipeline"}),
        words=_padded_words,
        for_decoder=_ltx_latents,
        frame_axis=1,
        text_inputs={"encoder_hidden_states": 0, "encoder_attention_mask": 1},
        packed=True,
    ),
    Architecture(
        name="cogvideox",
        pipelines=frozenset(
            {"CogVideoXPipeline", "CogVideoXImageToVideoPipeline", "CogVideoXVideoToVideoPipeline"}
        ),
        words=_padded_words,
        for_decoder=_cogvideox_latents,
        frame_axis=1,
        text_inputs={"encoder_hidden_states": 0},
    ),
    Architecture(
        name="hunyuan-video",
        pipelines=frozenset({"HunyuanVideoPipeline"}),
        words=_llama_words,
        for_decoder=_scaled_latents,
        frame_axis=2,
        text_inputs={"encoder_hidden_states": 0, "pooled_projections": 1, "encoder_attention_mask": 2},
        pooled=1,
    ),
    Architecture(
        name="hunyuan-video-1.5",
        pipelines=frozenset({"HunyuanVideo15Pipeline", "HunyuanVideo15ImageToVideoPipeline"}),
        words=_chat_words,
        for_decoder=_scaled_latents,
        frame_axis=2,
        text_inputs={
            "encoder_hidden_states": 0,
            "encoder_attention_mask": 1,
            "encoder_hidden_states_2": 2,
            "encoder_attention_mask_2": 3,
        },
        second_encoder=True,
    ),
    Architecture(
        name="animatediff",
        pipelines=frozenset({"AnimateDiffPipeline"}),
        words=_padded_words,
        for_decoder=_scaled_latents,
        frame_axis=2,
        text_inputs={"encoder_hidden_states": 0},
        tail=True,
        image_decoder=True,
    ),
)


def decode_frame(
    architecture: Architecture, pipeline: Any, latents: Tensor, arguments: Mapping[str, Any]
) -> Tensor:
    """The middle latent frame of the first clip as (frames, 3, height, width), values from 0 to 1.

    One latent frame alone: the decoder's cost grows with the frames, and a detector needs one.
    """
    prepared = architecture.for_decoder(pipeline, latents[:1].float(), arguments)
    middle = prepared.shape[2] // 2
    one = prepared[:, :, middle : middle + 1].to(pipeline.vae.dtype)
    if architecture.image_decoder:
        one = one[:, :, 0]
    with torch.no_grad():
        if getattr(pipeline.vae.config, "timestep_conditioning", False):
            moment = torch.zeros(1, device=one.device, dtype=one.dtype)
            decoded = pipeline.vae.decode(one, moment, return_dict=False)[0]
        else:
            decoded = pipeline.vae.decode(one, return_dict=False)[0]
    if architecture.image_decoder:
        decoded = decoded[:, :, None]
    return (decoded[0].permute(1, 0, 2, 3).float() / 2 + 0.5).clamp(0, 1)


def by_frames(architecture: Architecture, prediction: Tensor, arguments: Mapping[str, Any]) -> Tensor:
    """The prediction with an axis for frames: packed ones as (batch, frames, places, channels)."""
    if not architecture.packed:
        return prediction
    return prediction.unflatten(1, (int(arguments["num_frames"]), -1))
