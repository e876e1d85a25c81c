// Random inner loops. Contracts: kernels/isa/random_table.h.
#include "kernels/isa/random_table.h"
#include "kernels/isa/vec_math.h"

namespace pk::PK_ISA {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

// Lanes of 64 bits that hold one 32-bit word of a counter each, in the low half; the high half is
// whatever arithmetic leaves there, since only mul32 (which ignores it) and pack read words.
#if defined(PK_ISA_AVX512)
struct Words {
  static constexpr int W = 8;
  __m512i v;

  static Words set1(uint64_t x) { return {_mm512_set1_epi64(static_cast<long long>(x))}; }
  static Words count_from(uint64_t x) {
    return {_mm512_add_epi64(set1(x).v, _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7))};
  }
  friend Words operator^(Words a, Words b) { return {_mm512_xor_si512(a.v, b.v)}; }
  friend Words high(Words a) { return {_mm512_maskz_srli_epi64(0xFF, a.v, 32)}; }
  friend Words mul32(Words a, Words b) { return {_mm512_maskz_mul_epu32(0xFF, a.v, b.v)}; }
  // Block after block: a0 b0 c0 d0, a1 b1 c1 d1, ...
  friend void pack(Words a, Words b, Words c, Words d, uint32_t* y) {
    const __m512i ab = _mm512_mask_blend_epi32(0xAAAA, a.v, _mm512_maskz_slli_epi64(0xFF, b.v, 32));
    const __m512i cd = _mm512_mask_blend_epi32(0xAAAA, c.v, _mm512_maskz_slli_epi64(0xFF, d.v, 32));
    const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), up = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    _mm512_storeu_si512(y, _mm512_permutex2var_epi64(ab, low, cd));
    _mm512_storeu_si512(y + 16, _mm512_permutex2var_epi64(ab, up, cd));
  }
};
#elif defined(PK_ISA_AVX2)
struct Words {
  static constexpr int W = 4;
  __m256i v;

  static Words set1(uint64_t x) { return {_mm256_set1_epi64x(static_cast<long long>(x))}; }
  static Words count_from(uint64_t x) { return {_mm256_add_epi64(set1(x).v, _mm256_setr_epi64x(0, 1, 2, 3))}; }
  friend Words operator^(Words a, Words b) { return {_mm256_xor_si256(a.v, b.v)}; }
  friend Words high(Words a) { return {_mm256_srli_epi64(a.v, 32)}; }
  friend Words mul32(Words a, Words b) { return {_mm256_mul_epu32(a.v, b.v)}; }
  friend void pack(Words a, Words b, Words c, Words d, uint32_t* y) {
    const __m256i ab = _mm256_blend_epi32(a.v, _mm256_slli_epi64(b.v, 32), 0xAA);
    const __m256i cd = _mm256_blend_epi32(c.v, _mm256_slli_epi64(d.v, 32), 0xAA);
    const __m256i even = _mm256_unpacklo_epi64(ab, cd), odd = _mm256_unpackhi_epi64(ab, cd);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + 8), _mm256_permute2x128_si256(even, odd, 0x31));
  }
};
#else
struct Words {
  static constexpr int W = 1;
  uint64_t v;

  static Words set1(uint64_t x) { return {x}; }
  static Words count_from(uint64_t x) { return {x}; }
  friend Words operator^(Words a, Words b) { return {a.v ^ b.v}; }
  friend Words high(Words a) { return {a.v >> 32}; }
  friend Words mul32(Words a, Words b) { return {(a.v & 0xFFFFFFFFU) * (b.v & 0xFFFFFFFFU)}; }
  friend void pack(Words a, Words b, Words c, Words d, uint32_t* y) {
    y[0] = static_cast<uint32_t>(a.v);
    y[1] = static_cast<uint32_t>(b.v);
    y[2] = static_cast<uint32_t>(c.v);
    y[3] = static_cast<uint32_t>(d.v);
  }
};
#endif

