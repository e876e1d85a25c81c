#include "kernels/table.h"

#include <atomic>
#include <string>

#include "base/error.h"

namespace pk {

// Each level's objects define these (kernels/isa/*.cpp, compiled once per level).
#define PK_DECLARE_LEVEL(level) \
  namespace level {             \
  void fill(GemmTable&);        \
  void fill(ConvTable&);        \
  void fill(ElementwiseTable&); \
  void fill(ReduceTable&);      \
  void fill(LossTable&);        \
  void fill(OptimizerTable&);   \
  void fill(RandomTable&);      \
  void fill(Pool2dTable&);      \
  void fill(WinogradTable&);    \
  void fill(NormTable&);        \
  void fill(DepthwiseTable&);   \
  void fill(ResampleTable&);    \
  void fill(TransformTable&);   \
  void fill(RecurrentTable&);   \
  }

PK_DECLARE_LEVEL(scalar)
#if defined(PK_HAVE_X86)
PK_DECLARE_LEVEL(avx2)
PK_DECLARE_LEVEL(avx512)
#elif defined(PK_HAVE_NEON)
PK_DECLARE_LEVEL(neon)
#endif

namespace {

// Wrong tile constants must fail here, not in a GEMM.
void check(const KernelTable& t) { check_table(t.gemm); }

#define PK_LEVEL_TABLE(level)       \
  [] {                              \
    KernelTable t{};                \
    t.isa = Isa::level;             \
    pk::level::fill(t.gemm);        \
    pk::level::fill(t.conv);        \
    pk::level::fill(t.elementwise); \
    pk::level::fill(t.reduce);      \
    pk::level::fill(t.loss);        \
    pk::level::fill(t.optimizer);   \
    pk::level::fill(t.random);      \
    pk::level::fill(t.pool2d);      \
    pk::level::fill(t.winograd);    \
    pk::level::fill(t.norm);        \
    pk::level::fill(t.depthwise);   \
    pk::level::fill(t.resample);    \
    pk::level::fill(t.transform);   \
    pk::level::fill(t.recurrent);   \
    check(t);                       \
    return t;                       \
  }()

std::atomic<const KernelTable*> forced{nullptr};

}  // namespace

const KernelTable& kernel_table(Isa isa) {
  bool have = false;
  for (Isa i : available_isas()) have = have || i == isa;
  PK_CHECK(have, std::string("instruction-set level ") + name_of(isa) + " is not available on this machine");
  switch (isa) {
#if defined(PK_HAVE_X86)
    case Isa::avx512: {
      static const KernelTable t = PK_LEVEL_TABLE(avx512);
      return t;
    }
    case Isa::avx2: {
      static const KernelTable t = PK_LEVEL_TABLE(avx2);
      return t;
    }
#elif defined(PK_HAVE_NEON)
    case Isa::neon: {
      static const KernelTable t = PK_LEVEL_TABLE(neon);
      return t;
    }
#endif
    default: {
      static const KernelTable t = PK_LEVEL_TABLE(scalar);
      return t;
    }
  }
}

const KernelTable& kernels() {
  if (const KernelTable* t = forced.load(std::memory_order_relaxed); t != nullptr) return *t;
  static const KernelTable& t = kernel_table(chosen_isa());
  return t;
}

void use_isa(Isa isa) { forced.store(&kernel_table(isa)); }

}  // namespace pk
