"""Search spaces of recommender models: from a `.space` file to a supernet, a search and a derived PyTorch model."""

__version__ = "0.1.0"