// Blocks first ... first + Words::W - 1.
void philox(uint64_t seed, uint64_t stream, uint64_t first, uint32_t* y) {
  const Words m0 = Words::set1(0xD2511F53U), m1 = Words::set1(0xCD9E8D57U);
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  Words c0 = Words::count_from(first), c1 = high(c0);
  Words c2 = Words::set1(stream), c3 = high(c2);
  for (int round = 0; round < 10; ++round) {
    const Words p0 = mul32(m0, c0), p1 = mul32(m1, c2);
    c0 = high(p1) ^ c1 ^ Words::set1(k0);
    c2 = high(p0) ^ c3 ^ Words::set1(k1);
    c1 = p1;
    c3 = p0;
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  pack(c0, c1, c2, c3, y);
}

void blocks(uint64_t seed, uint64_t stream, uint64_t first, int64_t count, uint32_t* y) {
  int64_t b = 0;
  for (; b + Words::W <= count; b += Words::W) philox(seed, stream, first + static_cast<uint64_t>(b), y + 4 * b);
  if (b < count) {
    uint32_t last[4 * Words::W];
    philox(seed, stream, first + static_cast<uint64_t>(b), last);
    for (int64_t i = 0; i < 4 * (count - b); ++i) y[4 * b + i] = last[i];
  }
}

template <class T>
void dropout(const uint32_t* bits, uint32_t threshold, T scale, int64_t n, const T* x, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = bits[i] < threshold ? T(0) : x[i] * scale;
}

// sqrt(2) * (inverse error function of 1 - t) for t in (0, 1]; t keeps its precision near 0, the tail. Polynomials:
// Giles, "Approximating the erfinv function", GPU Computing Gems Jade Edition, 2011 (single precision).
template <class V>
V upper_normal(V t) {
  const V w = -vlog(t * (V::set1(2) - t));
  const auto centre = lt(w, V::set1(5));
  const V a = w - V::set1(2.5F);
  const V b = vsqrt(vmax(V::zero(), w)) - V::set1(3);
  const V pa = poly(a, 1.50140941F, 0.246640727F, -0.00417768164F, -0.00125372503F, 0.00021858087F, -4.39150654e-06F,
                    -3.5233877e-06F, 3.43273939e-07F, 2.81022636e-08F);
  const V pb = poly(b, 2.83297682F, 1.00167406F, 0.00943887047F, -0.0076224613F, 0.00573950773F, -0.00367342844F,
                    0.00134934322F, 0.000100950558F, -0.000200214257F);
  return select(centre, pa, pb) * (V::set1(1) - t) * V::set1(1.41421356F);
}

// One bit of an element chooses the side of the mean, 31 the distance.
template <class V>
void normal(const uint32_t* bits, float mean, float stddev, bool truncated, int64_t n, float* y) {
  constexpr int chunk = 256;
  constexpr float inside_two = 0.954499736F;  // erf(sqrt(2)): the share of a normal within two standard deviations
  float t[chunk], signed_stddev[chunk];
  // t = (k + 1/2) / 2^31; truncated: 1 - inside_two + inside_two t.
  const float slope = (truncated ? inside_two : 1.0F) * 0x1p-31F, low = truncated ? 1.0F - inside_two : 0.0F;
  for (int64_t begin = 0; begin < n; begin += chunk) {
    const int count = static_cast<int>(n - begin < chunk ? n - begin : chunk);
    for (int i = 0; i < count; ++i) {
      const uint32_t word = bits[begin + i];
      t[i] = low + slope * (static_cast<float>(static_cast<std::int32_t>(word & 0x7FFFFFFFU)) + 0.5F);
      signed_stddev[i] = (word >> 31) != 0 ? -stddev : stddev;
    }
    for (int i = count; i % V::W != 0; ++i) t[i] = signed_stddev[i] = 1.0F;
    for (int i = 0; i < count; i += V::W) {
      const V z = fma(upper_normal(V::load(t + i)), V::load(signed_stddev + i), V::set1(mean));
      z.store_n(y + begin + i, count - i < V::W ? count - i : V::W);
    }
  }
}

}  // namespace

void fill(RandomTable& t) {
  t.blocks = blocks;
  t.dropout_f32 = dropout<float>;
  t.dropout_f64 = dropout<double>;
  t.normal_f32 = normal<VecF>;
}

}  // namespace pk::PK_ISA
