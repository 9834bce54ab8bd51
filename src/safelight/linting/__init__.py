"""Checks files of prompts: reads the prompts with their places, checks them, reports findings, and changes
light synonyms.
"""
