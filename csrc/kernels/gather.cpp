#include "kernels/gather.h"

#include <cstring>
#include <type_traits>

#include "base/error.h"
#include "base/parallel.h"

namespace pk {

namespace {

// IEEE 754 binary16, held as its bits.
struct Half {
  std::uint16_t bits;
};

float to_float(Half h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h.bits & 0x8000U) << 16;
  const std::uint32_t magnitude = h.bits & 0x7fffU;
  std::uint32_t bits;
  float value;
  if (magnitude >= 0x7c00U) {  // infinity, NaN
    bits = 0x7f800000U | (magnitude & 0x3ffU) << 13;
  } else if (magnitude >= 0x400U) {
    bits = (magnitude << 13) + ((127U - 15U) << 23);
  } else {  // subnormal: exact in float
    value = static_cast<float>(magnitude) * 0x1p-24F;
    std::memcpy(&bits, &value, sizeof(bits));
  }
  bits |= sign;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

template <class T>
T reversed(T v) {
  if constexpr (sizeof(T) == 1) {
    return v;
  } else {
    T r;
    if constexpr (sizeof(T) == 2) {
      std::uint16_t u;
      std::memcpy(&u, &v, 2);
      u = __builtin_bswap16(u);
      std::memcpy(&r, &u, 2);
    } else if constexpr (sizeof(T) == 4) {
      std::uint32_t u;
      std::memcpy(&u, &v, 4);
      u = __builtin_bswap32(u);
      std::memcpy(&r, &u, 4);
    } else {
      std::uint64_t u;
      std::memcpy(&u, &v, 8);
      u = __builtin_bswap64(u);
      std::memcpy(&r, &u, 8);
    }
    return r;
  }
}

// Float to integer saturates and NaN gives 0, as cast does.
template <class To, class From>
To converted(From v) {
  if constexpr (std::is_same_v<From, Half>) {
    return converted<To>(to_float(v));
  } else if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    constexpr To high = static_cast<To>(sizeof(To) == 1 ? UINT8_MAX : sizeof(To) == 4 ? INT32_MAX : INT64_MAX);
    constexpr To low = static_cast<To>(sizeof(To) == 1 ? 0 : sizeof(To) == 4 ? INT32_MIN : INT64_MIN);
    constexpr From beyond = static_cast<From>(high / 2 + 1) * From(2);
    if (!(v > static_cast<From>(low))) return v == v ? low : To(0);
    return v < beyond ? static_cast<To>(v) : high;
  } else {
    return static_cast<To>(v);
  }
}

template <class From, class To, bool swap>
void convert(const char* x, int64_t step, char* y, int64_t n) {
  // memcpy: user arrays may be unaligned (record fields, memory maps with an offset).
  for (int64_t i = 0; i < n; ++i) {
    From v;
    std::memcpy(&v, x + i * step, sizeof(v));
    if (swap) v = reversed(v);
    const To t = converted<To>(v);
    std::memcpy(y + i * static_cast<int64_t>(sizeof(To)), &t, sizeof(t));
  }
}

// With the step known, packed rows vectorise.
template <class From, class To, bool swap>
void convert_packed(const char* x, int64_t, char* y, int64_t n) {
  convert<From, To, swap>(x, static_cast<int64_t>(sizeof(From)), y, n);
}

template <class From, class To>
RowGather::Convert choose(bool swapped, bool packed) {
  if (swapped && sizeof(From) > 1) return packed ? convert_packed<From, To, true> : convert<From, To, true>;
  return packed ? convert_packed<From, To, false> : convert<From, To, false>;
}

template <class From>
RowGather::Convert choose(DType to, bool swapped, bool packed) {
  switch (to) {
    case DType::f32:
      return choose<From, float>(swapped, packed);
    case DType::f64:
      return choose<From, double>(swapped, packed);
    case DType::i32:
      return choose<From, std::int32_t>(swapped, packed);
    case DType::i64:
      return choose<From, std::int64_t>(swapped, packed);
    case DType::u8:
      return choose<From, std::uint8_t>(swapped, packed);
    case DType::boolean:
      return choose<From, bool>(swapped, packed);
  }
  return nullptr;
}

RowGather::Convert choose(SourceType from, DType to, bool swapped, bool packed) {
  switch (from) {
    case SourceType::f32:
      return choose<float>(to, swapped, packed);
    case SourceType::f64:
      return choose<double>(to, swapped, packed);
    case SourceType::f16:
      return choose<Half>(to, swapped, packed);
    case SourceType::i8:
      return choose<std::int8_t>(to, swapped, packed);
    case SourceType::u8:
      return choose<std::uint8_t>(to, swapped, packed);
    case SourceType::i16:
      return choose<std::int16_t>(to, swapped, packed);
    case SourceType::u16:
      return choose<std::uint16_t>(to, swapped, packed);
    case SourceType::i32:
      return choose<std::int32_t>(to, swapped, packed);
    case SourceType::u32:
      return choose<std::uint32_t>(to, swapped, packed);
    case SourceType::i64:
      return choose<std::int64_t>(to, swapped, packed);
    case SourceType::u64:
      return choose<std::uint64_t>(to, swapped, packed);
    case SourceType::boolean:
      // NumPy's bools are bytes; a byte that is neither 0 nor 1 must not be read as a C++ bool.
      return choose<std::uint8_t>(to == DType::u8 ? DType::boolean : to, swapped, packed);
  }
  return nullptr;
}

// memcpy with the common tiny sizes inlined.
inline void copy_bytes(char* to, const char* from, int64_t bytes) {
  switch (bytes) {
    case 4:
      std::memcpy(to, from, 4);
      return;
    case 8:
      std::memcpy(to, from, 8);
      return;
    case 16:
      std::memcpy(to, from, 16);
      return;
    default:
      std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
}

constexpr int64_t task_bytes = 65536;

}  // namespace

int64_t size_of(SourceType t) {
  switch (t) {
    case SourceType::i8:
    case SourceType::u8:
    case SourceType::boolean:
      return 1;
    case SourceType::f16:
    case SourceType::i16:
    case SourceType::u16:
      return 2;
    case SourceType::f32:
    case SourceType::i32:
    case SourceType::u32:
      return 4;
    case SourceType::f64:
    case SourceType::i64:
    case SourceType::u64:
      return 8;
  }
  return 0;
}

bool same_type(SourceType from, DType to) {
  switch (from) {
    case SourceType::f32:
      return to == DType::f32;
    case SourceType::f64:
      return to == DType::f64;
    case SourceType::i32:
      return to == DType::i32;
    case SourceType::i64:
      return to == DType::i64;
    case SourceType::u8:
      return to == DType::u8;
    case SourceType::boolean:
      return to == DType::boolean;
    default:
      return false;
  }
}

bool ArrayView::row_contiguous() const {
  int64_t step = size_of(type);
  for (int i = shape.rank() - 1; i >= 1; --i) {
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

RowGather::RowGather(const ArrayView& view, DType to) {
  PK_CHECK(view.shape.rank() > 0, "gathering rows needs an array with at least one dimension");
  data_ = static_cast<const char*>(view.data);
  rows_ = view.shape[0];
  row_stride_ = view.strides[0];
  out_size_ = static_cast<int64_t>(size_of(to));
  const int64_t in_size = size_of(view.type);
  // Axes of a row, neighbours merged where one continues the other.
  for (int i = 1; i < view.shape.rank(); ++i) {
    const int64_t d = view.shape[i];
    elements_ *= d;
    if (d == 1) continue;
    if (rank_ > 0 && strides_[rank_ - 1] == view.strides[i] * d) {
      dims_[rank_ - 1] *= d;
      strides_[rank_ - 1] = view.strides[i];
    } else {
      dims_[rank_] = d;
      strides_[rank_++] = view.strides[i];
    }
  }
  if (rank_ == 0) {
    dims_[0] = 1;
    strides_[0] = in_size;
    rank_ = 1;
  }
  inner_ = dims_[rank_ - 1];
  inner_step_ = strides_[rank_ - 1];
  const bool packed = inner_step_ == in_size;
  copies_ = packed && rank_ == 1 && same_type(view.type, to) && (!view.swapped || in_size == 1) && to != DType::boolean;
  convert_ = choose(view.type, to, view.swapped, packed);
  row_bytes_ = elements_ * (in_size + out_size_);
}

void RowGather::operator()(const int64_t* index, int64_t first, int64_t count, void* out) const {
  if (elements_ == 0 || count == 0) return;
  char* to = static_cast<char*>(out);
  if (count * row_bytes_ <= task_bytes) return gather_range(index, first, 0, count, to);
  const int64_t grain = row_bytes_ >= task_bytes ? 1 : task_bytes / row_bytes_;
  const double work = static_cast<double>(count) * (3 + 0.1 * static_cast<double>(row_bytes_));
  parallel_ranges(count, grain, work, [&](int64_t begin, int64_t end) { gather_range(index, first, begin, end, to); });
}

void RowGather::gather_range(const int64_t* index, int64_t first, int64_t begin, int64_t end, char* out) const {
  const int64_t out_bytes = elements_ * out_size_;
  if (copies_) {
    if (index == nullptr && row_stride_ == out_bytes) {
      return copy_bytes(out + begin * out_bytes, data_ + (first + begin) * row_stride_, (end - begin) * out_bytes);
    }
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = index != nullptr ? index[i] : first + i;
      copy_bytes(out + i * out_bytes, data_ + row * row_stride_, out_bytes);
    }
    return;
  }
  if (rank_ == 1) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = index != nullptr ? index[i] : first + i;
      convert_(data_ + row * row_stride_, inner_step_, out + i * out_bytes, inner_);
    }
    return;
  }
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = index != nullptr ? index[i] : first + i;
    gather_row(data_ + row * row_stride_, out + i * out_bytes);
  }
}

void RowGather::gather_row(const char* row, char* out) const {
  const int outer = rank_ - 1;
  int64_t index[Shape::max_rank] = {};
  for (int64_t left = elements_ / inner_; left > 0; --left) {
    convert_(row, inner_step_, out, inner_);
    out += inner_ * out_size_;
    for (int i = outer - 1; i >= 0; --i) {
      row += strides_[i];
      if (++index[i] < dims_[i]) break;
      row -= strides_[i] * dims_[i];
      index[i] = 0;
    }
  }
}

void gather_rows(const ArrayView& view, const int64_t* index, int64_t first, int64_t count, DType to, void* out) {
  RowGather(view, to)(index, first, count, out);
}

}  // namespace pk
