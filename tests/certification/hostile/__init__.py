"""Thousands of generated inputs for every parser and every boundary.

A boundary is where data of others comes in. Each gets inputs made of good ones by damage, and
inputs made to harm; the rules for all of them are in ``harness``: one kind of error, no escape,
bounded time and memory, nothing left behind.
"""
