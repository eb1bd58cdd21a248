"""The log in public: checkpoints, tiles and consistency proofs, for anybody and any cache.

What is served here says nothing about anybody: sizes, roots and random-looking hashes. Entry
bundles hold no names either, but who sees all of them can count; they are for auditors.
"""
