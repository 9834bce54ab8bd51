"""Things that matter beside words of harm: two EfficientNet-Lite networks name what a picture shows."""
