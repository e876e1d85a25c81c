// Errors thrown across the library. The bindings turn them into Python's:
//   std::invalid_argument -> ValueError, pk::TypeError -> TypeError,
//   std::out_of_range -> IndexError, std::bad_alloc / pk::OutOfMemory -> MemoryError.
#pragma once

#include <new>
#include <stdexcept>
#include <string>

namespace pk {

class TypeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class OutOfMemory : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] inline void fail(const std::string& what) { throw std::invalid_argument(what); }

// Throws std::invalid_argument(what) unless ok; `what` is evaluated only on failure.
#define PK_CHECK(ok, what)         \
  do {                             \
    if (!(ok)) ::pk::fail((what)); \
  } while (0)

}  // namespace pk
