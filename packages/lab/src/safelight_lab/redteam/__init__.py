"""The red team: disguised harmful texts against the prompt stage, and harmless texts that look like them."""
