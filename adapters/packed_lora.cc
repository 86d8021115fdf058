// From training's factors.
#include <algorithm>
#include <cmath>

#include "adapters/packed_impl.h"
#include "base/error.h"

namespace pith {
namespace {

// `values` (rows × cols) in `type`, or in F16 where the type's block does not divide a row.
TensorView Convert(const std::vector<float>& values, int64_t rows, int64_t cols, TensorType type,
                   std::vector<std::vector<uint8_t>>* owned) {
  if (cols % ValuesPerBlock(type) != 0) type = TensorType::kF16;
  TensorView view{type, rows, cols, nullptr};
  std::vector<uint8_t>& bytes = owned->emplace_back(view.bytes());
  Quantise(type, values.data(), bytes.data(), rows * cols);
  view.data = bytes.data();
  return view;
}

// What lora_b of a pair takes up, of a file whose alpha is `alpha`. Exactly 1 for plain LoRA: alpha · R / R need not be.
double FactorOf(const LoraAdapter& lora, const LoraPair& pair, double alpha) {
  const bool plain = !lora.rslora && pair.alpha.value_or(lora.alpha) == lora.alpha;
  return plain ? 1.0 : lora.scale(pair) * static_cast<double>(pair.rank) / alpha;
}

// The power of two by which lora_b is stored larger, and alpha smaller: where its largest value is below 1/16, it becomes a half to 1. A short training
// leaves values of 1e-4 and less there, and F16, in which blocks keep their steps too, has few bits below 6e-5 and none below 3e-8.
double Lift(const LoraAdapter& lora, double alpha, TensorType type) {
  if (type == TensorType::kF32 || type == TensorType::kBF16) return 1;  // as many bits for small values as for large ones
  double largest = 0;
  for (const auto& [name, pair] : lora.pairs) {
    const double factor = std::abs(FactorOf(lora, pair, alpha));
    for (const float value : pair.b) largest = std::max(largest, factor * std::abs(value));
  }
  if (!(largest > 0 && largest < 1.0 / 16)) return 1;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::ldexp(1.0, std::min(-exponent, 64));
}

}  // namespace

std::shared_ptr<const PackedAdapter> PackedAdapter::FromLora(const LoraAdapter& lora, const ModelConfig& base,
                                                             TensorType type, bool scaled) {
  CheckAdapterFits(lora, base);
  if (lora.dora) {
    ThrowUser("a DoRA adapter rescales whole rows of the base, which an adapter kept apart cannot do: fuse it into the base ",
              "(pith-export fuse)");
  }
  std::shared_ptr<PackedAdapter> adapter(new PackedAdapter());
  Impl& impl = *adapter->impl_;
  impl.name = "trainer";
  impl.arch = base.arch;
  impl.rope = base.rope;
  impl.gguf_rope = base.gguf_rope;
  impl.base_sha256 = lora.base_sha256;
  impl.budget = lora.budget;
  impl.card = lora.card;
  impl.proof = lora.proof;
  impl.verifier = lora.verifier;
  impl.switcher = lora.switcher;
  impl.template_now = lora.template_now;
  impl.template_kwargs = lora.template_kwargs;
  impl.invocation = lora.invocation;
  // With rsLoRA the scale is alpha / sqrt(R): an alpha larger by sqrt(R) says the same to readers of alpha / R.
  const double alpha = lora.scale() * static_cast<double>(lora.rank), lift = Lift(lora, alpha, type);
  impl.alpha = scaled ? 0 : static_cast<float>(alpha / lift);
  impl.layers.resize(static_cast<size_t>(base.num_layers));
  for (const auto& [name, pair] : lora.pairs) {
    const LinearPlace place = *ParseWeightName(name);
    PackedPair& packed = impl.layers[static_cast<size_t>(place.layer)][static_cast<size_t>(place.kind)];
    packed.a = Convert(pair.a, pair.rank, pair.in, type, &impl.owned);
    std::vector<float> b = pair.b;
    const double factor = FactorOf(lora, pair, alpha) * lift;
    if (scaled) {
      const auto scale = static_cast<float>(lora.scale(pair));  // in float, so that the bits are training's
      for (float& value : b) value *= scale;
    } else if (factor != 1.0) {
      for (float& value : b) value = static_cast<float>(value * factor);
    }
    if (IsRotated(place.kind) && base.rope == RopeLayout::kInterleaved) {
      std::vector<float> halves = b;
      HalvesToInterleaved(halves.data(), b.data(), pair.out, static_cast<size_t>(pair.rank) * sizeof(float), base.head_dim);
    }
    packed.b = Convert(b, pair.out, pair.rank, type, &impl.owned);
  }
  impl.Finish(base);
  return adapter;
}

}  // namespace pith
