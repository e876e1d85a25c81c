"""The nodes of a program under rewriting: the users of each value, and how to replace, remove and insert."""

from __future__ import annotations

from .registry import OpDef
from .tensor import Node, Tensor
from .variable import Variable


class Rewriter:
    """The nodes of a program with the users of each value. Passes replace tensors and insert and remove nodes."""

    def __init__(self, nodes: list[Node], outputs: list):
        self.nodes = nodes
        self.outputs = outputs
        self.alive = [node.outputs for node in nodes]  # ids stay those of one tensor each
        self.users: dict[int, list[Node]] = {}
        for node in nodes:
            for x in node.inputs:
                self.users.setdefault(id(x), []).append(node)

    def use_count(self, tensor) -> int:
        """The number of uses of a tensor, program outputs included."""
        return len(self.users.get(id(tensor), ())) + sum(1 for o in self.outputs if o is tensor)

    def sole_user(self, tensor) -> Node | None:
        """The only node that reads a tensor; None where there are others or it is an output of the program."""
        users = self.users.get(id(tensor), ())
        return users[0] if len(users) == 1 and not any(o is tensor for o in self.outputs) else None

    def can_move(self, node: Node, to: Node) -> bool:
        """Whether `node` would read the same values of variables in the place of `to`: none is written in between."""
        read = {id(x) for x in node.inputs if isinstance(x, Variable)}
        if not read:
            return True
        first, last = sorted((self.nodes.index(node), self.nodes.index(to)))
        return not any(id(v) in read for n in self.nodes[first : last + 1] if n is not node for v in n.writes)

    def replace(self, old: Tensor, new) -> None:
        """All uses of `old` become uses of `new`."""
        for node in self.users.pop(id(old), ()):
            node.inputs = [new if x is old else x for x in node.inputs]
            self.users.setdefault(id(new), []).append(node)
        self.outputs[:] = [new if o is old else o for o in self.outputs]

    def remove(self, node: Node) -> None:
        self.nodes.remove(node)
        for x in {id(x): x for x in node.inputs}.values():
            self.users[id(x)] = [n for n in self.users.get(id(x), ()) if n is not node]

    def insert(self, position: int, node: Node) -> None:
        self.nodes.insert(position, node)
        self.alive.append(node.outputs)
        for x in node.inputs:
            self.users.setdefault(id(x), []).append(node)


def copy_node(node: Node) -> Node:
    """Passes change nodes; the recorded ones may serve other programs (a functional model's graph)."""
    return node.with_inputs(node.inputs)


def make_node(name: str, inputs, attrs, out_types, writes, prototype: Node) -> Node:
    """A node of the op `name`, recorded by the layer of `prototype`."""
    host = prototype.op.host if name == prototype.name else None
    return Node(
        OpDef(name, lambda types, a: out_types, None, host=host), inputs, attrs, out_types, writes, prototype.label
    )


def producer(x, by_output: dict) -> Node | None:
    """The node that makes x; None for inputs, variables and constants."""
    return by_output.get(id(x)) if isinstance(x, Tensor) else None


def available_before(r: Rewriter, x, node: Node) -> bool:
    """Whether x is computed before `node`."""
    if not isinstance(x, Tensor):
        return True
    at = r.nodes.index(node)
    return x.node.op is None or any(t is x for n in r.nodes[:at] for t in n.outputs)
