"""The chain: the registry contract's artifact, and the client that talks to an EVM node."""
