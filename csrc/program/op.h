// What a program can hold. An op is a factory registered by name: from the types of its inputs and
// outputs and its attributes it makes a Kernel, an object that runs on resolved pointers. Shape
// inference and gradients live beside the op's definition in Python (pykernels/ops); a factory checks what it is given,
// because a wrong shape must raise ValueError and never read out of bounds.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"

namespace pk {

struct ValueType {
  DType dtype = DType::f32;
  Shape shape;
};

// A function of the host language (Python) that a program calls. It fills the outputs from the inputs and keeps no
// pointer; it may throw. Called from the thread that runs the program.
class HostFunction {
 public:
  virtual ~HostFunction() = default;
  virtual void operator()(const std::vector<ValueType>& in_types, const void* const* in,
                          const std::vector<ValueType>& out_types, void* const* out) const = 0;
};

using AttrValue =
    std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::shared_ptr<const HostFunction>>;

class Attrs {
 public:
  void set(const std::string& key, AttrValue v) { values_[key] = std::move(v); }
  bool has(const std::string& key) const { return values_.count(key) != 0; }
  const std::map<std::string, AttrValue>& all() const { return values_; }
  // Each throws std::invalid_argument naming the key when it is absent or of another type
  // (an int is accepted where a double is asked for).
  bool boolean(const std::string& key) const;
  int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  const std::string& text(const std::string& key) const;
  const std::vector<int64_t>& integers(const std::string& key) const;
  std::shared_ptr<const HostFunction> host_function(const std::string& key) const;
  bool boolean(const std::string& key, bool absent) const { return has(key) ? boolean(key) : absent; }
  int64_t integer(const std::string& key, int64_t absent) const { return has(key) ? integer(key) : absent; }
  double number(const std::string& key, double absent) const { return has(key) ? number(key) : absent; }

 private:
  const AttrValue& at(const std::string& key) const;
  std::map<std::string, AttrValue> values_;
};

// What a kernel is built from. `name` is the op's.
struct OpSpec {
  std::string name;
  std::vector<ValueType> in, out;
  Attrs attrs;
};

// What a kernel runs on: pointers to its inputs and outputs in the order of the spec, scratch of the
// size it asked for (64-byte aligned, contents undefined), and the run's counters.
struct RunArgs {
  const void* const* in;
  void* const* out;
  void* scratch;
  std::uint64_t seed;              // of the program's random stream
  std::uint64_t step;              // how many runs of this stream came before
  const void* prepared = nullptr;  // what Kernel::prepare made of prepared_input, where the program does that

  template <class T>
  const T* input(int i) const {
    return static_cast<const T*>(in[i]);
  }
  template <class T>
  T* output(int i) const {
    return static_cast<T*>(out[i]);
  }
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(const RunArgs& args) const = 0;
  // Brings input `prepared_input` into the layout that run() likes best (packed weights).
  virtual void prepare(const void* /*input*/, void* /*prepared*/) const {}

  std::size_t scratch_bytes = 0;
  double flops = 0;           // per run, as the field counts them (a multiply-add is 2)
  std::vector<int> in_place;  // inputs (same bytes as output 0) whose buffer output 0 may take over
  // A program that never writes this input (a variable) prepares it once per new value instead of at each run.
  int prepared_input = -1;
  std::size_t prepared_bytes = 0;
};

template <class F>
class FunctionKernel final : public Kernel {
 public:
  explicit FunctionKernel(F f) : f_(std::move(f)) {}
  void run(const RunArgs& args) const override { f_(args); }

 private:
  F f_;
};

// A kernel from a callable (const RunArgs&) that captures what it needs by value.
template <class F>
std::unique_ptr<Kernel> make_kernel(F f) {
  return std::make_unique<FunctionKernel<F>>(std::move(f));
}

using KernelFactory = std::unique_ptr<Kernel> (*)(const OpSpec&);

// An op as documentation lists it. `form` is "inputs -> outputs {attributes}", with what the names do not say behind
// it.
struct OpEntry {
  std::string name, family, form;
};

// Each ops_*.cpp has one function that registers its family; op.cpp calls them, once.
void register_op(const std::string& name, KernelFactory factory, const std::string& form);
const std::vector<OpEntry>& op_entries();

// Throws std::invalid_argument for an unknown name and for whatever the factory refuses.
std::unique_ptr<Kernel> make_op(const OpSpec& spec);

// For factories: messages start with the op's name.
[[noreturn]] void op_fail(const OpSpec& spec, const std::string& what);
void expect_counts(const OpSpec& spec, std::size_t in, std::size_t out);
void expect_shape(const OpSpec& spec, const ValueType& v, const Shape& want, const char* what);
void expect_dtype(const OpSpec& spec, const ValueType& v, DType want, const char* what);
// f32 or f64, the same for all listed values.
DType expect_float(const OpSpec& spec, std::initializer_list<const ValueType*> values);
// The same for all inputs and outputs, of which there is at least one input.
DType expect_all_float(const OpSpec& spec);

void register_elementwise_ops();
void register_array_ops();
void register_reduce_ops();
void register_count_ops();
void register_matmul_ops();
void register_loss_ops();
void register_ctc_ops();
void register_optimizer_ops();
void register_random_ops();
void register_conv_ops();
void register_conv_pool_ops();
void register_pool_ops();
void register_norm_ops();
void register_depthwise_ops();
void register_image_ops();
void register_order_ops();
void register_host_ops();
void register_recurrent_ops();

}  // namespace pk
