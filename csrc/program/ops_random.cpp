// Ops that draw random numbers. The key is (the seed attribute, else the run's seed; stream mixed with the run's step),
// so a forward op and its backward with the same attributes draw the same numbers within a step.
#include <cmath>

#include "base/error.h"
#include "kernels/random.h"
#include "program/op.h"

namespace pk {

namespace {

// What identifies an op's random numbers apart from the run.
struct Stream {
  bool own_seed;
  std::uint64_t seed, id;

  RandomKey key(const RunArgs& args) const { return {own_seed ? seed : args.seed, mix_stream(id, args.step)}; }
};

Stream stream_of(const OpSpec& spec) {
  const bool own = spec.attrs.has("seed");
  return {own, own ? static_cast<std::uint64_t>(spec.attrs.integer("seed")) : 0,
          static_cast<std::uint64_t>(spec.attrs.integer("stream"))};
}

double finite(const OpSpec& spec, const char* name) {
  const double v = spec.attrs.number(name);
  if (!std::isfinite(v)) op_fail(spec, std::string(name) + " must be finite, got " + std::to_string(v));
  return v;
}

std::unique_ptr<Kernel> make_dropout(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  const DType dtype = expect_float(spec, {&spec.in[0], &spec.out[0]});
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  const double rate = spec.attrs.number("rate");
  if (!(rate >= 0 && rate <= 1)) op_fail(spec, "rate must be in [0, 1], got " + std::to_string(rate));
  const Stream stream = stream_of(spec);
  const int64_t n = spec.in[0].shape.numel();
  auto kernel =
      make_kernel([=](const RunArgs& args) { dropout(stream.key(args), dtype, rate, n, args.in[0], args.out[0]); });
  kernel->flops = static_cast<double>(n);
  kernel->in_place = {0};
  return kernel;
}

std::unique_ptr<Kernel> make_uniform(const OpSpec& spec) {
  expect_counts(spec, 0, 1);
  const DType dtype = expect_float(spec, {&spec.out[0]});
  const double lo = finite(spec, "minval"), hi = finite(spec, "maxval");
  if (lo > hi) op_fail(spec, "minval " + std::to_string(lo) + " is above maxval " + std::to_string(hi));
  const Stream stream = stream_of(spec);
  const int64_t n = spec.out[0].shape.numel();
  return make_kernel([=](const RunArgs& args) { random_uniform(stream.key(args), dtype, lo, hi, n, args.out[0]); });
}

std::unique_ptr<Kernel> make_normal(const OpSpec& spec) {
  expect_counts(spec, 0, 1);
  const DType dtype = expect_float(spec, {&spec.out[0]});
  const double mean = finite(spec, "mean"), stddev = finite(spec, "stddev");
  if (stddev < 0) op_fail(spec, "stddev must not be negative, got " + std::to_string(stddev));
  const bool truncated = spec.attrs.boolean("truncated");
  const Stream stream = stream_of(spec);
  const int64_t n = spec.out[0].shape.numel();
  return make_kernel(
      [=](const RunArgs& args) { random_normal(stream.key(args), dtype, mean, stddev, truncated, n, args.out[0]); });
}

}  // namespace

void register_random_ops() {
  register_op("dropout", make_dropout, "x -> y {rate, stream [, seed]}; its backward is the same op on dy");
  register_op("random_uniform", make_uniform, "-> y {minval, maxval, stream [, seed]}");
  register_op("random_normal", make_normal, "-> y {mean, stddev, truncated, stream [, seed]}");
}

}  // namespace pk
