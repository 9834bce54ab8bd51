"""Tiny pipelines with random weights: the real classes of diffusers, with components of a few kilobytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import (
    AnimateDiffPipeline,
    AutoencoderKL,
    AutoencoderKLCogVideoX,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLHunyuanVideo15,
    AutoencoderKLLTXVideo,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15Pipeline,
    HunyuanVideo15Transformer3DModel,
    HunyuanVideoPipeline,
    HunyuanVideoTransformer3DModel,
    LTXPipeline,
    LTXVideoTransformer3DModel,
    MotionAdapter,
    UNet2DConditionModel,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from diffusers.guiders import ClassifierFreeGuidance
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    ByT5Tokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    LlamaConfig,
    LlamaModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLTextConfig,
    Qwen2_5_VLTextModel,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from safelight_steer.text_embedding import CARRIERS, REFERENCE_PROMPTS

STEPS = 4
WORDS = sorted(
    {
        word
        for text in (
            *REFERENCE_PROMPTS,
            *CARRIERS,
            "a red paint splash hits the wall",
            "blue water splash on grass, red ball, splash of colour, photorealistic, blurred",
            "system user assistant",
        )
        for word in text.lower().replace(",", " ").replace("{}", " ").split()
    }
)


def _fast(processor: str, special: list[str], **names: str) -> PreTrainedTokenizerFast:
    vocabulary = {word: index for index, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=processor, special_tokens=[(name, vocabulary[name]) for name in special]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", **names)


def t5_tokenizer() -> PreTrainedTokenizerFast:
    return _fast("$A </s>", ["<pad>", "</s>", "<unk>"], eos_token="</s>")


def clip_tokenizer() -> PreTrainedTokenizerFast:
    return _fast("<bos> $A <eos>", ["<bos>", "<pad>", "<eos>", "<unk>"], bos_token="<bos>", eos_token="<eos>")


def _t5(kind: Any, config: Any) -> Any:
    return kind(config(vocab_size=400, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)).eval()


def wan(*, second: bool = False) -> Any:
    def transformer() -> Any:
        return WanTransformer3DModel(
            patch_size=(1, 2, 2),
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=16,
            out_channels=16,
            text_dim=32,
            freq_dim=64,
            ffn_dim=32,
            num_layers=2,
            cross_attn_norm=True,
            qk_norm="rms_norm_across_heads",
            rope_max_seq_len=32,
        )

    torch.manual_seed(0)
    return WanPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=_t5(UMT5EncoderModel, UMT5Config),
        vae=AutoencoderKLWan(
            base_dim=3,
            z_dim=16,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
        ),
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
        transformer=transformer(),
        transformer_2=transformer() if second else None,
        boundary_ratio=0.875 if second else None,
    )


def wan_2_2() -> Any:
    return wan(second=True)


def ltx() -> Any:
    torch.manual_seed(0)
    return LTXPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=_t5(T5EncoderModel, T5Config),
        vae=AutoencoderKLLTXVideo(
            latent_channels=8,
            block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            layers_per_block=(1, 1, 1, 1, 1),
            decoder_layers_per_block=(1, 1, 1, 1, 1),
            spatio_temporal_scaling=(True, True, False, False),
            decoder_spatio_temporal_scaling=(True, True, False, False),
            decoder_inject_noise=(False, False, False, False, False),
            upsample_residual=(False, False, False, False),
            upsample_factor=(1, 1, 1, 1),
            timestep_conditioning=False,
            patch_size=1,
            patch_size_t=1,
            encoder_causal=True,
            decoder_causal=False,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        transformer=LTXVideoTransformer3DModel(
            in_channels=8,
            out_channels=8,
            num_attention_heads=4,
            attention_head_dim=8,
            cross_attention_dim=32,
            num_layers=1,
            caption_channels=32,
        ),
    )


def cogvideox() -> Any:
    torch.manual_seed(0)
    return CogVideoXPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=_t5(T5EncoderModel, T5Config),
        vae=AutoencoderKLCogVideoX(
            down_block_types=("CogVideoXDownBlock3D",) * 4,
            up_block_types=("CogVideoXUpBlock3D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=2,
            temporal_compression_ratio=4,
        ),
        scheduler=CogVideoXDDIMScheduler(prediction_type="v_prediction"),
        transformer=CogVideoXTransformer3DModel(
            num_attention_heads=4,
            attention_head_dim=8,
            in_channels=4,
            out_channels=4,
            time_embed_dim=2,
            text_embed_dim=32,
            num_layers=1,
            sample_width=2,
            sample_height=2,
            sample_frames=9,
            patch_size=2,
            temporal_compression_ratio=4,
            max_text_seq_length=32,
        ),
    )


def hunyuan() -> Any:
    torch.manual_seed(0)
    return HunyuanVideoPipeline(
        tokenizer=clip_tokenizer(),
        text_encoder=LlamaModel(
            LlamaConfig(
                vocab_size=400,
                hidden_size=16,
                intermediate_size=37,
                num_attention_heads=4,
                num_hidden_layers=3,
                pad_token_id=1,
                bos_token_id=0,
                eos_token_id=2,
            )
        ).eval(),
        tokenizer_2=clip_tokenizer(),
        text_encoder_2=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=400,
                hidden_size=8,
                intermediate_size=37,
                num_attention_heads=4,
                num_hidden_layers=2,
                pad_token_id=1,
                bos_token_id=0,
                eos_token_id=2,
                projection_dim=32,
            )
        ).eval(),
        vae=AutoencoderKLHunyuanVideo(
            latent_channels=4,
            down_block_types=("HunyuanVideoDownBlock3D",) * 4,
            up_block_types=("HunyuanVideoUpBlock3D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            layers_per_block=1,
            norm_num_groups=4,
            spatial_compression_ratio=8,
            temporal_compression_ratio=4,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        transformer=HunyuanVideoTransformer3DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=10,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            patch_size=1,
            guidance_embeds=True,
            text_embed_dim=16,
            pooled_projection_dim=8,
            rope_axes_dim=(2, 4, 4),
        ),
    )


def hunyuan_1_5() -> Any:
    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    tokenizer.chat_template = (
        "{% for message in messages %}{{ message['role'] }} {{ message['content'] }} {% endfor %}assistant"
    )
    pipeline = HunyuanVideo15Pipeline(
        tokenizer=tokenizer,
        text_encoder=Qwen2_5_VLTextModel(
            Qwen2_5_VLTextConfig(
                vocab_size=400,
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=3,
                num_attention_heads=2,
                num_key_value_heads=2,
                bos_token_id=0,
                eos_token_id=2,
                rope_scaling={"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"},
            )
        ).eval(),
        tokenizer_2=ByT5Tokenizer(),
        text_encoder_2=_t5(T5EncoderModel, T5Config),
        vae=AutoencoderKLHunyuanVideo15(
            latent_channels=4,
            block_out_channels=(16, 16),
            layers_per_block=1,
            spatial_compression_ratio=4,
            temporal_compression_ratio=2,
            downsample_match_channel=False,
            upsample_match_channel=False,
        ).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        guider=ClassifierFreeGuidance(guidance_scale=4.0),
        transformer=HunyuanVideo15Transformer3DModel(
            in_channels=9,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=1,
            num_refiner_layers=1,
            mlp_ratio=2.0,
            patch_size=1,
            patch_size_t=1,
            text_embed_dim=16,
            text_embed_2_dim=32,
            image_embed_dim=12,
            rope_axes_dim=(2, 2, 4),
            target_size=16,
            task_type="t2v",
        ).eval(),
    )
    # The words before the prompt in this chat template; with the real tokenizer and template they are 108.
    pipeline.prompt_template_encode_start_idx = len(
        tokenizer(f"system {pipeline.system_message} user", add_special_tokens=False).input_ids
    )
    pipeline.tokenizer_max_length = 32
    pipeline.tokenizer_2_max_length = 16
    return pipeline


def animatediff() -> Any:
    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    # As CLIP's: one token for the unknown, the end and the padding.
    tokenizer.unk_token = tokenizer.pad_token = "<eos>"
    tokenizer.model_max_length = 32
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=400,
            hidden_size=32,
            intermediate_size=37,
            num_attention_heads=4,
            num_hidden_layers=2,
            max_position_embeddings=32,
            pad_token_id=2,
            bos_token_id=0,
            eos_token_id=2,
        )
    ).eval()
    # Words count more than their positions, as after training.
    encoder.get_input_embeddings().weight.data.mul_(30)
    return AnimateDiffPipeline(
        tokenizer=tokenizer,
        text_encoder=encoder,
        vae=AutoencoderKL(
            block_out_channels=(8, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4,
            norm_num_groups=2,
        ),
        unet=UNet2DConditionModel(
            block_out_channels=(8, 8),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            norm_num_groups=2,
            attention_head_dim=4,
        ),
        motion_adapter=MotionAdapter(
            block_out_channels=(8, 8),
            motion_layers_per_block=1,
            motion_norm_num_groups=2,
            motion_num_attention_heads=2,
        ),
        scheduler=DDIMScheduler(beta_schedule="linear", clip_sample=False),
    )


#: Arguments of a generation that suit each pipeline.
_COMMON: dict[str, Any] = {"num_inference_steps": STEPS, "num_frames": 9, "height": 16, "width": 16}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "wan": _COMMON | {"max_sequence_length": 32, "guidance_scale": 4.0},
    "wan_2_2": _COMMON | {"max_sequence_length": 32, "guidance_scale": 4.0, "guidance_scale_2": 3.0},
    "ltx": _COMMON | {"max_sequence_length": 32, "guidance_scale": 3.0, "height": 32, "width": 32},
    "cogvideox": _COMMON | {"max_sequence_length": 32, "guidance_scale": 4.0},
    "hunyuan": _COMMON
    | {
        "max_sequence_length": 32,
        "true_cfg_scale": 3.0,
        "negative_prompt": "blurred",
        "prompt_template": {"template": "user {}", "crop_start": 2},
    },
    "hunyuan_1_5": _COMMON | {"num_frames": 5},
    "animatediff": _COMMON | {"guidance_scale": 4.0},
}
BUILDERS: dict[str, Callable[[], Any]] = {
    "wan": wan,
    "wan_2_2": wan_2_2,
    "ltx": ltx,
    "cogvideox": cogvideox,
    "hunyuan": hunyuan,
    "hunyuan_1_5": hunyuan_1_5,
    "animatediff": animatediff,
}


def build(name: str) -> Any:
    pipeline = BUILDERS[name]()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def arguments(
    name: str, *, prompt: str = "a red ball rolls down a green hill", seed: int = 0
) -> dict[str, Any]:
    """Arguments of a call, with a new random generator."""
    return {
        "prompt": prompt,
        "generator": torch.Generator().manual_seed(seed),
        "output_type": "pt",
        **ARGUMENTS[name],
    }
