// Variables in the layout of the kernels that read them (Kernel::prepare), made once for each value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <vector>

#include "base/buffer.h"
#include "program/op.h"

namespace pk {

// A form is used by runs that hold the same version of the variable. Runs on an older version keep theirs until they
// end.
struct PreparedForm {
  std::uint64_t version = 0;
  int users = 0;
  Buffer data;
};

// Those of one program, by number. Thread-safe.
class PreparedForms {
 public:
  struct Source {
    const Kernel* kernel;
    const void* value;
    std::uint64_t version;
  };

  void resize(std::size_t count) { forms_.resize(count); }
  std::size_t size() const { return forms_.size(); }

  // `source(i)` says what form i is made from. `taken` is of size(); what it holds is given back.
  template <class F>
  void take(std::vector<PreparedForm*>& taken, F source) {
    give_back(taken);
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::size_t i = 0; i < forms_.size(); ++i) taken[i] = &taken_form(forms_[i], source(i));
  }
  // Those that are not null become null.
  void give_back(std::vector<PreparedForm*>& taken);

 private:
  static PreparedForm& taken_form(std::list<PreparedForm>& forms, const Source& source);

  std::mutex mutex_;
  std::vector<std::list<PreparedForm>> forms_;  // the newest first
};

}  // namespace pk
