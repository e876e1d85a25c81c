"""What optimizers do beside `apply`: from a loss to an update, and updates of values instead of variables."""

from __future__ import annotations

from ..graph import GradientTape, StatelessScope, Variable
from ..graph.stateless import check_state, current_values


class GradientMethods:
    """`minimize`, `compute_gradients` and `stateless_apply` of `Optimizer`."""

    def compute_gradients(self, loss, var_list, grad_loss=None, tape=None) -> list:
        """Gradients of a loss, as in Keras 2.

        Args:
            loss: callable without arguments that returns a tensor; or a tensor that `tape` has recorded.
            var_list: list of variables, or a callable that returns one.
            grad_loss: tensor that multiplies the loss. Default None: ones.
            tape: `GradientTape`; needed unless `loss` is a callable. Default None.

        Returns:
            A list of pairs (gradient, variable).

        Raises:
            ValueError: `loss` is a tensor and there is no `tape`.
        """
        if tape is None and not callable(loss):
            raise ValueError(f"`tape` is required when a tensor loss is passed. Received: loss={loss}, tape={tape}.")
        if callable(loss):
            with GradientTape() as tape:
                if not callable(var_list):
                    tape.watch(var_list)
                loss = loss()
        variables = var_list() if callable(var_list) else var_list
        variables = [variables] if isinstance(variables, Variable) else list(variables)
        gradients = tape.gradient(loss, variables, None if grad_loss is None else [grad_loss])
        return list(zip(gradients, variables, strict=True))

    def minimize(self, loss, var_list, grad_loss=None, name=None, tape=None):
        """Updates variables by the gradients of a loss, as in Keras 2.

        Args:
            loss, var_list, grad_loss, tape: as in `compute_gradients`.
            name: accepted as in Keras 2. It has no effect.

        Returns:
            The iteration counter.
        """
        return self.apply_gradients(self.compute_gradients(loss, var_list, grad_loss, tape))

    def stateless_apply(self, optimizer_variables, grads, trainable_variables) -> tuple:
        """`apply` for variables that are given as values: neither they nor the optimizer change.

        Args:
            optimizer_variables: list of tensors or arrays, one for each of `variables`.
            grads: list of gradients.
            trainable_variables: list of tensors or arrays, one for each variable that the optimizer was built with.

        Returns:
            `(trainable_variables, optimizer_variables)`, lists of the new values.

        Raises:
            ValueError: the optimizer is not built, or other numbers of values.
        """
        name = type(self).__name__
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {name} must be built (i.e. its variables must have been created). You can "
                "build it via `optimizer.build(trainable_variables)`."
            )
        trained = self._trainable_variables
        state = check_state(name, "trainable_variables", trainable_variables, trained, "_trainable_variables")
        state += check_state(name, "optimizer_variables", optimizer_variables, self.variables, "variables")
        with StatelessScope(state):
            self.apply(grads, trained)
            return current_values(trained), current_values(self.variables)
