// lstm, gru, simple_rnn and their gradients: recurrent layers over whole sequences.
#include "kernels/recurrent.h"
#include "program/act_attr.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

Cell cell_of(const OpSpec& spec) {
  if (spec.name.rfind("lstm", 0) == 0) return Cell::lstm;
  if (spec.name.rfind("gru", 0) == 0) return spec.attrs.boolean("reset_after") ? Cell::gru_after : Cell::gru_before;
  return Cell::simple;
}

Act act_of(const OpSpec& spec, const char* key) {
  OpSpec one;
  one.name = spec.name;
  one.attrs.set("activation", spec.attrs.text(key));
  for (const ActivationRow& row : activation_rows) {
    if (spec.attrs.text(key) == row.name && row.parameter == Parameter::alpha) {
      op_fail(spec, std::string("cannot have the activation ") + row.name + ", which has a parameter");
    }
  }
  const Act act = act_attr(one).act;
  if (!recurrent_activation(act)) {
    op_fail(spec,
            std::string("cannot have the activation ") + row_of(act).name + ": its slope is not one of its value");
  }
  return act;
}

// Takes the inputs and outputs of a spec one after another; -1 for what is absent.
struct Places {
  const OpSpec& spec;
  std::size_t in = 0, out = 0;
  DType dtype = DType::f32;

  int input(const Shape& shape, const char* what, bool present = true) {
    return present ? place(spec.in, in, shape, dtype, what) : -1;
  }
  int mask(const Shape& shape) {
    return spec.attrs.boolean("mask") ? place(spec.in, in, shape, DType::boolean, "the mask") : -1;
  }
  int output(const Shape& shape, const char* what, bool present = true) {
    return present ? place(spec.out, out, shape, dtype, what) : -1;
  }
  void finish() const { expect_counts(spec, in, out); }

 private:
  int place(const std::vector<ValueType>& values, std::size_t& next, const Shape& shape, DType type, const char* what) {
    if (next >= values.size()) op_fail(spec, std::string(what) + " is missing");
    expect_dtype(spec, values[next], type, what);
    expect_shape(spec, values[next], shape, what);
    return static_cast<int>(next++);
  }
};

// What is at a place of a run; null for -1.
template <class T>
const T* in_at(const RunArgs& args, int i) {
  return i < 0 ? nullptr : args.input<T>(i);
}
template <class T>
T* out_at(const RunArgs& args, int i) {
  return i < 0 ? nullptr : args.output<T>(i);
}

// The sizes, from x (N, T, gates * U) and the weights (U, gates * U).
RecurrentSizes sizes_of(const OpSpec& spec, const Shape& x, const Shape& weights) {
  RecurrentSizes s;
  s.cell = cell_of(spec);
  const int gates = gates_of(s.cell);
  if (x.rank() != 3) op_fail(spec, "sequences must have 3 dimensions, got shape " + x.str());
  if (weights.rank() != 2 || weights[1] != gates * weights[0]) {
    op_fail(spec,
            "recurrent weights must have shape (units, " + std::to_string(gates) + " units), got " + weights.str());
  }
  s.batch = x[0];
  s.steps = x[1];
  s.units = weights[0];
  s.act = act_of(spec, "activation");
  s.recurrent_act = s.cell == Cell::simple ? Act::sigmoid : act_of(spec, "recurrent_activation");
  s.backwards = spec.attrs.boolean("backwards");
  return s;
}

double step_flops(const RecurrentSizes& s) {
  const double states = static_cast<double>(s.batch * s.steps) * static_cast<double>(s.units) * gates_of(s.cell);
  return states * (2.0 * static_cast<double>(s.units) + 4);
}

DType float_of(const OpSpec& spec) {
  if (spec.in.size() < 2) op_fail(spec, "takes at least two inputs, got " + std::to_string(spec.in.size()));
  return expect_float(spec, {&spec.in[0], &spec.in[1]});
}

// x, weights [, h0] [, c0] [, bias] [, mask] -> [gates] [, cells] [, y], h [, c]
template <class T>
struct Forward final : Kernel {
  RecurrentSizes s;
  int h0, c0, bias, mask, gates, cells, y, h, c;

