// A wrong result has no speed: every bench compares elements of what it measured with their definition, computed in
// double, and ends with exit code 1 where one is wrong.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

namespace pk::bench {

constexpr double eps = std::numeric_limits<float>::epsilon();

// Up to `count` indices below `n`: the first, the last, and others spread over the rest.
inline std::vector<std::int64_t> samples(std::int64_t n, std::int64_t count = 64) {
  std::vector<std::int64_t> at;
  for (std::int64_t i = 0; i < count && i < n; ++i) {
    at.push_back(count < n ? static_cast<std::int64_t>(static_cast<double>(n - 1) * static_cast<double>(i) /
                                                       static_cast<double>(count - 1))
                           : i);
  }
  return at;
}

// Ends the process unless |have - want| <= bound.
inline void check(const std::string& what, std::int64_t at, double have, double want, double bound) {
  if (std::fabs(have - want) <= bound) return;
  std::fprintf(stderr, "WRONG: %s: element %lld is %.9g, expected %.9g within %.2g\n", what.c_str(),
               static_cast<long long>(at), have, want, bound);
  std::exit(1);
}

// A sum of products in double, and the bound of one in float: errors of a sum of `terms` products of random sign grow
// like eps sqrt(terms) times the root of the sum of squares; `factor` times that is allowed.
struct Sum {
  double value = 0, squares = 0;
  std::int64_t terms = 0;

  void add(double term) {
    value += term;
    squares += term * term;
    ++terms;
  }
  double bound(double factor = 16) const {
    return factor * eps * std::sqrt(static_cast<double>(terms + 1)) * std::sqrt(squares + 1e-6);
  }
};

}  // namespace pk::bench
