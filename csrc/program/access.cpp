#include "program/access.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

#if defined(__linux__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace pk {

namespace {

constexpr std::chrono::milliseconds poll_interval{100};

const void* this_thread() {
  thread_local const char place = 0;
  return &place;
}

template <class T>
void remove(std::vector<T*>& list, T* item) {
  if (!list.empty() && list.back() == item) {
    list.pop_back();
    return;
  }
  list.erase(std::remove(list.begin(), list.end(), item), list.end());
}

}  // namespace

const Variables& no_variables() {
  static const Variables none;
  return none;
}

// Everything that accesses share. Held only for moments, never while something else is waited for.
struct VariableAccess::Gate {
  std::mutex mutex;
  std::condition_variable freed;
  std::vector<VariableAccess*> waiting;  // in the order in which they came
  std::vector<VariableAccess*> writing;
  std::vector<VariableReading*> readings;
};

// Never destroyed: variables may be freed when the process ends.
VariableAccess::Gate& VariableAccess::gate() {
  static Gate& the_gate = []() -> Gate& {
    Gate& made = *new Gate;
#if defined(__linux__) || defined(__APPLE__)
    pthread_atfork([] { gate().mutex.lock(); }, [] { gate().mutex.unlock(); }, [] { after_fork(); });
#endif
    return made;
  }();
  return the_gate;
}

void VariableAccess::after_fork() {
  Gate& g = gate();
  const void* const me = this_thread();
  new (&g.freed) std::condition_variable;  // the old one counts waiting threads that are not here
  g.waiting.clear();
  const auto gone = [me](const auto* access) { return access->thread_ != me; };
  for (const VariableAccess* access : g.writing) {
    if (!gone(access)) continue;
    for (const auto& v : access->written_) {
      if (v->writer_ == access) v->writer_ = nullptr;
    }
  }
  g.writing.erase(std::remove_if(g.writing.begin(), g.writing.end(), gone), g.writing.end());
  g.readings.erase(std::remove_if(g.readings.begin(), g.readings.end(),
                                  [&](const VariableReading* reading) { return gone(&reading->access_); }),
                   g.readings.end());
  g.mutex.unlock();
}

void VariableAccess::retire(VariableValue* value) {
  {
    const std::lock_guard<std::mutex> lock(gate().mutex);
    value->current = false;
    if (value->holders > 0) return;
  }
  delete value;
}

VariableAccess::VariableAccess(const Variables& read, const Variables& written, Contents contents)
    : read_(read), written_(written), contents_(contents), values_(read.size() + written.size()) {}

// Where a reading of this thread has its value of the variable; null where none has one.
VariableValue** VariableAccess::in_a_reading(const VariableStorage& variable) const {
  std::vector<VariableReading*>& readings = gate().readings;
  for (auto reading = readings.rbegin(); reading != readings.rend(); ++reading) {
    if ((*reading)->access_.thread_ != thread_) continue;
    if (VariableValue** held = (*reading)->find(variable); held != nullptr && *held != nullptr) return held;
  }
  return nullptr;
}

bool VariableAccess::must_wait() {
  Gate& g = gate();
  bool blocked = false;
  const auto ask = [&](VariableStorage& v) {
    if (v.writer_ == nullptr) return;
    v.writer_->wanted_.store(true, std::memory_order_relaxed);
    blocked = true;
  };
  for (const auto& v : written_) ask(*v);
  for (const auto& v : read_) {
    if (in_a_reading(*v) == nullptr) ask(*v);
  }
  if (blocked || g.waiting.empty()) return blocked;
  for (const auto& v : written_) v->marked_by_ = this;
  const auto mine = [this](const auto& v) { return v->marked_by_ == this; };
  for (const VariableAccess* before : g.waiting) {
    if (before == this) break;
    for (const Variables* variables : {&before->read_, &before->written_}) {
      blocked = blocked || std::any_of(variables->begin(), variables->end(), mine);
    }
  }
  for (const auto& v : written_) v->marked_by_ = nullptr;
  return blocked;
}

// Takes the variables, with the lock held. False where it has to wait. Small models spend a good part of their time
// here: what is rare is behind one condition.
bool VariableAccess::take() {
  Gate& g = gate();
  const bool alone = g.waiting.empty() && g.readings.empty();
  bool free = alone;
  for (const auto& v : written_) free = free && v->writer_ == nullptr;
  for (const auto& v : read_) free = free && v->writer_ == nullptr;
  if (!free) {
    const bool writes_already = std::any_of(g.writing.begin(), g.writing.end(),
                                            [this](const auto* other) { return other->thread_ == thread_; });
    if (!writes_already && must_wait()) return false;
    for (const auto& v : written_) {
      while (VariableValue** const held = in_a_reading(*v)) let_go(std::exchange(*held, nullptr));
    }
  }
  VariableValue** value = values_.data();
  for (const auto& v : read_) {
    VariableValue** const held = alone ? nullptr : in_a_reading(*v);
    *value = held == nullptr ? v->value_ : *held;
    ++(*value++)->holders;
  }
  for (const auto& v : written_) {
    *value++ = v->value_;
    if (v->writer_ != nullptr) continue;
    v->writer_ = this;
    if (v->value_->holders > 0) held_.push_back(static_cast<std::size_t>(&v - written_.data()));
  }
  if (!written_.empty()) {
    wanted_.store(false, std::memory_order_relaxed);
    g.writing.push_back(this);
  }
  begun_ = true;
  return true;
}

