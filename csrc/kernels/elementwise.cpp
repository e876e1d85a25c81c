#include "kernels/elementwise.h"

#include <cmath>
#include <string>

#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

constexpr int index_of(DType t) { return static_cast<int>(t); }

// Tasks of about two microseconds, in whole cache lines.
LoopCost cost_of(double ns) {
  const int64_t grain = static_cast<int64_t>(2000 / ns) / 64 * 64;
  return {ns, grain < 64 ? 64 : grain};
}

// Moving an element from one cached array to another.
double copy_ns(DType t) { return 0.03 * static_cast<double>(size_of(t)); }

double unary_ns(Unary f, DType t) {
  if (row_of(f).work == Work::moves) return 2 * copy_ns(t);
  return t == DType::f32 ? 0.7 : 10;
}

double binary_ns(Binary f, DType t) {
  switch (row_of(f).work) {
    case Work::transcendental:
      return 20;
    case Work::modulo:
      return 8;
    case Work::moves:
      break;
  }
  return 3 * copy_ns(t);
}

[[noreturn]] void refuse(const char* function, DType t) {
  fail(std::string(function) + " does not take dtype " + name_of(t) + "; cast the input first");
}

ElementwiseTable const& table() { return kernels().elementwise; }

}  // namespace

void UnaryLoop::split(const void* x, void* y, int64_t n) const {
  parallel_ranges(n, cost.grain, cost.ns * static_cast<double>(n), [&](int64_t begin, int64_t end) {
    span(static_cast<const char*>(x) + begin * in_size, static_cast<char*>(y) + begin * out_size, end - begin);
  });
}

UnaryLoop unary_loop(Unary f, DType dtype) {
  const UnarySpan span = table().unary[index_of(dtype)][static_cast<int>(f)];
  if (span == nullptr) refuse(row_of(f).name, dtype);
  const int64_t size = static_cast<int64_t>(size_of(dtype));
  UnaryLoop loop;
  loop.span = span;
  loop.cost = cost_of(unary_ns(f, dtype));
  loop.in_size = loop.out_size = size;
  return loop;
}

UnaryLoop predicate_loop(Predicate f, DType dtype) {
  UnaryLoop loop;
  loop.span = table().predicate[index_of(dtype)][static_cast<int>(f)];
  loop.cost = cost_of(2 * copy_ns(dtype));
  loop.in_size = static_cast<int64_t>(size_of(dtype));
  loop.out_size = 1;
  return loop;
}

UnaryLoop cast_loop(DType from, DType to) {
  UnaryLoop loop;
  loop.span = table().cast[index_of(from)][index_of(to)];
  loop.cost = cost_of(copy_ns(from) + copy_ns(to));
  loop.in_size = static_cast<int64_t>(size_of(from));
  loop.out_size = static_cast<int64_t>(size_of(to));
  return loop;
}

ClipLoop clip_loop(DType dtype, double lo, double hi) {
  ClipLoop loop;
  loop.span = table().clip[index_of(dtype)];
  if (loop.span == nullptr) refuse("clip", dtype);
  PK_CHECK(!std::isnan(lo) && !std::isnan(hi), "clip: the bounds must be numbers, got NaN");
  loop.cost = cost_of(2 * copy_ns(dtype));
  loop.size = static_cast<int64_t>(size_of(dtype));
  loop.lo = lo;
  loop.hi = hi;
  return loop;
}

void ClipLoop::operator()(const void* x, void* y, int64_t n) const {
  if (n <= cost.grain) return span(x, y, n, lo, hi);
  parallel_ranges(n, cost.grain, cost.ns * static_cast<double>(n), [&](int64_t begin, int64_t end) {
    span(static_cast<const char*>(x) + begin * size, static_cast<char*>(y) + begin * size, end - begin, lo, hi);
  });
}

