"""compile, the loss and the metrics, and the variables that are built when the first data arrive."""

from __future__ import annotations

import contextlib
import weakref

from .. import ops, optimizers
from ..callbacks.history import History
from ..compat.arguments import accepts_old_names
from ..compat.positional import metrics_may_be_third
from ..data_adapters.arrays import Data
from ..graph import Trace
from ..layers.context import StructureVersion
from ..layers.node import symbolic
from ..metrics.loss_tracker import LossTracker
from ..user_warning import warn
from ..utils.overrides import overrides
from ..utils.random_seed import make_default_seed
from ..utils.tree import flatten, map_structure, tree_unflatten
from .compile_utils import Compiled
from .compiled_parts import CompiledLoss, CompiledMetrics
from .results import ResultsMixin
from .step_methods import StepMethods
from .step_programs import ProgramCache, step_signature
from .trainable_flags import TrainableFlags


class _Shape:
    """Something with a shape, for choices that depend on nothing else."""

    def __init__(self, shape):
        self.shape = tuple(shape)


class CompileMixin(StepMethods, ResultsMixin):
    """compile, loss, metrics, and what has to be built before the first step.

    Package interface: `_compiled` (loss and metrics by output), `_compile_config`, `_accuracy_added`, `_programs` (the
    `ProgramCache`), `_loss_tracker`, `_current_metrics`, `_batch_results`, `_reports_by_metrics`, `_score_metrics`,
    `_compile_with`, `_steps_done`, `_runs_done`, `_seed`, `_random_seed`, `_assert_compiled`, `_own_compile`,
    `_training_flags`, `_build_optimizer`.
    """

    def _init_trainer(self) -> None:
        self.compiled = False
        self.optimizer = None
        self.loss = None
        self.stop_training = False
        self._run_eagerly = False
        self._jit_compile = True
        self.checkpoint_activations = False
        self.steps_per_execution = 1
        self._history: tuple | None = None  # weak reference to the History, and what it holds
        self._compiled: Compiled | None = None
        self._accuracy_added: str | None = None  # the metric that a call asked for, in the manner of Keras 0.3
        self._programs = ProgramCache()
        self._steps_done = 0  # of training
        self._runs_done = 1 << 40  # of everything else: keys of random streams that training never reaches
        self._seed: int | None = None
        self._running = None  # the loop of `fit`, while it runs
        self._resumption = None  # what the next `fit` has to restore
        self._flags: TrainableFlags | None = None  # at compile
        self._init_results()

    @property
    def run_eagerly(self) -> bool:
        """Whether the step is recorded again for each batch, so that the Python code in layers and losses runs."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value):
        self._run_eagerly = bool(value)

    @property
    def jit_compile(self) -> bool:
        """The argument of `compile`, True for "auto". It has no effect: steps are always compiled."""
        return self._jit_compile

    @jit_compile.setter
    def jit_compile(self, value):
        self._jit_compile = value == "auto" or bool(value)

    def _random_seed(self) -> int:
        if self._seed is None:
            self._seed = make_default_seed()
        return self._seed

    @property
    def history(self) -> History | None:
        """The `History` of the last `fit`; None before.

        A History holds its model, so the model holds what is in the History instead of the object itself: a reference
        cycle would keep a deleted model until the garbage collector runs.
        """
        if not isinstance(self._history, tuple):
            return self._history
        reference, history, epoch, params = self._history
        found = reference()
        if found is None:
            found = History()
            found.history, found.epoch = history, epoch
            found.set_params(params)
            found.set_model(self)
            self.history = found
        return found

    @history.setter
    def history(self, value) -> None:
        if type(value) is History:
            value = (weakref.ref(value), value.history, value.epoch, value.params)
        self.__dict__["_history"] = value

    # --- compile ----------------------------------------------------------------------------------------
    @metrics_may_be_third
    @accepts_old_names("compile")
    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
        checkpoint_activations=False,
    ):
        """Configures the model for training.

        Args:
            optimizer: name or `Optimizer`. Default "rmsprop".
            loss: name, `Loss`, or callable `(y_true, y_pred)` written with `pykernels.ops`, which returns a loss per
                sample. For several outputs: one for all, a list in their order (None for no loss), or a dict by output
                name (by key, if the outputs of the model are a dict). Default None.
            loss_weights: float, the factor of the loss; for several outputs a list or dict. Default None.
            metrics: a name, `Metric` or callable, or a list of them. "accuracy" depends on the shapes of target and
                output. For several outputs: a list with an entry (a metric, a list, or None) per output, or a dict by
                output name. As in Keras 1 and 2, `metrics` may be the third positional argument and `loss_weights` the
                fourth. Default None.
            weighted_metrics: metrics that are weighted by sample and class weights. Default None.
            run_eagerly: whether the step is recorded again for each batch, so that Python code in layers and losses
                runs (and prints) each time. Default False.
            steps_per_execution: int, the number of batches between calls of the batch methods of callbacks. Default 1.
            jit_compile: accepted as in Keras. It has no effect: steps are always compiled.
            auto_scale_loss: accepted as in Keras. It has no effect: it concerns float16, which is not supported.
            checkpoint_activations: whether activations are computed a second time in the backward pass if a step then
                needs less memory. The results have the same bits; a step takes at most one more forward pass. Default
                False.

        Raises:
            ValueError: an unknown name; the message lists similar names.
            RuntimeError: within `fit` of the same model.
        """
        if self.__dict__.get("_running") is not None:
            raise RuntimeError(
                f"compile() of model '{self.name}' was called within its own fit(), by a callback for example. Set "
                "model.stop_training = True there, compile when fit() has returned, and call fit() again."
            )
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ValueError(f"`steps_per_execution` must be a positive int. Received: {steps_per_execution}")
        if jit_compile not in (True, False, None, "auto"):
            raise ValueError(f"`jit_compile` must be True, False or 'auto'. Received: {jit_compile}")
        optimizer = optimizers.get(optimizer)
        if optimizer is None:
            raise ValueError("compile() needs an optimizer: a name such as 'adam', or an object.")
        self._compiled = Compiled(loss, loss_weights, metrics, weighted_metrics, self.output_names)
        self.optimizer = optimizer
        self.loss = loss
        self.run_eagerly = bool(run_eagerly)
        self.jit_compile = jit_compile
        self.checkpoint_activations = bool(checkpoint_activations)
        self.steps_per_execution = steps_per_execution
        self.stop_training = False
        self.compiled = True
        self._accuracy_added = None
        self._loss_tracker = LossTracker(name="loss")
        self._compile_config = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self._record_anew()

    _own_compile = compile  # noqa: A003 - files restore a `compile` that no subclass has replaced

    def _record_anew(self) -> None:
        self._flags = TrainableFlags(self)
        self._flags_told = (), ()
        self._flags_version = StructureVersion.value
        self._programs.clear()

    def _training_flags(self):
        """A context in which the `trainable` flags are those that training goes by."""
        return contextlib.nullcontext(False) if self._flags is None else self._flags.effective(self)

    def _assert_compiled(self) -> None:
        if not self.compiled:
            raise ValueError(
                "You must call `compile()` before using the model: for example "
                "model.compile(optimizer='adam', loss='mse')."
            )

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The scalar that training minimizes: the loss of `compile` plus `losses`. It may be overridden, with
        `pykernels.ops`.

        Args:
            x, y, y_pred: inputs, targets and outputs of a batch, in the structures that the user passed.
            sample_weight: weights, or None.
            training: whether the loss is that of a training step.

        Returns:
            A scalar tensor.

        Raises:
            ValueError: there is no loss.
        """
        terms = list(self.losses)
        if self._compiled.has_loss:
            if y is None:
                raise ValueError("The model has a loss, but no targets were given: pass `y`.")
            terms.insert(0, self._compiled.loss_value(y, y_pred, sample_weight))
        if not terms:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
        terms = [ops.sum(term) if getattr(term, "shape", ()) else term for term in terms]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        if y_pred is not None:
            self._loss_tracker.expect(total, flatten(y_pred)[0].shape[0])
        return total

    @property
    def compiled_loss(self) -> CompiledLoss | None:
        """The loss of `compile` as tf.keras has it, for a `train_step`; None before `compile`."""
        return CompiledLoss(self) if self.compiled else None

    @property
    def compiled_metrics(self) -> CompiledMetrics | None:
        """The metrics of `compile` as one metric, for a `train_step`; None before `compile`."""
        return CompiledMetrics(self) if self.compiled else None

    # --- preparation ------------------------------------------------------------------------------------
    def _prepare(self, data: Data, train=True) -> None:
        """Builds what can be built only now that the data are known: variables, loss, metrics, optimizer."""
        self._refuse_in_fit()
        if self._writes_steps():
            self._try_to_prepare(data, train)
        else:
            self._prepare_all(data, train)

    def _try_to_prepare(self, data: Data, train: bool) -> None:
        """As `_prepare`, as far as that goes: a step of the user's own may need no `call`, or other targets."""
        try:
            self._prepare_all(data, train)
        except Exception:  # what is needed in earnest raises again, from the step
            self._clear_losses()

    def _build_for_prediction(self, data: Data) -> None:
        try:
            self._build_from(data)
        except Exception:
            if not overrides(self, "predict_step", StepMethods):
                raise
            self._clear_losses()

    def _prepare_all(self, data: Data, train: bool) -> None:
        self._build_from(data)
        if self._compiled is not None and not self._compiled.built and data.ys:
            targets = tree_unflatten(data.y_spec, [_Shape((None, *y.shape[1:])) for y in data.ys])
            self._compiled.build(targets, self._symbolic_outputs(data), self.output_names)
            self._programs.clear()
        if train:
            self.optimizer._refuse_overrides()
            self._build_optimizer()

    def _build_optimizer(self) -> None:
        """Makes the optimizer's variables for what `compile` found trainable, unless it has some."""
        if not self.optimizer.built:
            with self._flags.as_compiled(self):
                self.optimizer.build(self.trainable_variables)

    def _symbolic_outputs(self, data: Data):
        """Something with the shape of each output, in the structure of the model's outputs."""
        if self._graph is not None:
            self._graph.follow_assignments()
            return map_structure(lambda t: _Shape(t.shape), self._graph.returned_struct)
        with Trace():
            specs = step_signature(self, data, 1, targets=False).xs
            specs = [symbolic((None, *shape[1:]), dtype) for shape, dtype in specs]
            outputs = self(self._pack_inputs(specs))
        self._clear_losses()
        return map_structure(lambda t: _Shape(t.shape), outputs)

    def _tell_changed_flags(self, all_frozen: bool = True) -> None:
        """Warns, once for each change, that `trainable` has changed since `compile`, and what training does about it.

        Args:
            all_frozen: whether that is told when all that was trained is frozen now.
        """
        if self._flags_version == StructureVersion.value:
            return
        self._flags_version = StructureVersion.value
        frozen, unfrozen = changed = self._flags.changed(self)
        if changed == self._flags_told or not (frozen or unfrozen):
            return
        with self._training_flags() as as_compiled:
            pass
        if as_compiled and not all_frozen:
            return
        self._flags_told = changed
        if as_compiled:
            effect = "Nothing would be left to train, and training goes on as it was compiled"
        elif unfrozen:
            effect = f"{unfrozen} will be trained after another compile()"
            effect += f"; that {frozen} are frozen takes effect now" if frozen else ""
        else:
            effect = "It takes effect now"
        warn(
            f"The `trainable` state of {frozen + unfrozen} has changed since the model was compiled. {effect}. Call "
            "`compile()` again, so that the optimizer starts afresh with the variables that are trained."
        )
