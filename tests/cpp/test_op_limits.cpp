// Every op, called with ranks, extents and attributes that nobody means: it refuses them or stays within its arrays.
// PYKERNELS_OP_TRIALS sets how often each example is changed.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "base/error.h"
#include "kernels/table.h"
#include "op_examples.h"

namespace pk {
namespace {

using Random = std::mt19937_64;

std::size_t bytes_of(const ValueType& type) {
  return static_cast<std::size_t>(type.shape.numel()) * size_of(type.dtype);
}

// Memory between unreadable pages: the array begins behind one or ends before the other, and the rest is watched.
class Fenced {
 public:
  Fenced(std::size_t bytes, bool at_end) : bytes_(bytes) {
    page_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    body_ = (bytes + page_ - 1) / page_ * page_ + page_;
    base_ = static_cast<unsigned char*>(
        mmap(nullptr, body_ + 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED) throw std::bad_alloc();
    mprotect(base_, page_, PROT_NONE);
    mprotect(base_ + page_ + body_, page_, PROT_NONE);
    std::memset(base_ + page_, mark, body_);
    data_ = base_ + page_ + (at_end ? body_ - bytes : 0);
  }
  ~Fenced() { munmap(base_, body_ + 2 * page_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  unsigned char* data() const { return data_; }
  std::size_t size() const { return bytes_; }
  bool is_whole() const {
    for (const unsigned char* p = base_ + page_; p < base_ + page_ + body_; ++p) {
      if (*p != mark && (p < data_ || p >= data_ + bytes_)) return false;
    }
    return true;
  }

 private:
  static constexpr unsigned char mark = 0xA5;
  std::size_t bytes_, page_ = 0, body_ = 0;
  unsigned char *base_ = nullptr, *data_ = nullptr;
};

int64_t pick(Random& random, std::initializer_list<int64_t> values) {
  return *(values.begin() + random() % values.size());
}

int64_t strange(Random& random) {
  constexpr int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
  return pick(random, {0,
                       0,
                       1,
                       1,
                       2,
                       3,
                       4,
                       7,
                       16,
                       33,
                       -1,
                       -2,
                       255,
                       256,
                       257,
                       int64_t{1} << 30,
                       int64_t{1} << 31,
                       int64_t{1} << 32,
                       int64_t{1} << 40,
                       int64_t{1} << 61,
                       most,
                       least,
                       least + 1,
                       -most / 2});
}

int64_t extent(Random& random) {
  return pick(random, {0,
                       0,
                       1,
                       1,
                       2,
                       3,
                       4,
                       5,
                       6,
                       7,
                       8,
                       9,
                       15,
                       16,
                       17,
                       33,
                       64,
                       100,
                       1000,
                       int64_t{1} << 31,
                       int64_t{1} << 33,
                       int64_t{1} << 40,
                       int64_t{1} << 61,
                       std::numeric_limits<int64_t>::max()});
}

ValueType& any_value(OpSpec& spec, Random& random) {
  const std::size_t i = random() % (spec.in.size() + spec.out.size());
  return i < spec.in.size() ? spec.in[i] : spec.out[i - spec.in.size()];
}

// An extent that occurs in several shapes becomes another in all of them: the spec often stays one that fits.
void rename_extent(OpSpec& spec, Random& random) {
  const Shape& chosen = any_value(spec, random).shape;
  if (chosen.rank() == 0) return;
  const int64_t old = chosen[static_cast<int>(random() % static_cast<std::size_t>(chosen.rank()))];
  const int64_t now = extent(random);
  for (auto* list : {&spec.in, &spec.out}) {
    for (ValueType& value : *list) {
      for (int i = 0; i < value.shape.rank(); ++i) {
        if (value.shape[i] == old) value.shape[i] = now;
      }
    }
  }
}

void change_rank(Shape& shape, Random& random) {
  Shape changed;
  const std::size_t at = random() % (static_cast<std::size_t>(shape.rank()) + 1);
  const bool drop = random() % 2 == 0;
  for (int i = 0; i <= shape.rank(); ++i) {
    const bool here = static_cast<std::size_t>(i) == at;
    if (here && !drop && changed.rank() < Shape::max_rank) changed.push_back(extent(random));
    if (i < shape.rank() && !(here && drop) && changed.rank() < Shape::max_rank) changed.push_back(shape[i]);
  }
  shape = changed;
}

AttrValue changed(const AttrValue& value, Random& random) {
  const auto number = [&]() -> AttrValue {
    const double values[] = {0, -1, 0.5, 1e308, -1e308, 1e-320, std::nan(""), HUGE_VAL, -HUGE_VAL, 9.3e18};
    return values[random() % std::size(values)];
  };
  if (random() % 12 == 0) {
    const AttrValue others[] = {true, strange(random), std::string("?"), std::vector<int64_t>{1, 2}, number()};
    return others[random() % std::size(others)];
  }
  if (std::holds_alternative<bool>(value)) return !std::get<bool>(value);
  if (std::holds_alternative<int64_t>(value)) return strange(random);
  if (std::holds_alternative<double>(value)) return number();
  if (std::holds_alternative<std::string>(value)) {
    const char* const names[] = {"",          "?",         "nearest", "bilinear", "area",    "lanczos5",
                                 "wrap",      "constant",  "adam",    "sgd",      "rmsprop", "direct",
                                 "winograd2", "winograd4", "gemm",    "mish",     "elu",     "linear"};
    return std::string(names[random() % std::size(names)]);
  }
  auto list = std::get<std::vector<int64_t>>(value);
  const std::size_t kind = random() % 6;
  if (list.empty() || kind == 0) {
    list.push_back(strange(random));
  } else if (kind == 1) {
    list.pop_back();
  } else if (kind == 2) {
    list.clear();
  } else {
    list[random() % list.size()] = strange(random);
  }
  return list;
}

// Names of attributes that some op takes.
const char* const attribute_names[] = {"axes",   "axis",     "scale",      "bias",  "mask",   "groups", "strides",
                                       "pads",   "dilation", "activation", "alpha", "window", "seed",   "stream",
                                       "before", "start",    "step",       "value", "height", "width",  "algorithm"};

void mutate(OpSpec& spec, std::map<std::string, AttrValue>& attrs, Random& random) {
  const std::size_t kind = random() % 12;
  auto& list = spec.out.empty() || (random() % 2 == 0 && !spec.in.empty()) ? spec.in : spec.out;
  if (kind < 3) {
    rename_extent(spec, random);
  } else if (kind == 3) {
    change_rank(any_value(spec, random).shape, random);
  } else if (kind == 4) {
    Shape& shape = any_value(spec, random).shape;
    if (shape.rank() > 0) shape[static_cast<int>(random() % static_cast<std::size_t>(shape.rank()))] = extent(random);
  } else if (kind == 5) {
    any_value(spec, random).dtype = static_cast<DType>(random() % 6);
  } else if (kind == 6) {  // all of them
    const DType dtype = static_cast<DType>(random() % 6);
    for (auto* values : {&spec.in, &spec.out}) {
      for (ValueType& value : *values) value.dtype = dtype;
    }
  } else if (kind == 7) {
    if (random() % 2 == 0) {
      list.push_back(list[random() % list.size()]);
    } else {
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(random() % list.size()));
    }
  } else if (kind == 8) {
    attrs[attribute_names[random() % std::size(attribute_names)]] = strange(random);
  } else if (!attrs.empty()) {
    const auto it = std::next(attrs.begin(), static_cast<std::ptrdiff_t>(random() % attrs.size()));
    if (random() % 8 == 0) {
      attrs.erase(it);
    } else {
      it->second = changed(it->second, random);
    }
  }
}

void fill(const Fenced& memory, DType dtype, Random& random) {
  const std::size_t kind = random() % 3;
  for (std::size_t i = 0; i < memory.size(); ++i) memory.data()[i] = static_cast<unsigned char>(random() >> 13);
  if (dtype == DType::boolean) {
    for (std::size_t i = 0; i < memory.size(); ++i) memory.data()[i] &= 1;
  } else if (kind != 0 && dtype == DType::f32) {
    float* x = reinterpret_cast<float*>(memory.data());
    for (std::size_t i = 0; i < memory.size() / 4; ++i) x[i] = static_cast<float>(random() % 21) / 10 - 1;
  } else if (kind == 1 && dtype == DType::i32) {
    std::int32_t* x = reinterpret_cast<std::int32_t*>(memory.data());
    for (std::size_t i = 0; i < memory.size() / 4; ++i) x[i] = static_cast<std::int32_t>(random() % 9) - 2;
  }
}

enum class Outcome { refused, too_large, ran };

constexpr std::size_t most_bytes = std::size_t{1} << 22;
constexpr double most_flops = 3e8;

Outcome call(const OpSpec& spec, Random& random) {
  std::unique_ptr<Kernel> kernel;
  std::size_t total = 0;
  try {
    kernel = make_op(spec);
    for (const auto* list : {&spec.in, &spec.out}) {
      for (const ValueType& value : *list) {
        const std::size_t bytes = bytes_of(value);
        if (bytes > most_bytes) return Outcome::too_large;
        total += bytes;
      }
    }
  } catch (const std::logic_error& error) {  // std::invalid_argument is one
    EXPECT_EQ(std::string(error.what()).rfind("op '" + spec.name + "'", 0), 0U) << error.what();
    return Outcome::refused;
  } catch (const TypeError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("op '" + spec.name + "'", 0), 0U) << error.what();
    return Outcome::refused;
  }
  if (total + kernel->scratch_bytes > most_bytes || kernel->flops > most_flops) return Outcome::too_large;
  for (const int i : kernel->in_place) {
    EXPECT_EQ(bytes_of(spec.in.at(static_cast<std::size_t>(i))), bytes_of(spec.out[0])) << "in place";
  }
  const bool at_end = random() % 2 == 0;
  std::vector<std::unique_ptr<Fenced>> memory;
  std::vector<const void*> in;
  std::vector<void*> out;
  const auto make = [&](std::size_t bytes) -> Fenced& {
    memory.push_back(std::make_unique<Fenced>(bytes, at_end));
    return *memory.back();
  };
  for (const ValueType& value : spec.in) {
    const Fenced& m = make(bytes_of(value));
    fill(m, value.dtype, random);
    in.push_back(m.data());
  }
  for (const ValueType& value : spec.out) {
    const Fenced& m = make(bytes_of(value));
    fill(m, value.dtype, random);
    out.push_back(m.data());
  }
  if (!kernel->in_place.empty() && random() % 4 == 0)
    out[0] = const_cast<void*>(in[static_cast<std::size_t>(kernel->in_place[0])]);
  const Fenced& scratch = make((kernel->scratch_bytes + 63) / 64 * 64);
  std::unique_ptr<Fenced> prepared;
  if (kernel->prepared_input >= 0 && random() % 2 == 0) {
    prepared = std::make_unique<Fenced>((kernel->prepared_bytes + 63) / 64 * 64, at_end);
    kernel->prepare(in[static_cast<std::size_t>(kernel->prepared_input)], prepared->data());
  }
  EXPECT_NO_THROW(kernel->run({in.data(), out.data(), scratch.data(), 1, 2, prepared ? prepared->data() : nullptr}));
  for (const auto& m : memory) EXPECT_TRUE(m->is_whole()) << "wrote beside an array";
  EXPECT_TRUE(!prepared || prepared->is_whole()) << "wrote beside the prepared weights";
  return Outcome::ran;
}

std::string described(const OpSpec& spec) {
  std::string text = spec.name + " ";
  for (const ValueType& v : spec.in) text += std::string(name_of(v.dtype)) + v.shape.str() + " ";
  text += "->";
  for (const ValueType& v : spec.out) text += std::string(" ") + name_of(v.dtype) + v.shape.str();
  return text;
}

// What is being called, for when it crashes.
char current[1000];

void tell_and_die(int signal) {
  const ssize_t told = write(2, current, std::strlen(current));
  static_cast<void>(told);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

int trials() {
  const char* const given = std::getenv("PYKERNELS_OP_TRIALS");
  return given != nullptr ? std::atoi(given) : 100;
}

class OpLimits : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { use_isa(GetParam()); }
  void TearDown() override { use_isa(chosen_isa()); }
};

TEST_P(OpLimits, ExamplesOfEveryOpRun) {
  std::set<std::string> seen;
  Random random(1);
  for (const OpExample& example : op_examples()) {
    SCOPED_TRACE(example.name + ": " + example.call);
    OpSpec spec = parse_example(example);
    try {
      EXPECT_EQ(make_op(spec)->scratch_bytes < most_bytes, true);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    EXPECT_EQ(call(spec, random), Outcome::ran);
    seen.insert(example.name);
  }
  for (const OpEntry& op : op_entries()) {
    if (op.name == "host") continue;  // it runs a function of Python: tests/test_host_ops.py
    EXPECT_EQ(seen.count(op.name), 1U) << "no example calls the op " << op.name;
  }
}

TEST_P(OpLimits, ChangedCallsAreRefusedOrStayWithinTheirArrays) {
  std::map<std::string, std::map<Outcome, int>> outcomes;
  const auto examples = op_examples();
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT}) std::signal(signal, tell_and_die);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    for (int trial = 0; trial < trials(); ++trial) {
      Random random(1000003 * i + static_cast<std::size_t>(trial));
      OpSpec spec = parse_example(examples[i]);
      std::map<std::string, AttrValue> attrs = spec.attrs.all();
      for (std::size_t n = 1 + random() % 3; n > 0; --n) {
        if (spec.in.empty() && spec.out.empty()) break;
        mutate(spec, attrs, random);
      }
      spec.attrs = Attrs{};
      for (const auto& [name, value] : attrs) spec.attrs.set(name, value);
      const std::string what = described(spec) + ", trial " + std::to_string(trial) + " of: " + examples[i].call;
      std::strncpy(current, what.c_str(), sizeof(current) - 1);
      SCOPED_TRACE(what);
      ++outcomes[spec.name][call(spec, random)];
    }
  }
  for (auto& [name, counts] : outcomes) {
    EXPECT_GT(counts[Outcome::ran], 0) << name;
    EXPECT_GT(counts[Outcome::refused], 0) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, OpLimits, ::testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

// A scalar of rank 0 takes no matrix: the strides of the input would be written before the array that holds them.
TEST(OpLimits, BroadcastToFewerAxesIsRefused) {
  EXPECT_THROW(make_op({"broadcast_to", {{DType::f32, {1}}}, {{DType::f32, {}}}, {}}), std::invalid_argument);
  EXPECT_THROW(make_op({"broadcast_to", {{DType::f32, {1, 1, 2}}}, {{DType::f32, {2}}}, {}}), std::invalid_argument);
}

}  // namespace
}  // namespace pk
