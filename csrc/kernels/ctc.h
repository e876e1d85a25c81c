// Connectionist temporal classification (Graves et al., ICML 2006) as Keras on JAX has it: an impossible step costs 1e5
// instead of infinity. Computed in double whatever T is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pk {

using std::int64_t;

struct CtcSizes {
  int64_t batch, steps, classes, labels;
  int blank;  // a class
};

// Bytes of scratch that either function needs.
std::size_t ctc_scratch_bytes(const CtcSizes& s, bool gradient);

// loss[i] = -log p(labels[i, 0 ... label_lengths[i]) | the first step_lengths[i] rows of x[i]); x (batch, steps,
// classes) are logits, labels (batch, labels) classes. A label that is no class has probability 1 at each step; a label
// length outside of [0, labels] gives 0.
template <class T>
void ctc_loss(const CtcSizes& s, const std::int32_t* labels, const T* x, const std::int32_t* label_lengths,
              const std::int32_t* step_lengths, T* loss, void* scratch);

// dx = dloss[i] * d loss[i] / d x.
template <class T>
void ctc_loss_grad(const CtcSizes& s, const std::int32_t* labels, const T* x, const std::int32_t* label_lengths,
                   const std::int32_t* step_lengths, const T* dloss, T* dx, void* scratch);

}  // namespace pk
