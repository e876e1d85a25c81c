// A pointer for queries that only ask which pointers are null: plans, sizes of scratch.
#pragma once

namespace pk {

template <class T>
T* placeholder() {
  static T value{};
  return &value;
}

}  // namespace pk
