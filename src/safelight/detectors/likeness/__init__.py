"""Face and voice matching: compares faces and voices with consents and protected people.

Templates of other people are not kept.
"""
