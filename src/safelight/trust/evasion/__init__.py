"""Recognizes paraphrases of blocked prompts, which are then screened with the scores of the block.

`models` imports no database, because `safelight check` loads it alone.
"""
