#include "kernels/ctc.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"

namespace pk {

namespace {

constexpr double impossible = -1e5;

double log_add(double a, double b) {
  const double top = std::max(a, b);
  return top + std::log1p(std::exp(std::min(a, b) - top));
}

// One sample. phi[n]: log probability of having emitted n labels and standing behind a blank; emit[n]: of standing on
// label n. Row t of each is the state before step t.
struct Sample {
  const CtcSizes& s;
  const std::int32_t* labels;
  int64_t steps, length;  // of this sample; length outside of [0, s.labels]: no loss
  double *log_p, *phi, *emit;

  int64_t states() const { return s.labels + 1; }
  double* phi_at(int64_t t) const { return phi + t * states(); }
  double* emit_at(int64_t t) const { return emit + t * states(); }
  bool is_class(int64_t n) const { return labels[n] >= 0 && labels[n] < s.classes; }
  double log_p_of(const double* row, int64_t n) const { return is_class(n) ? row[labels[n]] : 0; }
  bool repeats(int64_t n) const { return n + 1 < s.labels && labels[n] == labels[n + 1]; }

  // What the blank behind label n has: emit[n] unless the next label is the same, between which a blank must stand.
  double behind(const double* e, int64_t n) const { return e[n] + (repeats(n) ? impossible : 0); }
  double to_blank(const double* e, double blank, int64_t n) const {
    return e[n] + blank + (repeats(n) ? 0 : impossible);
  }

  // phi after the step from label to blank that takes no time.
  double moved(const double* p, const double* e, int64_t n) const {
    return n == 0 ? p[0] : log_add(p[n], behind(e, n - 1));
  }

  void forward() const {
    std::fill_n(phi_at(0), states(), impossible);
    std::fill_n(emit_at(0), states(), impossible);
    phi_at(0)[0] = 0;
    for (int64_t t = 0; t < steps; ++t) {
      const double *p = phi_at(t), *e = emit_at(t), *row = log_p + t * s.classes;
      double *next_p = phi_at(t + 1), *next_e = emit_at(t + 1);
      const double blank = row[s.blank];
      for (int64_t n = 0; n <= s.labels; ++n) {
        const double stay = moved(p, e, n);
        if (n < s.labels) next_e[n] = log_add(stay, e[n]) + log_p_of(row, n);
        next_p[n] = n == 0 ? stay + blank : log_add(stay + blank, to_blank(e, blank, n - 1));
      }
    }
  }

  double loss() const {
    if (length < 0 || length > s.labels) return 0;
    const double *p = phi_at(steps), *e = emit_at(steps);
    return -(length == 0 ? p[0] : log_add(p[length], e[length - 1]));
  }

  // d loss / d log_p, added to d_log_p (steps, classes); dp and de: rows of states() for the adjoints, and two more.
  void backward(double* d_log_p, double* dp, double* de, double* dp_before, double* de_before) const {
    std::fill_n(dp, states(), 0);
    std::fill_n(de, states(), 0);
    if (length < 0 || length > s.labels) return;
    const double total = -loss();
    dp[length] = -std::exp(phi_at(steps)[length] - total);
    if (length > 0) de[length - 1] = -std::exp(emit_at(steps)[length - 1] - total);
    for (int64_t t = steps - 1; t >= 0; --t) {
      const double *p = phi_at(t), *e = emit_at(t), *row = log_p + t * s.classes;
      const double *next_p = phi_at(t + 1), *next_e = emit_at(t + 1), blank = row[s.blank];
      double* d_row = d_log_p + t * s.classes;
      std::fill_n(dp_before, states(), 0);
      std::fill_n(de_before, states(), 0);
      for (int64_t n = 0; n <= s.labels; ++n) {
        const double stay = moved(p, e, n);
        double d_stay = n == 0 ? dp[0] : dp[n] * std::exp(stay + blank - next_p[n]);
        d_row[s.blank] += dp[n];
        if (n > 0) de_before[n - 1] += dp[n] * std::exp(to_blank(e, blank, n - 1) - next_p[n]);
        if (n < s.labels) {
          const double here = next_e[n] - log_p_of(row, n);
          d_stay += de[n] * std::exp(stay - here);
          de_before[n] += de[n] * std::exp(e[n] - here);
          if (is_class(n)) d_row[labels[n]] += de[n];
        }
        dp_before[n] += n == 0 ? d_stay : d_stay * std::exp(p[n] - stay);
        if (n > 0) de_before[n - 1] += d_stay * std::exp(behind(e, n - 1) - stay);
      }
      std::swap(dp, dp_before);
      std::swap(de, de_before);
    }
  }
};

// Doubles of scratch for a sample: log_p, phi and emit, and for gradients d_log_p and four rows.
int64_t doubles_per_sample(const CtcSizes& s, bool gradient) {
  const int64_t states = s.labels + 1;
  const int64_t forward = s.steps * s.classes + 2 * (s.steps + 1) * states;
  return gradient ? forward + s.steps * s.classes + 4 * states : forward;
}

template <class T>
void log_softmax_rows(const T* x, int64_t rows, int64_t n, double* y) {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const double top = static_cast<double>(*std::max_element(x, x + n));
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i]) - top);
    const double shift = top + std::log(sum);
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<double>(x[i]) - shift;
  }
}

