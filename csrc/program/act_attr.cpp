#include "program/act_attr.h"

#include <cmath>

namespace pk {

ActAttr act_attr(const OpSpec& spec) {
  const std::string& name = spec.attrs.text("activation");
  std::string known;
  for (const ActivationRow& row : activation_rows) {
    if (name != row.name) {
      known += std::string(known.empty() ? "" : ", ") + row.name;
      continue;
    }
    ActAttr a;
    a.act = static_cast<Act>(&row - activation_rows);
    if (row.parameter == Parameter::alpha) {
      a.alpha = spec.attrs.number("alpha");
      if (!std::isfinite(a.alpha) || a.alpha < 0) {
        op_fail(spec, "alpha of " + name + " must be a finite number >= 0, got " + std::to_string(a.alpha));
      }
    }
    return a;
  }
  op_fail(spec, "no activation is called '" + name + "'; there are " + known);
}

ActAttr optional_act_attr(const OpSpec& spec) { return spec.attrs.has("activation") ? act_attr(spec) : ActAttr{}; }

}  // namespace pk
