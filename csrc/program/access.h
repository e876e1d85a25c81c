// Who reads and writes variables, and when.
//
// Reading: an access holds the values that its variables have at one moment, until it ends. Writing: accesses to the
// same variable take turns in the order in which they came. A value that somebody holds is not changed: a copy of it
// becomes the variable's value. So reading hinders nobody and waits only for a writer that has begun, to end or to give
// way.
//
// No deadlocks: an access waits for all its variables at once and holds none of them meanwhile, and a thread whose own
// write access has begun never waits. What it writes is open to it, through other accesses too.
//
// After a fork the child has no threads but one; what the others had begun is over there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "program/variable.h"

namespace pk {

const Variables& no_variables();

class VariableAccess {
 public:
  // Whether a writer needs the old contents, or sets every element.
  enum class Contents { kept, overwritten };
  using Poll = std::function<void()>;

  // The lists outlive the access. No variable is in both.
  VariableAccess(const Variables& read, const Variables& written, Contents contents = Contents::kept);
  ~VariableAccess() { end(); }
  VariableAccess(const VariableAccess&) = delete;
  VariableAccess& operator=(const VariableAccess&) = delete;

  // False, and nothing done, where begin() would wait.
  bool try_begin();
  // Ten times a second while it waits it calls `poll`, which may throw. Throws OutOfMemory where a copy does not fit.
  void begin(const Poll& poll = {});
  // Does nothing where it has not begun. The versions of the variables that were written rise, by an exception too.
  void end();

  const void* read(std::size_t i) const { return values_[i]->data.data(); }
  std::uint64_t version(std::size_t i) const { return values_[i]->version; }
  void* written(std::size_t i) const { return values_[read_.size() + i]->data.data(); }

  // Whether others wait for what this access writes.
  bool wanted() const { return wanted_.load(std::memory_order_relaxed); }
  // Ends, and begins again behind those who waited. Pointers change.
  void give_way(const Poll& poll);

 private:
  friend class VariableStorage;
  friend class VariableReading;
  struct Gate;
  static Gate& gate();
  static void after_fork();
  static void retire(VariableValue* value);

  bool take();
  bool must_wait();
  void let_go(VariableValue* value);
  void replace_held();
  void delete_unheld();
  VariableValue** in_a_reading(const VariableStorage& variable) const;

  const Variables& read_;
  const Variables& written_;
  const Contents contents_;
  bool begun_ = false;
  const void* thread_ = nullptr;
  std::atomic<bool> wanted_{false};
  std::vector<VariableValue*> values_;  // of read_, then of written_
  std::vector<std::size_t> held_;       // of written_: those whose values others hold
  std::vector<VariableValue*> unheld_;  // to be freed outside of the lock
};

// While it lasts, whatever its thread reads of these variables it reads as they were at one moment, even if other
// threads write them. A variable that the thread itself writes leaves it.
class VariableReading {
 public:
  explicit VariableReading(Variables variables);
  ~VariableReading() { end(); }
  VariableReading(const VariableReading&) = delete;
  VariableReading& operator=(const VariableReading&) = delete;

  bool try_begin();
  void begin(const VariableAccess::Poll& poll = {});
  void end();

 private:
  friend class VariableAccess;
  void enter();
  VariableValue** find(const VariableStorage& variable);

  const Variables variables_;  // sorted by address
  VariableAccess access_;
};

// Write access to variables for the lifetime of the object, which waits for its turn.
class VariableWrite {
 public:
  explicit VariableWrite(Variables variables);
  explicit VariableWrite(std::shared_ptr<VariableStorage> variable);

  std::size_t size() const { return variables_.size(); }
  void* data(std::size_t i = 0) const { return access_.written(i); }

 private:
  const Variables variables_;
  VariableAccess access_;
};

}  // namespace pk
