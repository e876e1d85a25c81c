// Activations that a GEMM or convolution epilogue can apply, and elementwise kernels run.
// Definitions and defaults are Keras 3's (keras.activations).
#pragma once

#include <cstdint>

namespace pk {

enum class Act : std::uint8_t {
  linear,
  relu,          // max(x, 0)
  relu6,         // min(max(x, 0), 6)
  leaky_relu,    // x > 0 ? x : alpha * x
  elu,           // x > 0 ? x : alpha * expm1(x)
  selu,          // scale * elu(x, 1.6732632423543772848170429916717), scale = 1.0507009873554804934193349852946
  gelu,          // x * (1 + erf(x / sqrt(2))) / 2
  gelu_tanh,     // the tanh approximation of gelu
  silu,          // x * sigmoid(x)
  sigmoid,       // 1 / (1 + exp(-x))
  hard_sigmoid,  // relu6(x + 3) / 6
  hard_silu,     // x * hard_sigmoid(x)
  tanh,
  softplus,     // log(1 + exp(x))
  softsign,     // x / (1 + |x|)
  exponential,  // exp(x)
  mish,         // x * tanh(softplus(x))
};

// What the backward kernel reads beside dy: the activation's output y where the derivative is a
// function of y (then x need not be kept), its input x otherwise.
constexpr bool grad_reads_output(Act a) {
  switch (a) {
    case Act::linear:
    case Act::relu:
    case Act::relu6:
    case Act::leaky_relu:  // alpha >= 0; a negative alpha is refused by the op
    case Act::elu:         // alpha > 0
    case Act::selu:
    case Act::sigmoid:
    case Act::hard_sigmoid:
    case Act::tanh:
    case Act::softplus:
    case Act::softsign:
    case Act::exponential:
      return true;
    default:
      return false;
  }
}

}  // namespace pk
