#include "program/act_attr.h"

#include <cmath>

namespace pk {

namespace {

// In the order of Act.
const char* const names[] = {"linear", "relu",      "relu6",    "leaky_relu",  "elu",          "selu",
                             "gelu",   "gelu_tanh", "silu",     "sigmoid",     "hard_sigmoid", "hard_silu",
                             "tanh",   "softplus",  "softsign", "exponential", "mish"};
constexpr int count = static_cast<int>(sizeof(names) / sizeof(names[0]));
static_assert(count == static_cast<int>(Act::mish) + 1, "one name for each activation");

}  // namespace

const char* name_of(Act act) { return names[static_cast<int>(act)]; }

ActAttr act_attr(const OpSpec& spec) {
  const std::string& name = spec.attrs.text("activation");
  for (int i = 0; i < count; ++i) {
    if (name != names[i]) continue;
    ActAttr a;
    a.act = static_cast<Act>(i);
    if (a.act == Act::leaky_relu || a.act == Act::elu) {
      a.alpha = spec.attrs.number("alpha");
      if (!std::isfinite(a.alpha) || a.alpha < 0) {
        op_fail(spec, "alpha of " + name + " must be a finite number >= 0, got " + std::to_string(a.alpha));
      }
    }
    return a;
  }
  std::string known;
  for (const char* n : names) known += std::string(known.empty() ? "" : ", ") + n;
  op_fail(spec, "no activation is called '" + name + "'; there are " + known);
}

ActAttr optional_act_attr(const OpSpec& spec) { return spec.attrs.has("activation") ? act_attr(spec) : ActAttr{}; }

}  // namespace pk
