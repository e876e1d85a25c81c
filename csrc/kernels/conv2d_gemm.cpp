#include "kernels/conv2d_gemm.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/placeholder.h"
#include "kernels/table.h"

namespace pk {

namespace {

template <class T>
GemmArgs<T> product(const Conv2dShape& s, ConvPass pass, const ConvEpilogue<T>& prototype, bool fused) {
  const int64_t pixels = s.n * s.h * s.w;
  GemmArgs<T> g;
  if (pass == ConvPass::forward) {
    g.m = pixels, g.k = s.c, g.n = s.k;
    g.lda = s.c, g.ldb = s.k;
  } else if (pass == ConvPass::backward_input) {
    g.m = pixels, g.k = s.k, g.n = s.c;
    g.lda = s.k, g.ldb = s.k;
    g.trans_b = true;
  } else {
    g.m = s.c, g.k = pixels, g.n = s.k;
    g.lda = s.c, g.ldb = s.k;
    g.trans_a = true;
  }
  g.ldc = g.n;
  if (fused && pass != ConvPass::backward_weights) {
    g.epilogue.bias = prototype.bias != nullptr ? placeholder<T>() : nullptr;
    g.epilogue.preact = prototype.preact != nullptr ? placeholder<T>() : nullptr;
    g.epilogue.act = prototype.act;
    g.epilogue.act_alpha = prototype.act_alpha;
  }
  return g;
}

}  // namespace

template <class T>
bool ConvGemm<T>::applies(const Conv2dShape& s) {
  return s.r == 1 && s.s == 1 && s.stride_h == 1 && s.stride_w == 1 && s.groups == 1 && s.pad_top == 0 &&
         s.pad_bottom == 0 && s.pad_left == 0 && s.pad_right == 0;
}

template <class T>
ConvGemm<T>::ConvGemm(const Conv2dShape& s, ConvPass pass, const ConvEpilogue<T>& prototype)
    : pass_(pass),
      fused_(prototype.scale == nullptr && prototype.mask == nullptr),
      args_(product(s, pass, prototype, fused_)),
      gemm_(args_),
      dbias_(prototype.dbias != nullptr) {
  if (dbias_) {
    const bool reduced[] = {true, false};
    sum_ = reduce_loop(Reduce::sum, dtype_of<T>::value, Shape{s.n * s.p * s.q, s.k}, reduced);
  }
  if constexpr (sizeof(T) == sizeof(float)) {
    // A single column is computed as a row, with the operands exchanged.
    if (pass != ConvPass::backward_weights && args_.n > 1) packed_bytes_ = pack_b_bytes(args_);
  }
}

template <class T>
std::size_t ConvGemm<T>::scratch_bytes() const {
  return std::max(gemm_.scratch_bytes(), sum_.scratch_bytes);
}

template <class T>
void ConvGemm<T>::pack([[maybe_unused]] const float* w, [[maybe_unused]] void* packed) const {
  if constexpr (sizeof(T) == sizeof(float)) {
    GemmArgs<float> g = args_;
    g.b = w;
    pack_b(g, packed);
  }
}

template <class T>
GemmArgs<T> ConvGemm<T>::bound(const ConvRun<T>& args) const {
  GemmArgs<T> g = args_;
  g.a = pass_ == ConvPass::backward_input ? args.dy : args.x;
  g.b = pass_ == ConvPass::backward_weights ? args.dy : args.w;
  g.c = args.result;
  g.packed_b = args.packed;
  if (g.epilogue.bias != nullptr) g.epilogue.bias = args.epilogue.bias;
  if (g.epilogue.preact != nullptr) g.epilogue.preact = args.epilogue.preact;
  return g;
}

template <class T>
void ConvGemm<T>::run(const ConvRun<T>& args, void* scratch) const {
  gemm_.run(bound(args), scratch);
  if (!fused_) second_pass(args);
  if (dbias_) sum_(args.dy, args.epilogue.dbias, scratch);
}

template <class T>
void ConvGemm<T>::second_pass(const ConvRun<T>& args) const {
  const ConvEpilogue<T>& e = args.epilogue;
  const ElementwiseTable& t = kernels().elementwise;
  const int64_t n = args_.n, grain = std::max<int64_t>(1, 16384 / n);
  parallel_ranges(args_.m, grain, static_cast<double>(args_.m * n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* y = args.result + i * n;
      for (int64_t j = 0; e.scale != nullptr && j < n; ++j) y[j] *= e.scale[j];
      for (int64_t j = 0; e.bias != nullptr && j < n; ++j) y[j] += e.bias[j];
      if (e.preact != nullptr) std::copy(y, y + n, e.preact + i * n);
      if (e.act != Act::linear) {
        if constexpr (sizeof(T) == sizeof(float)) {
          t.act(e.act, e.act_alpha, y, y, n);
        } else {
          t.act_f64(e.act, e.act_alpha, y, y, n);
        }
      }
      for (int64_t j = 0; e.mask != nullptr && j < n; ++j) y[j] = e.mask[i * n + j] <= 0 ? T(0) : y[j];
    }
  });
}

template class ConvGemm<float>;
template class ConvGemm<double>;

}  // namespace pk
