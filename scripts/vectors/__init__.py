"""The cases of the golden vectors.

One good case of each format, and named corruptions of it. What a corruption must lead to is
written down here by hand; only what a good case yields is worked out.
"""
