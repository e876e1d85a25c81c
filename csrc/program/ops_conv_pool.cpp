// conv2d_max_pool2d: a convolution whose result only a 2 x 2 max-pooling reads. The result is pooled block by block
// while it is in the cache and never reaches memory.
#include <memory>
#include <string>

#include "kernels/conv2d.h"
#include "kernels/table.h"
#include "program/conv_spec.h"
#include "program/image_attrs.h"
#include "program/op.h"

namespace pk {

namespace {

struct ConvPool final : Kernel {
  PlannedConv2d<float> conv;
  ConvInputs at;
  ConvEpilogue<float> prototype;
  PoolBlock max_block;
  Conv2dShape s;
  bool with_index;

  ConvPool(const Conv2dShape& shape, ConvAlgorithm algorithm, const ConvEpilogue<float>& epilogue, ConvInputs inputs,
           bool index)
      : conv(shape, ConvPass::forward, algorithm, epilogue),
        at(inputs),
        prototype(epilogue),
        max_block(kernels().pool2d.max_block),
        s(shape),
        with_index(index) {
    scratch_bytes = conv.scratch_bytes();
    flops = s.flops();
    prepared_bytes = conv.packed_bytes();
    if (prepared_bytes > 0) prepared_input = 1;
  }

  struct Pooling {
    const ConvPool* op;
    float* y;
    std::uint8_t* index;
  };

  static void take(void* ctx, int64_t n, int64_t row, int64_t rows, int64_t k0, int64_t kn, const float* block,
                   int64_t ld) {
    const Pooling& pooling = *static_cast<const Pooling*>(ctx);
    const Conv2dShape& s = pooling.op->s;
    const int64_t p = s.p / 2, q = s.q / 2;
    const int64_t offset = ((n * p + row / 2) * q) * s.k + k0;
    pooling.op->max_block(rows / 2, q, kn, block, s.q * ld, ld, pooling.y + offset,
                          pooling.index == nullptr ? nullptr : pooling.index + offset, q * s.k, s.k);
  }

  void run(const RunArgs& args) const override {
    Pooling pooling{this, args.output<float>(0), with_index ? args.output<std::uint8_t>(1) : nullptr};
    ConvRun<float> r;
    r.epilogue = prototype;
    r.epilogue.sink.ctx = &pooling;
    r.x = args.input<float>(0);
    r.w = args.input<float>(1);
    r.packed = args.prepared;
    at.bind(args, r.epilogue);
    conv.run(r, args.scratch);
  }

  void prepare(const void* input, void* prepared) const override {
    conv.pack_weights(static_cast<const float*>(input), prepared);
  }
};

// x, w [, scale] [, bias] -> y (N, P / 2, Q / 2, K) [, index]; {those of conv2d, height, width}: P and Q.
std::unique_ptr<Kernel> make_conv_max_pool(const OpSpec& spec) {
  ConvInputs at;
  const bool with_index = spec.out.size() == 2;
  expect_counts(spec, static_cast<std::size_t>(at.read(spec, false)), with_index ? 2 : 1);
  expect_image(spec, spec.out[0], "y");
  for (const ValueType& v : spec.in) expect_dtype(spec, v, DType::f32, "an input");
  expect_dtype(spec, spec.out[0], DType::f32, "y");
  const Shape& pooled = spec.out[0].shape;
  ValueType y = spec.out[0];
  const int64_t p = spec.attrs.integer("height"), q = spec.attrs.integer("width");
  if (p / 2 != pooled[1] || q / 2 != pooled[2]) {
    op_fail(spec, "a convolution of height " + std::to_string(p) + " and width " + std::to_string(q) +
                      " is not pooled to y " + pooled.str());
  }
  y.shape = Shape{pooled[0], p, q, pooled[3]};
  const Conv2dShape s = conv_shape(spec, spec.in[0], spec.in[1].shape, y);
  at.check(spec, Shape{s.k});
  if (with_index) {
    expect_shape(spec, spec.out[1], pooled, "the index");
    expect_dtype(spec, spec.out[1], DType::u8, "the index");
  }
  ConvEpilogue<float> e = at.epilogue<float>(spec);
  e.sink.fn = ConvPool::take;
  e.sink.multiple = 2;
  return std::make_unique<ConvPool>(s, algorithm_attr(spec), e, at, with_index);
}

}  // namespace

void register_conv_pool_ops() {
  register_op("conv2d_max_pool2d", make_conv_max_pool,
              "the inputs of conv2d -> pooled [, index] {those of conv2d, height, width}: conv2d, whose result is "
              "height x width, and a 2 x 2 max_pool2d; made by passes");
}

}  // namespace pk
