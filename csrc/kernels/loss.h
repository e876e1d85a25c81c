// Losses per sample and their gradients (keras.losses, JAX backend semantics; eps = 1e-7 is
// keras.backend.epsilon()). T is float or double. Rows are samples, n the size of the last axis.
// `dloss` (rows) is the gradient of each sample's loss; the gradient with respect to the
// prediction is written to dx (rows, n), which may be x and overlaps nothing else. No gradient
// flows to targets here. Each splits its rows over threads itself.
//
// clip(p) is min(max(p, eps), 1 - eps). inside(p), its derivative as JAX has it, is 1 within the bounds, 1/2 at a
// bound, 0 beyond, and 1 for NaN (so that NaN predictions give NaN gradients, where Keras's are 0).
#pragma once

#include <cstdint>

namespace pk {

using std::int64_t;

// Categorical crossentropy. target (rows, n).
//  from probabilities: q = x / sum(x); loss = -sum(t * log clip(q))
//                      dx = dloss (U - t inside(q) / q) / sum(x), U = sum(t inside(q))
//                      where sum(x) = 0: q = 1 / n for 0 / 0, and dx = 0
//  from logits:        loss = -sum(t * log_softmax(x)); dx = dloss (sum(t) softmax(x) - t)
template <class T>
void categorical_crossentropy(bool from_logits, int64_t rows, int64_t n, const T* target, const T* x, T* loss, T eps);
template <class T>
void categorical_crossentropy_grad(bool from_logits, int64_t rows, int64_t n, const T* target, const T* x,
                                   const T* dloss, T* dx, T eps);
// The gradient from logits z, given p = softmax(z): dz = dloss * (sum(t) p - t). dz may be p.
template <class T>
void softmax_categorical_crossentropy_grad(int64_t rows, int64_t n, const T* target, const T* p, const T* dloss, T* dz);

// Sparse: target (rows) holds class indices: the same with t one-hot. An index outside [0, n) gives a NaN loss
// and a NaN gradient row (in Keras on JAX, a loss of 0).
template <class T>
void sparse_categorical_crossentropy(bool from_logits, int64_t rows, int64_t n, const std::int32_t* target, const T* x,
                                     T* loss, T eps);
template <class T>
void sparse_categorical_crossentropy_grad(bool from_logits, int64_t rows, int64_t n, const std::int32_t* target,
                                          const T* x, const T* dloss, T* dx, T eps);
template <class T>
void softmax_sparse_categorical_crossentropy_grad(int64_t rows, int64_t n, const std::int32_t* target, const T* p,
                                                  const T* dloss, T* dz);

// Binary crossentropy: loss[r] = mean over n of
//  from probabilities: p = clip(x): -(t log p + (1 - t) log(1 - p));
//                      dx = dloss / n * inside(x) ((1 - t) / (1 - p) - t / p)
//  from logits:        max(x, 0) - x t + log1p(exp(-|x|)); dx = dloss / n * (sigmoid(x) - t)
template <class T>
void binary_crossentropy(bool from_logits, int64_t rows, int64_t n, const T* target, const T* x, T* loss, T eps);
template <class T>
void binary_crossentropy_grad(bool from_logits, int64_t rows, int64_t n, const T* target, const T* x, const T* dloss,
                              T* dx, T eps);
// From logits z, given p = sigmoid(z): dz = dloss / n * (p - t). dz may be p.
template <class T>
void sigmoid_binary_crossentropy_grad(int64_t rows, int64_t n, const T* target, const T* p, const T* dloss, T* dz);

// loss[r] = mean over n of (x - t)^2; dx = dloss * 2 (x - t) / n.
template <class T>
void mean_squared_error(int64_t rows, int64_t n, const T* target, const T* x, T* loss);
template <class T>
void mean_squared_error_grad(int64_t rows, int64_t n, const T* target, const T* x, const T* dloss, T* dx);
// loss[r] = mean over n of |x - t|; dx = dloss * sign(x - t) / n (sign(0) = 0).
template <class T>
void mean_absolute_error(int64_t rows, int64_t n, const T* target, const T* x, T* loss);
template <class T>
void mean_absolute_error_grad(int64_t rows, int64_t n, const T* target, const T* x, const T* dloss, T* dx);

// Whether fewer than k predictions of a row (rows, n) are greater than that of its target class: keras.ops.in_top_k
// on JAX, so ties count for the target. A NaN there counts as -infinity, as does a target outside [-n, n); negative
// targets count from the end.
template <class T>
void in_top_k(int64_t rows, int64_t n, int64_t k, const std::int32_t* target, const T* x, bool* y);

}  // namespace pk
