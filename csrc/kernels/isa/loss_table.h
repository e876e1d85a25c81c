// The losses' inner loops of one instruction-set level, serial over rows. Contracts: kernels/loss.h.
#pragma once

#include <cstdint>

namespace pk {

template <class T>
struct LossLoops {
  using int64 = std::int64_t;
  using Class = std::int32_t;

  void (*categorical)(bool from_logits, int64 rows, int64 n, const T* target, const T* x, T* loss, T eps);
  void (*categorical_grad)(bool from_logits, int64 rows, int64 n, const T* target, const T* x, const T* dloss, T* dx,
                           T eps);
  void (*softmax_categorical_grad)(int64 rows, int64 n, const T* target, const T* p, const T* dloss, T* dz);

  void (*sparse)(bool from_logits, int64 rows, int64 n, const Class* target, const T* x, T* loss, T eps);
  void (*sparse_grad)(bool from_logits, int64 rows, int64 n, const Class* target, const T* x, const T* dloss, T* dx,
                      T eps);
  void (*softmax_sparse_grad)(int64 rows, int64 n, const Class* target, const T* p, const T* dloss, T* dz);

  void (*binary)(bool from_logits, int64 rows, int64 n, const T* target, const T* x, T* loss, T eps);
  void (*binary_grad)(bool from_logits, int64 rows, int64 n, const T* target, const T* x, const T* dloss, T* dx, T eps);
  void (*sigmoid_binary_grad)(int64 rows, int64 n, const T* target, const T* p, const T* dloss, T* dz);

  void (*squared)(int64 rows, int64 n, const T* target, const T* x, T* loss);
  void (*squared_grad)(int64 rows, int64 n, const T* target, const T* x, const T* dloss, T* dx);
  void (*absolute)(int64 rows, int64 n, const T* target, const T* x, T* loss);
  void (*absolute_grad)(int64 rows, int64 n, const T* target, const T* x, const T* dloss, T* dx);
};

struct LossTable {
  LossLoops<float> f32;
  LossLoops<double> f64;
};

}  // namespace pk
