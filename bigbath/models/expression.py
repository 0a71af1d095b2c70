"""Numbers of a model written as arithmetic with its parameters: "J/4", "-W", "J/L**0.5"."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from bigbath.choice import LARGEST
from bigbath.explain import did_you_mean

#: Longer expressions are taken for a slip of the pen.
LONGEST = 200

#: A number, or an expression of parameters.
Number = Annotated[
    Annotated[float, Tag("number")] | Annotated[str, Tag("expression")],
    Discriminator(lambda value: "expression" if isinstance(value, str) else "number"),
]

_BINARY: dict[type, Callable[[float, float], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


class Parameters:
    """Values by name. ``used``: the names that expressions have asked for."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = {"pi": math.pi, **values}
        self.used: set[str] = set()

    def value(self, number: float | str) -> float:
        """A number, or the value of an expression with + - * / ** and parentheses. ValueError for anything else."""
        if not isinstance(number, str):
            return float(number)
        try:
            if len(number) > LONGEST:
                raise SyntaxError
            found = self._of(ast.parse(number.strip(), mode="eval").body, number)
        except (SyntaxError, RecursionError, MemoryError):
            raise ValueError(f"{number[:LONGEST]!r} is no expression: use names, numbers, + - * / ** and ( )") from None
        except ArithmeticError as error:
            raise ValueError(f"{number!r} has no value: {error}") from None
        if isinstance(found, complex) or not abs(found) <= LARGEST:
            raise ValueError(f"{number!r} = {found} is not a real number of at most {LARGEST:g}")
        return found

    def _of(self, node: ast.AST, text: str) -> float:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return float(value)
            case ast.Name(id=name) if name in self._values:
                self.used.add(name)
                return float(self._values[name])
            case ast.Name(id=name):
                known = ", ".join(sorted(self._values))
                hint = did_you_mean(name, self._values) or f"; there are: {known}"
                raise ValueError(f"{text!r}: there is no parameter {name!r}{hint}")
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self._of(inner, text)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self._of(inner, text)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return _BINARY[type(op)](self._of(left, text), self._of(right, text))
        raise SyntaxError
