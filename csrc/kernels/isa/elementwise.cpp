#include "kernels/isa/elementwise_table.h"
#include "kernels/isa/float_spans.h"
#include "kernels/isa/plain_spans.h"

namespace pk::PK_ISA {

void fill(ElementwiseTable& t) {
  using VecD = Vec1<double>;
  t.act = act_span<VecF>;
  t.act_f64 = act_span<VecD>;
  t.act_grad = act_grad_span<VecF>;
  t.act_grad_f64 = act_grad_span<VecD>;

  constexpr int f32 = static_cast<int>(DType::f32), f64 = static_cast<int>(DType::f64);
  fill_float_unary<VecF>(t.unary[f32]);
  fill_float_unary<VecD>(t.unary[f64]);
  fill_float_binary<VecF>(t.binary[f32]);
  fill_float_binary<VecD>(t.binary[f64]);
  t.clip[f32] = float_clip<VecF>;
  t.clip[f64] = float_clip<VecD>;
  fill_integer<std::int32_t>(t, DType::i32);
  fill_integer<std::int64_t>(t, DType::i64);

  fill_any<float>(t, DType::f32);
  fill_any<double>(t, DType::f64);
  fill_any<std::int32_t>(t, DType::i32);
  fill_any<std::int64_t>(t, DType::i64);
  fill_any<std::uint8_t>(t, DType::u8);
  fill_any<bool>(t, DType::boolean);

  t.fill[0] = fill_span<std::uint8_t>;
  t.fill[1] = fill_span<std::uint32_t>;
  t.fill[2] = fill_span<std::uint64_t>;
  t.select[0] = select_span<std::uint8_t>;
  t.select[1] = select_span<std::uint32_t>;
  t.select[2] = select_span<std::uint64_t>;
  t.transpose[0] = transpose_block<std::uint8_t>;
  t.transpose[1] = transpose_block<std::uint32_t>;
  t.transpose[2] = transpose_block<std::uint64_t>;
}

}  // namespace pk::PK_ISA
