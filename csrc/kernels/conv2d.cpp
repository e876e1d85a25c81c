// Planning of convolutions: what is allowed, which algorithm runs.
#include "kernels/conv2d.h"

#include <string>

#include "base/error.h"
#include "kernels/conv2d_gemm.h"
#include "kernels/conv2d_plan.h"
#include "kernels/table.h"
#include "kernels/winograd.h"

namespace pk {

namespace {

const char* name_of(ConvAlgorithm a) {
  switch (a) {
    case ConvAlgorithm::automatic:
      return "auto";
    case ConvAlgorithm::direct:
      return "direct";
    case ConvAlgorithm::winograd2:
      return "winograd2";
    case ConvAlgorithm::winograd4:
      return "winograd4";
    default:
      return "gemm";
  }
}

void check_size(std::initializer_list<int64_t> extents, const char* what) {
  int64_t n = static_cast<int64_t>(sizeof(double));
  for (const int64_t e : extents) {
    PK_CHECK(!__builtin_mul_overflow(n, e, &n), std::string("convolution: the size of ") + what + " overflows");
  }
}

// One axis of the image: `out` positions of a window.
void check_axis(const char* axis, int64_t in, int64_t window, int64_t stride, int64_t dilation, int64_t before,
                int64_t after, int64_t out) {
  const std::string name = axis;
  PK_CHECK(in >= 1 && window >= 1 && out >= 1, "convolution: " + name + ": extents must be at least 1, got input " +
                                                   std::to_string(in) + ", window " + std::to_string(window) +
                                                   ", output " + std::to_string(out));
  PK_CHECK(stride >= 1 && dilation >= 1 && before >= 0 && after >= 0,
           "convolution: " + name + ": stride and dilation must be at least 1 and pads at least 0, got " +
               std::to_string(stride) + ", " + std::to_string(dilation) + " and (" + std::to_string(before) + ", " +
               std::to_string(after) + ")");
  int64_t reach = 0, padded = 0;
  const bool fits = !__builtin_mul_overflow(window - 1, dilation, &reach) &&
                    !__builtin_add_overflow(in, before, &padded) && !__builtin_add_overflow(padded, after, &padded);
  PK_CHECK(fits, "convolution: " + name + ": extents overflow");
  PK_CHECK(reach < padded, "convolution: " + name + ": a window of " + std::to_string(reach + 1) +
                               " does not fit the input of " + std::to_string(padded) + " (with pads)");
  const int64_t want = (padded - reach - 1) / stride + 1;
  PK_CHECK(out == want,
           "convolution: " + name + ": output must be " + std::to_string(want) + ", got " + std::to_string(out));
}

}  // namespace

void check_conv_shape(const Conv2dShape& s) {
  check_axis("height", s.h, s.r, s.stride_h, s.dilation_h, s.pad_top, s.pad_bottom, s.p);
  check_axis("width", s.w, s.s, s.stride_w, s.dilation_w, s.pad_left, s.pad_right, s.q);
  PK_CHECK(s.n >= 0, "convolution: the batch size must be at least 0, got " + std::to_string(s.n));
  PK_CHECK(s.c >= 1 && s.k >= 1 && s.groups >= 1 && s.c % s.groups == 0 && s.k % s.groups == 0,
           "convolution: groups must divide the input and output channels, got " + std::to_string(s.groups) +
               " groups, " + std::to_string(s.c) + " and " + std::to_string(s.k) + " channels");
  check_size({s.n, s.h, s.w, s.c}, "the input");
  check_size({s.n, s.p, s.q, s.k}, "the output");
  check_size({s.r, s.s, s.c / s.groups, s.k}, "the weights");
  check_size({s.h + s.pad_top + s.pad_bottom, s.w + s.pad_left + s.pad_right, s.c + 64, 2}, "the padded input");
}

namespace {

template <class T>
bool winograd_applies(const Conv2dShape& s, ConvPass pass) {
  return sizeof(T) == sizeof(float) && Winograd::applies(s, pass);
}

template <class T>
ConvAlgorithm choose(const Conv2dShape& s, ConvPass pass, const ConvEpilogue<T>& prototype) {
  if (ConvGemm<T>::applies(s) && ConvGemm<T>::fused(prototype)) return ConvAlgorithm::gemm;
  if (!winograd_applies<T>(s, pass)) return ConvAlgorithm::direct;
  double best = s.flops() / loops_of<T>(kernels().conv).gflops;
  ConvAlgorithm chosen = ConvAlgorithm::direct;
  for (const int tile : {2, 4}) {
    const double ns = Winograd::estimated_ns(s, pass, tile);
    if (ns < best) best = ns, chosen = tile == 2 ? ConvAlgorithm::winograd2 : ConvAlgorithm::winograd4;
  }
  return chosen;
}

}  // namespace

template <class T>
struct PlannedConv2d<T>::Plan {
  ConvAlgorithm algorithm = ConvAlgorithm::direct;
  std::unique_ptr<const conv::Forward<T>> forward;
  std::unique_ptr<const conv::BackwardWeights<T>> weights;
  std::unique_ptr<const ConvGemm<T>> gemm;
  std::unique_ptr<const Winograd> winograd;
};

template <class T>
PlannedConv2d<T>::PlannedConv2d(const Conv2dShape& shape, ConvPass pass, ConvAlgorithm algorithm,
                                const ConvEpilogue<T>& prototype) {
  check_conv_shape(shape);
  const bool gradient = pass == ConvPass::backward_weights;
  PK_CHECK(!gradient || (prototype.scale == nullptr && prototype.bias == nullptr && prototype.preact == nullptr &&
                         prototype.mask == nullptr && prototype.act == Act::linear),
           "convolution: backward_weights has no epilogue but dbias");
  PK_CHECK(gradient || prototype.dbias == nullptr, "convolution: only backward_weights gives dbias");
  if (prototype.sink.fn != nullptr) {
    PK_CHECK(sizeof(T) == sizeof(float) && pass == ConvPass::forward && prototype.preact == nullptr &&
                 prototype.mask == nullptr,
             "convolution: a sink takes the forward pass of float, without preact and mask");
  }
  const auto plan = std::make_shared<Plan>();
  plan->algorithm = algorithm == ConvAlgorithm::automatic ? choose<T>(shape, pass, prototype) : algorithm;
  const auto refuse = [&](const char* needs) {
    fail(std::string("convolution: algorithm '") + name_of(algorithm) + "' needs " + needs);
  };
  switch (plan->algorithm) {
    case ConvAlgorithm::gemm:
      if (!ConvGemm<T>::applies(shape)) refuse("a window of 1 x 1, stride 1, no padding and groups=1");
      if (prototype.sink.fn != nullptr) refuse("a result in memory, not a sink");
      plan->gemm = std::make_unique<ConvGemm<T>>(shape, pass, prototype);
      break;
    case ConvAlgorithm::winograd2:
    case ConvAlgorithm::winograd4:
      if (!winograd_applies<T>(shape, pass)) {
        refuse("float32, a window of 3 x 3, stride 1, dilation 1 and groups=1, and is not there for every pass");
      }
      if constexpr (sizeof(T) == sizeof(float)) {
        plan->winograd =
            std::make_unique<Winograd>(shape, pass, plan->algorithm == ConvAlgorithm::winograd2 ? 2 : 4, prototype);
      }
      break;
    default:
      if (gradient) {
        plan->weights = std::make_unique<conv::BackwardWeights<T>>(shape, prototype);
      } else {
        plan->forward = std::make_unique<conv::Forward<T>>(shape, pass, prototype);
      }
  }
  plan_ = plan;
}

template <class T>
ConvAlgorithm PlannedConv2d<T>::algorithm() const {
  return plan_->algorithm;
}

template <class T>
std::size_t PlannedConv2d<T>::scratch_bytes() const {
  if (plan_->forward != nullptr) return plan_->forward->scratch_bytes();
  if (plan_->weights != nullptr) return plan_->weights->scratch_bytes();
  return plan_->gemm != nullptr ? plan_->gemm->scratch_bytes() : plan_->winograd->scratch_bytes();
}

template <class T>
std::size_t PlannedConv2d<T>::packed_bytes() const {
  if (plan_->forward != nullptr) return plan_->forward->packed_bytes();
  if (plan_->gemm != nullptr) return plan_->gemm->packed_bytes();
  return plan_->winograd != nullptr ? plan_->winograd->packed_bytes() : 0;
}

template <class T>
bool PlannedConv2d<T>::result_over_mask() const {
  return plan_->winograd != nullptr || (plan_->forward != nullptr && plan_->forward->result_over_mask());
}

template <class T>
void PlannedConv2d<T>::pack_weights(const T* w, void* packed) const {
  if (plan_->forward != nullptr) plan_->forward->pack(w, static_cast<T*>(packed));
  if constexpr (sizeof(T) == sizeof(float)) {
    if (plan_->gemm != nullptr) plan_->gemm->pack(w, packed);
    if (plan_->winograd != nullptr) plan_->winograd->pack_weights(w, packed);
  }
}

template <class T>
void PlannedConv2d<T>::run(const ConvRun<T>& args, void* scratch) const {
  if (plan_->forward != nullptr) return plan_->forward->run(args, scratch);
  if (plan_->weights != nullptr) return plan_->weights->run(args, scratch);
  if (plan_->gemm != nullptr) return plan_->gemm->run(args, scratch);
  if constexpr (sizeof(T) == sizeof(float)) plan_->winograd->run(args, scratch);
}

template class PlannedConv2d<float>;
template class PlannedConv2d<double>;

}  // namespace pk
