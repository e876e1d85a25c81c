#include "program/op.h"

#include <algorithm>

#include "base/error.h"

namespace pk {

namespace {

struct Registry {
  std::map<std::string, KernelFactory> factories;
  std::vector<OpEntry> entries;
  std::string family;  // of the ops that are being registered
};

Registry& registry() {
  static Registry r;
  return r;
}

const Registry& filled_registry() {
  static const bool done = [] {
    const auto add = [](const char* family, std::initializer_list<void (*)()> functions) {
      registry().family = family;
      for (const auto register_ops : functions) register_ops();
    };
    add("Element by element", {register_elementwise_ops});
    add("Arrays", {register_array_ops});
    add("Reductions", {register_reduce_ops, register_count_ops});
    add("Products", {register_matmul_ops});
    add("Convolution", {register_conv_ops, register_conv_pool_ops, register_depthwise_ops});
    add("Pooling", {register_pool_ops});
    add("Normalization", {register_norm_ops});
    add("Recurrent layers", {register_recurrent_ops});
    add("Losses", {register_loss_ops, register_ctc_ops});
    add("Updates", {register_optimizer_ops});
    add("Random tensors", {register_random_ops});
    add("Order", {register_order_ops});
    add("Images", {register_image_ops});
    add("Host", {register_host_ops});
    return true;
  }();
  static_cast<void>(done);
  return registry();
}

template <class T>
const T& get(const AttrValue& v, const std::string& key, const char* what) {
  const T* p = std::get_if<T>(&v);
  PK_CHECK(p != nullptr, "attribute '" + key + "' must be " + what);
  return *p;
}

}  // namespace

const AttrValue& Attrs::at(const std::string& key) const {
  const auto it = values_.find(key);
  PK_CHECK(it != values_.end(), "attribute '" + key + "' is missing");
  return it->second;
}

bool Attrs::boolean(const std::string& key) const { return get<bool>(at(key), key, "a bool"); }
int64_t Attrs::integer(const std::string& key) const { return get<int64_t>(at(key), key, "an int"); }
double Attrs::number(const std::string& key) const {
  const AttrValue& v = at(key);
  if (const int64_t* i = std::get_if<int64_t>(&v)) return static_cast<double>(*i);
  return get<double>(v, key, "a number");
}
const std::string& Attrs::text(const std::string& key) const { return get<std::string>(at(key), key, "a string"); }
const std::vector<int64_t>& Attrs::integers(const std::string& key) const {
  return get<std::vector<int64_t>>(at(key), key, "a list of ints");
}

std::shared_ptr<const HostFunction> Attrs::host_function(const std::string& key) const {
  return get<std::shared_ptr<const HostFunction>>(at(key), key, "a function");
}

void register_op(const std::string& name, KernelFactory factory, const std::string& form) {
  Registry& r = registry();
  PK_CHECK(r.factories.emplace(name, factory).second, "op '" + name + "' is registered twice");
  r.entries.push_back({name, r.family, form});
}

const std::vector<OpEntry>& op_entries() { return filled_registry().entries; }

namespace {

// Factories and kernels multiply extents: within this bound no product of some of a value's can overflow, with a factor
// for the bytes of an element and for padding. No memory holds as much.
constexpr int64_t most_elements = int64_t{1} << 47;

void expect_sizes(const OpSpec& spec) {
  for (const auto* list : {&spec.in, &spec.out}) {
    for (const ValueType& v : *list) {
      int64_t n = 1;
      for (const int64_t d : v.shape) {
        if (d > most_elements || (d > 0 && n > most_elements / d)) {
          op_fail(spec, "a value of shape " + v.shape.str() + " is larger than any memory");
        }
        if (d > 0) n *= d;
      }
    }
  }
}

bool is_empty(const ValueType& v) {
  for (const int64_t d : v.shape) {
    if (d == 0) return true;
  }
  return false;
}

// Whether a run would have nothing to write: loops over rows of no elements may be long.
bool writes_nothing(const OpSpec& spec) {
  for (const ValueType& v : spec.out) {
    if (!is_empty(v)) return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<Kernel> make_op(const OpSpec& spec) {
  const auto& factories = filled_registry().factories;
  const auto it = factories.find(spec.name);
  PK_CHECK(it != factories.end(), "no op is called '" + spec.name + "'");
  try {
    expect_sizes(spec);
    std::unique_ptr<Kernel> kernel = it->second(spec);
    return writes_nothing(spec) ? make_kernel([](const RunArgs&) {}) : std::move(kernel);
  } catch (const std::invalid_argument& e) {
    const std::string what = e.what();
    if (what.rfind("op '", 0) == 0) throw;
    op_fail(spec, what);
  } catch (const TypeError& e) {
    throw TypeError("op '" + spec.name + "': " + e.what());
  }
}

void op_fail(const OpSpec& spec, const std::string& what) { fail("op '" + spec.name + "': " + what); }

void expect_counts(const OpSpec& spec, std::size_t in, std::size_t out) {
  if (spec.in.size() != in || spec.out.size() != out) {
    op_fail(spec, "takes " + std::to_string(in) + " inputs and " + std::to_string(out) + " outputs, got " +
                      std::to_string(spec.in.size()) + " and " + std::to_string(spec.out.size()));
  }
}

void expect_shape(const OpSpec& spec, const ValueType& v, const Shape& want, const char* what) {
  if (v.shape != want) op_fail(spec, std::string(what) + " has shape " + v.shape.str() + ", expected " + want.str());
}

void expect_dtype(const OpSpec& spec, const ValueType& v, DType want, const char* what) {
  if (v.dtype != want) {
    op_fail(spec, std::string(what) + " has dtype " + name_of(v.dtype) + ", expected " + name_of(want));
  }
}

DType expect_float(const OpSpec& spec, std::initializer_list<const ValueType*> values) {
  const DType t = (*values.begin())->dtype;
  for (const ValueType* v : values) {
    if (v->dtype != t || !is_float(t)) {
      op_fail(spec, std::string("operands must be float32 or float64 and agree, got ") + name_of(t) + " and " +
                        name_of(v->dtype));
    }
  }
  return t;
}

DType expect_all_float(const OpSpec& spec) {
  for (const auto* values : {&spec.in, &spec.out}) {
    for (const ValueType& v : *values) expect_float(spec, {&spec.in[0], &v});
  }
  return spec.in[0].dtype;
}

}  // namespace pk