// f(i, sample, scratch behind it) for each sample, after its forward pass.
template <class T, class F>
void for_samples(const CtcSizes& s, const std::int32_t* labels, const T* x, const std::int32_t* label_lengths,
                 const std::int32_t* step_lengths, void* scratch, bool gradient, F f) {
  const int64_t states = s.labels + 1, per_sample = doubles_per_sample(s, gradient);
  const double ns = 20.0 * static_cast<double>(s.batch * s.steps) * static_cast<double>(s.classes + 4 * states);
  parallel_for(s.batch, ns, [&](int64_t i) {
    double* mine = static_cast<double*>(scratch) + i * per_sample;
    const int64_t steps = std::clamp<int64_t>(step_lengths[i], 0, s.steps);
    double* phi = mine + s.steps * s.classes;
    double* emit = phi + (s.steps + 1) * states;
    const Sample sample{s, labels + i * s.labels, steps, label_lengths[i], mine, phi, emit};
    log_softmax_rows(x + i * s.steps * s.classes, steps, s.classes, mine);
    sample.forward();
    f(i, sample, emit + (s.steps + 1) * states);
  });
}

}  // namespace

std::size_t ctc_scratch_bytes(const CtcSizes& s, bool gradient) {
  return static_cast<std::size_t>(s.batch * doubles_per_sample(s, gradient)) * sizeof(double);
}

template <class T>
void ctc_loss(const CtcSizes& s, const std::int32_t* labels, const T* x, const std::int32_t* label_lengths,
              const std::int32_t* step_lengths, T* loss, void* scratch) {
  for_samples(s, labels, x, label_lengths, step_lengths, scratch, false,
              [&](int64_t i, const Sample& sample, double*) { loss[i] = static_cast<T>(sample.loss()); });
}

template <class T>
void ctc_loss_grad(const CtcSizes& s, const std::int32_t* labels, const T* x, const std::int32_t* label_lengths,
                   const std::int32_t* step_lengths, const T* dloss, T* dx, void* scratch) {
  for_samples(s, labels, x, label_lengths, step_lengths, scratch, true,
              [&](int64_t i, const Sample& sample, double* rest) {
                const int64_t n = s.steps * s.classes, states = s.labels + 1;
                double* d = rest;
                double* rows = rest + n;
                std::fill_n(d, n, 0);
                sample.backward(d, rows, rows + states, rows + 2 * states, rows + 3 * states);
                T* out = dx + i * n;
                for (int64_t t = 0; t < s.steps; ++t, d += s.classes, out += s.classes) {
                  double sum = 0;
                  for (int64_t c = 0; c < s.classes; ++c) sum += d[c];
                  for (int64_t c = 0; c < s.classes; ++c) {
                    const double p = t < sample.steps ? std::exp(sample.log_p[t * s.classes + c]) : 0;
                    out[c] = static_cast<T>(static_cast<double>(dloss[i]) * (d[c] - p * sum));
                  }
                }
              });
}

#define PK_INSTANTIATE(T)                                                                                              \
  template void ctc_loss(const CtcSizes&, const std::int32_t*, const T*, const std::int32_t*, const std::int32_t*, T*, \
                         void*);                                                                                       \
  template void ctc_loss_grad(const CtcSizes&, const std::int32_t*, const T*, const std::int32_t*,                     \
                              const std::int32_t*, const T*, T*, void*)
PK_INSTANTIATE(float);
PK_INSTANTIATE(double);

}  // namespace pk
