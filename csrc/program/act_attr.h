// The attributes {activation, alpha} that ops share.
#pragma once

#include "kernels/activation.h"
#include "program/op.h"

namespace pk {

struct ActAttr {
  Act act = Act::linear;
  double alpha = 0;  // of those with a parameter, which must give it; at least 0
};

// Throws std::invalid_argument for an unknown name and for a missing, negative or non-finite alpha.
ActAttr act_attr(const OpSpec& spec);
// The same where the op has an activation; linear otherwise.
ActAttr optional_act_attr(const OpSpec& spec);

}  // namespace pk