void VariableAccess::let_go(VariableValue* value) {
  if (--value->holders == 0 && !value->current) unheld_.push_back(value);
}

void VariableAccess::delete_unheld() {
  for (VariableValue* value : unheld_) delete value;
  unheld_.clear();
}

// Copies take the places of the values that others hold. Nobody else can begin to use these variables meanwhile.
void VariableAccess::replace_held() {
  if (held_.empty()) return;
  for (const std::size_t i : held_) {
    VariableStorage& v = *written_[i];
    VariableValue* const old = v.value_;
    auto copy = std::make_unique<VariableValue>();
    copy->data = Buffer(v.bytes());
    copy->version = old->version;
    if (contents_ == Contents::kept && v.bytes() > 0) std::memcpy(copy->data.data(), old->data.data(), v.bytes());
    const std::lock_guard<std::mutex> lock(gate().mutex);
    v.value_ = values_[read_.size() + i] = copy.release();
    old->current = false;
    if (old->holders == 0) unheld_.push_back(old);
  }
  held_.clear();
  delete_unheld();
}

bool VariableAccess::try_begin() {
  thread_ = this_thread();
  {
    const std::lock_guard<std::mutex> lock(gate().mutex);
    if (!take()) return false;
  }
  try {
    replace_held();
  } catch (...) {
    end();
    throw;
  }
  return true;
}

void VariableAccess::begin(const Poll& poll) {
  if (try_begin()) return;
  Gate& g = gate();
  std::unique_lock<std::mutex> lock(g.mutex);
  g.waiting.push_back(this);
  const auto leave = [&] {
    remove(g.waiting, this);
    if (!g.waiting.empty()) g.freed.notify_all();
  };
  try {
    while (!take()) {
      if (g.freed.wait_for(lock, poll_interval) != std::cv_status::timeout || !poll) continue;
      lock.unlock();
      poll();
      lock.lock();
    }
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    leave();
    throw;
  }
  leave();
  lock.unlock();
  try {
    replace_held();
  } catch (...) {
    end();
    throw;
  }
}

void VariableAccess::end() {
  if (!begun_) return;
  begun_ = false;
  Gate& g = gate();
  {
    const std::lock_guard<std::mutex> lock(g.mutex);
    for (std::size_t i = 0; i < read_.size(); ++i) {
      if (values_[i] != nullptr) let_go(values_[i]);
    }
    for (const auto& v : written_) {
      v->value_->version = v->version_.load(std::memory_order_relaxed) + 1;
      v->version_.store(v->value_->version, std::memory_order_release);
      if (v->writer_ == this) v->writer_ = nullptr;
    }
    if (!written_.empty()) remove(g.writing, this);
    if (!g.waiting.empty()) g.freed.notify_all();
  }
  delete_unheld();
}

void VariableAccess::give_way(const Poll& poll) {
  end();
  begin(poll);
}

VariableReading::VariableReading(Variables variables)
    : variables_([&] {
        std::sort(variables.begin(), variables.end());
        variables.erase(std::unique(variables.begin(), variables.end()), variables.end());
        return std::move(variables);
      }()),
      access_(variables_, no_variables()) {}

// The place of the value that is held for a variable; it holds null once the thread has written the variable.
VariableValue** VariableReading::find(const VariableStorage& variable) {
  const auto less = [](const auto& v, const VariableStorage* wanted) { return v.get() < wanted; };
  const auto at = std::lower_bound(variables_.begin(), variables_.end(), &variable, less);
  if (at == variables_.end() || at->get() != &variable) return nullptr;
  return &access_.values_[static_cast<std::size_t>(at - variables_.begin())];
}

void VariableReading::enter() {
  const std::lock_guard<std::mutex> lock(VariableAccess::gate().mutex);
  VariableAccess::gate().readings.push_back(this);
}

bool VariableReading::try_begin() {
  if (!access_.try_begin()) return false;
  enter();
  return true;
}

void VariableReading::begin(const VariableAccess::Poll& poll) {
  access_.begin(poll);
  enter();
}

void VariableReading::end() {
  {
    const std::lock_guard<std::mutex> lock(VariableAccess::gate().mutex);
    remove(VariableAccess::gate().readings, this);
  }
  access_.end();
}

VariableWrite::VariableWrite(Variables variables)
    : variables_(std::move(variables)), access_(no_variables(), variables_) {
  access_.begin();
}

VariableWrite::VariableWrite(std::shared_ptr<VariableStorage> variable)
    : VariableWrite(Variables{std::move(variable)}) {}

}  // namespace pk