  explicit Forward(const OpSpec& spec) : s(sizes_of(spec, spec.in[0].shape, spec.in[1].shape)) {
    const bool lstm = s.cell == Cell::lstm, keep = spec.attrs.boolean("keep") && kept_of(s.cell) > 0;
    const int64_t width = gates_of(s.cell) * s.units;
    const Shape state{s.batch, s.units}, sequence{s.batch, s.steps, s.units};
    Places p{spec};
    p.dtype = spec.in[0].dtype;
    p.input({s.batch, s.steps, width}, "the products of the inputs");
    p.input({s.units, width}, "the recurrent weights");
    h0 = p.input(state, "the initial state", spec.attrs.boolean("initial"));
    c0 = p.input(state, "the initial cell state", lstm && spec.attrs.boolean("initial"));
    bias = p.input({width}, "the recurrent bias", s.cell == Cell::gru_after && spec.attrs.boolean("bias"));
    mask = p.mask({s.batch, s.steps});
    gates = p.output({s.batch, s.steps, kept_of(s.cell) * s.units}, "gates", keep);
    cells = p.output(sequence, "cells", keep && lstm);
    y = p.output(sequence, "y", spec.attrs.boolean("sequences"));
    h = p.output(state, "the last state");
    c = p.output(state, "the last cell state", lstm);
    p.finish();
    if (keep && kept_of(s.cell) == gates_of(s.cell)) in_place = {0};
    flops = step_flops(s);
    prepared_input = 1;
    prepared_bytes = recurrent_packed_bytes(s, sizeof(T));
    scratch_bytes = recurrent_scratch_bytes<T>(s, false);
  }

  void prepare(const void* input, void* prepared) const override {
    pack_recurrent(s, static_cast<const T*>(input), prepared);
  }

  void run(const RunArgs& args) const override {
    RecurrentForward<T> p;
    p.x = args.input<T>(0);
    p.weights = args.input<T>(1);
    p.packed = args.prepared;
    p.h0 = in_at<T>(args, h0);
    p.c0 = in_at<T>(args, c0);
    p.recurrent_bias = in_at<T>(args, bias);
    p.mask = in_at<std::uint8_t>(args, mask);
    p.y = out_at<T>(args, y);
    p.h = args.output<T>(h);
    p.c = out_at<T>(args, c);
    p.gates = out_at<T>(args, gates);
    p.cells = out_at<T>(args, cells);
    recurrent_forward(s, p, args.scratch);
  }
};

// weights [, h0] [, c0] [, gates] [, cells], y [, mask] [, dy] [, dh] [, dc] -> dx, dh0 [, dc0], h_before [, recurrent
// or reset_h]
template <class T>
struct Backward final : Kernel {
  RecurrentSizes s;
  int h0, c0, gates, cells, y, mask, dy, dh, dc, dx, dh0, dc0, h_before, recurrent, reset_h;

  explicit Backward(const OpSpec& spec) : s(sizes_of(spec, spec.out[0].shape, spec.in[0].shape)) {
    const bool lstm = s.cell == Cell::lstm;
    const int64_t width = gates_of(s.cell) * s.units;
    const Shape state{s.batch, s.units}, sequence{s.batch, s.steps, s.units};
    Places p{spec};
    p.dtype = spec.in[0].dtype;
    p.input({s.units, width}, "the recurrent weights");
    h0 = p.input(state, "the initial state", spec.attrs.boolean("initial"));
    c0 = p.input(state, "the initial cell state", lstm && spec.attrs.boolean("initial"));
    gates = p.input({s.batch, s.steps, kept_of(s.cell) * s.units}, "gates", kept_of(s.cell) > 0);
    cells = p.input(sequence, "cells", lstm);
    y = p.input(sequence, "y");
    mask = p.mask({s.batch, s.steps});
    dy = p.input(sequence, "the gradient of y", spec.attrs.boolean("dy"));
    dh = p.input(state, "the gradient of the last state", spec.attrs.boolean("dh"));
    dc = p.input(state, "the gradient of the last cell state", lstm && spec.attrs.boolean("dc"));
    dx = p.output({s.batch, s.steps, width}, "dx");
    dh0 = p.output(state, "dh0");
    dc0 = p.output(state, "dc0", lstm);
    h_before = p.output(sequence, "h_before");
    recurrent = p.output({s.batch, s.steps, width}, "recurrent", s.cell == Cell::gru_after);
    reset_h = p.output(sequence, "reset_h", s.cell == Cell::gru_before);
    p.finish();
    if (gates >= 0 && kept_of(s.cell) == gates_of(s.cell)) in_place = {gates};
    flops = step_flops(s);
    scratch_bytes = recurrent_backward_scratch_bytes<T>(s);
  }

