"""The oracle: spaces interpreted element by element in float64, straight from the language's definition."""

from .drawn import Drawn
from .factored import factored
from .interpreter import Interpreter, assignment
from .values import Refused

__all__ = ["Drawn", "Interpreter", "Refused", "assignment", "factored"]