ActLoop act_loop(Act act, double alpha, DType dtype) {
  if (!is_float(dtype)) refuse("activation", dtype);
  PK_CHECK(row_of(act).parameter == Parameter::none || !(alpha < 0),
           "alpha must not be negative, got " + std::to_string(alpha));
  ActLoop loop;
  loop.table = &table();
  loop.cost = cost_of(row_of(act).work == Work::moves ? 2 * copy_ns(dtype) : dtype == DType::f32 ? 0.8 : 15);
  loop.act = act;
  loop.dtype = dtype;
  loop.alpha = alpha;
  return loop;
}

void ActLoop::forward(const void* x, void* y, int64_t n) const {
  const auto run = [&](int64_t begin, int64_t end) {
    if (dtype == DType::f32) {
      table->act(act, static_cast<float>(alpha), static_cast<const float*>(x) + begin, static_cast<float*>(y) + begin,
                 end - begin);
    } else {
      table->act_f64(act, alpha, static_cast<const double*>(x) + begin, static_cast<double*>(y) + begin, end - begin);
    }
  };
  if (n <= cost.grain) return run(0, n);
  parallel_ranges(n, cost.grain, cost.ns * static_cast<double>(n), run);
}

void ActLoop::backward(const void* ref, const void* dy, void* dx, int64_t n) const {
  const auto run = [&](int64_t begin, int64_t end) {
    if (dtype == DType::f32) {
      table->act_grad(act, static_cast<float>(alpha), static_cast<const float*>(ref) + begin,
                      static_cast<const float*>(dy) + begin, static_cast<float*>(dx) + begin, end - begin);
    } else {
      table->act_grad_f64(act, alpha, static_cast<const double*>(ref) + begin, static_cast<const double*>(dy) + begin,
                          static_cast<double*>(dx) + begin, end - begin);
    }
  };
  if (n <= cost.grain) return run(0, n);
  parallel_ranges(n, cost.grain, cost.ns * static_cast<double>(n), run);
}

FillLoop fill_loop(DType dtype, double value) {
  FillLoop loop;
  loop.span = table().fill[size_class(dtype)];
  loop.cost = cost_of(copy_ns(dtype));
  loop.size = static_cast<int64_t>(size_of(dtype));
  table().cast[index_of(DType::f64)][index_of(dtype)](&value, loop.value, 1);
  return loop;
}

void FillLoop::operator()(void* y, int64_t n) const {
  if (n <= cost.grain) return span(value, y, n);
  parallel_ranges(n, cost.grain, cost.ns * static_cast<double>(n),
                  [&](int64_t begin, int64_t end) { span(value, static_cast<char*>(y) + begin * size, end - begin); });
}

BinaryLoop binary_loop(Binary f, DType dtype, const Broadcast& bc) {
  const BinarySpan* spans = table().binary[index_of(dtype)][static_cast<int>(f)];
  if (spans[0] == nullptr) refuse(row_of(f).name, dtype);
  BinaryLoop loop;
  for (int i = 0; i < span_form_count; ++i) loop.span[i] = spans[i];
  loop.repeat = table().fill[size_class(dtype)];
  loop.cost = cost_of(binary_ns(f, dtype));
  loop.in_size = loop.out_size = static_cast<int64_t>(size_of(dtype));
  loop.bc = bc;
  return loop;
}

BinaryLoop compare_loop(Compare f, DType dtype, const Broadcast& bc) {
  const BinarySpan* spans = table().compare[index_of(dtype)][static_cast<int>(f)];
  BinaryLoop loop;
  for (int i = 0; i < span_form_count; ++i) loop.span[i] = spans[i];
  loop.repeat = table().fill[0];
  loop.cost = cost_of(3 * copy_ns(dtype));
  loop.in_size = static_cast<int64_t>(size_of(dtype));
  loop.out_size = 1;
  loop.bc = bc;
  return loop;
}

SelectLoop select_loop(DType dtype, const Broadcast& bc) {
  SelectLoop loop;
  loop.span = table().select[size_class(dtype)];
  loop.repeat = table().fill[size_class(dtype)];
  loop.cost = cost_of(3 * copy_ns(dtype));
  loop.size = static_cast<int64_t>(size_of(dtype));
  loop.bc = bc;
  return loop;
}

}  // namespace pk