  void run(const RunArgs& args) const override {
    RecurrentBackward<T> p;
    p.weights = args.input<T>(0);
    p.h0 = in_at<T>(args, h0);
    p.c0 = in_at<T>(args, c0);
    p.gates = in_at<T>(args, gates);
    p.cells = in_at<T>(args, cells);
    p.y = args.input<T>(y);
    p.mask = in_at<std::uint8_t>(args, mask);
    p.dy = in_at<T>(args, dy);
    p.dh = in_at<T>(args, dh);
    p.dc = in_at<T>(args, dc);
    p.dx = args.output<T>(dx);
    p.dh0 = args.output<T>(dh0);
    p.dc0 = out_at<T>(args, dc0);
    p.h_before = args.output<T>(h_before);
    p.recurrent = out_at<T>(args, recurrent);
    p.reset_h = out_at<T>(args, reset_h);
    recurrent_backward(s, p, args.scratch);
  }
};

KernelPtr make_forward(const OpSpec& spec) {
  if (float_of(spec) == DType::f32) return std::make_unique<Forward<float>>(spec);
  return std::make_unique<Forward<double>>(spec);
}

KernelPtr make_backward(const OpSpec& spec) {
  if (spec.out.empty()) op_fail(spec, "has no outputs");
  if (float_of(spec) == DType::f32) return std::make_unique<Backward<float>>(spec);
  return std::make_unique<Backward<double>>(spec);
}

}  // namespace

void register_recurrent_ops() {
  const std::string common = "initial, backwards, mask, keep, sequences}";
  const std::string gradients = "initial, backwards, mask, dy, dh";
  register_op("lstm", make_forward,
              "x (N, T, 4 U), weights (U, 4 U) [, h0, c0 (initial)] [, mask (N, T)] -> [gates, cells (keep),] [y "
              "(sequences),] h, c "
              "{activation, recurrent_activation, " +
                  common + "; x: the inputs' products with the bias, gates in the order i f g o");
  register_op(
      "lstm_grad", make_backward,
      "weights [, h0, c0], gates, cells, y [, mask] [, dy] [, dh] [, dc] -> dx, dh0, dc0, h_before {activation, "
      "recurrent_activation, " +
          gradients + ", dc}; the gradient of the weights is h_before^T dx");
  register_op("gru", make_forward,
              "x (N, T, 3 U), weights (U, 3 U) [, h0 (initial)] [, bias (3 U)] [, mask (N, T)] -> [gates (keep),] [y "
              "(sequences),] h "
              "{activation, recurrent_activation, reset_after, bias, " +
                  common + "; gates in the order z r h");
  register_op(
      "gru_grad", make_backward,
      "weights [, h0], gates, y [, mask] [, dy] [, dh] -> dx, dh0, h_before, d {activation, recurrent_activation, "
      "reset_after, " +
          gradients + "}; d: with reset_after the gradient of the recurrent products, else r h_before");
  register_op(
      "simple_rnn", make_forward,
      "x (N, T, U), weights (U, U) [, h0 (initial)] [, mask (N, T)] -> [y (sequences),] h {activation, " + common);
  register_op("simple_rnn_grad", make_backward,
              "weights [, h0], y [, mask] [, dy] [, dh] -> dx, dh0, h_before {activation, " + gradients + "}");
}

}  // namespace pk
