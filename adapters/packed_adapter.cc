#include "adapters/packed_adapter.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "adapters/lora_names.h"
#include "base/base_identity.h"
#include "base/error.h"
#include "base/gguf.h"
#include "base/iso_time.h"
#include "base/log.h"

namespace pith {
namespace {

constexpr char kSuffixA[] = ".lora_a", kSuffixB[] = ".lora_b";
constexpr char kAlphaKey[] = "adapter.lora.alpha";
constexpr char kInvocationKey[] = "adapter.alora.invocation_tokens";
constexpr char kNowKey[] = "pith.template.now", kKwargsKey[] = "pith.template.kwargs";

bool IsRotated(int kind) { return kind < 2; }  // attn_q, attn_k

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

void Expect(const GgufFile& file, const char* key, const std::string& expected) {
  const std::string value = file.Find<std::string>(key).value_or("");
  if (value != expected) {
    ThrowUser("'", file.path(), "': ", key, " is '", value, "', expected '", expected, "'; name an adapter made for this base");
  }
}

std::vector<int32_t> ReadInvocation(const GgufFile& file, int64_t vocab_size) {
  std::vector<int32_t> ids;
  for (const int64_t id : file.Find<std::vector<int64_t>>(kInvocationKey).value_or(std::vector<int64_t>{})) {
    if (id < 0 || id >= vocab_size) {
      ThrowUser("'", file.path(), "': invocation token ", id, " is outside the base's vocabulary of ", vocab_size,
                "; the adapter belongs to another base");
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

void CheckFactor(const GgufFile& file, const std::string& name, const char* suffix, int64_t got, int64_t expected,
                 const char* what) {
  if (got == expected) return;
  ThrowUser("'", file.path(), "': '", name, suffix, "' has ", got, " ", what, ", the base expects ", expected,
            "; the adapter belongs to another base");
}

}  // namespace

struct PackedAdapter::Impl {
  std::string name, arch, base_sha256, template_now, template_kwargs;
  RopeLayout rope = RopeLayout::kHalves, gguf_rope = RopeLayout::kHalves;  // of the base's file, and of GGUF files of its family
  std::vector<int32_t> invocation;
  std::optional<AdapterBudget> budget;
  std::optional<AdapterCard> card;
  std::optional<AdapterProof> proof;
  float alpha = 0;  // as llama.cpp reads it; 0: the scale is 1
  int64_t rank = 0;
  std::vector<int> modules;  // that an adapter for this base acts on
  std::vector<std::array<PackedPair, kNumModuleKinds>> layers;  // as the file has them; of fused modules also each layer's share
  std::shared_ptr<GgufFile> file;            // backs the views of FromGguf
  std::shared_ptr<const PackedAdapter> whole;  // backs those of Scaled
  std::vector<std::vector<uint8_t>> owned;   // backs the views of FromLora, and rows that FromGguf put into another order

  void ReadTensors(const ModelConfig& base);
  void CheckPairs(const ModelConfig& base) const;
  void ReorderRows(const ModelConfig& base);
  // What follows from alpha and the factors: each pair's scale, the largest rank, and the shares in fused modules: all of A, some rows of B.
  void Finish(const ModelConfig& base) {
    modules = ModuleKinds(base);
    for (auto& layer : layers) {
      for (int kind = 0; kind < kNumLinearKinds; ++kind) {
        const ModulePlace place = ModuleOf(base, kind);
        const PackedPair& whole = layer[static_cast<size_t>(place.module)];
        if (place.module == kind || !whole.a) continue;
        PackedPair& share = layer[static_cast<size_t>(kind)];
        share.a = whole.a;
        share.b = {whole.b.type, LinearRows(base, kind), whole.b.cols, whole.b.row(place.first_row)};
      }
      for (PackedPair& pair : layer) {
        if (!pair.a) continue;
        pair.scale = alpha == 0 ? 1.0f : alpha / static_cast<float>(pair.a.rows);
        rank = std::max(rank, pair.a.rows);
      }
    }
  }
};

void PackedAdapter::Impl::ReadTensors(const ModelConfig& base) {
  for (const GgufTensor& tensor : file->tensors()) {
    const std::string_view full = tensor.name;
    const size_t stem = full.size() < sizeof(kSuffixA) ? 0 : full.size() - (sizeof(kSuffixA) - 1);
    const std::string_view suffix = full.substr(stem);
    const auto place = ParseGgufFileName(base, full.substr(0, stem));
    if (!place || (suffix != kSuffixA && suffix != kSuffixB)) {
      ThrowUser("'", file->path(), "' has the tensor '", tensor.name,
                "', which pith does not implement; it reads lora_a and lora_b of attention and feed-forward layers");
    }
    if (place->layer >= base.num_layers) {
      ThrowUser("'", file->path(), "' has the tensor '", tensor.name, "', the base has ", base.num_layers,
                " layers; the adapter belongs to another base");
    }
    PackedPair& pair = layers[static_cast<size_t>(place->layer)][static_cast<size_t>(place->kind)];
    (suffix == kSuffixA ? pair.a : pair.b) = file->Tensor(tensor.name);
  }
}

void PackedAdapter::Impl::CheckPairs(const ModelConfig& base) const {
  for (int64_t layer = 0; layer < base.num_layers; ++layer) {
    for (const int kind : ModuleKinds(base)) {
      const PackedPair& pair = layers[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
      if (!pair.a && !pair.b) continue;
      const std::string weight = GgufFileName({layer, kind});
      if (!pair.a || !pair.b) {
        ThrowUser("'", file->path(), "' has '", weight, pair.a ? kSuffixA : kSuffixB, "' but lacks '", weight,
                  pair.a ? kSuffixB : kSuffixA, "'");
      }
      CheckFactor(*file, weight, kSuffixA, pair.a.cols, LinearCols(base, kind), "columns");
      CheckFactor(*file, weight, kSuffixB, pair.b.rows, LinearRows(base, kind), "rows");
      if (pair.a.rows != pair.b.cols) {
        ThrowUser("'", file->path(), "': '", weight, "' has factors of rank ", pair.a.rows, " and ", pair.b.cols,
                  ", expected the same rank of both");
      }
    }
  }
}

// Blocks of quantised types lie along a row, which stays whole.
void PackedAdapter::Impl::ReorderRows(const ModelConfig& base) {
  const RopeLayout order = base.gguf_rope;
  if (base.rope == order) return;
  const auto reorder = order == RopeLayout::kInterleaved ? InterleavedToHalves : HalvesToInterleaved;
  for (auto& layer : layers) {
    for (int kind = 0; kind < kNumLinearKinds; ++kind) {
      TensorView& b = layer[static_cast<size_t>(kind)].b;
      if (!IsRotated(kind) || !b) continue;
      std::vector<uint8_t>& rows = owned.emplace_back(b.bytes());
      reorder(b.data, rows.data(), b.rows, b.row_bytes(), base.head_dim);
      b.data = rows.data();
    }
  }
}

PackedAdapter::PackedAdapter() : impl_(std::make_unique<Impl>()) {}
PackedAdapter::~PackedAdapter() = default;

std::shared_ptr<const PackedAdapter> PackedAdapter::FromGguf(const std::string& path, const ModelConfig& base) {
  return FromGguf(std::make_unique<GgufFile>(path), base);
}

std::shared_ptr<const PackedAdapter> PackedAdapter::FromGguf(std::unique_ptr<GgufFile> opened, const ModelConfig& base) {
  std::shared_ptr<PackedAdapter> adapter(new PackedAdapter());
  Impl& impl = *adapter->impl_;
  impl.file = std::move(opened);
  const GgufFile& file = *impl.file;
  const std::string& path = file.path();
  Expect(file, "general.type", "adapter");
  Expect(file, "adapter.type", "lora");
  Expect(file, "general.architecture", base.arch);

  impl.name = std::filesystem::path(path).stem().string();
  impl.arch = base.arch;
  impl.rope = base.rope;
  impl.gguf_rope = base.gguf_rope;
  const double alpha = file.Find<double>(kAlphaKey).value_or(0.0);
  const bool fits = std::isfinite(alpha) && std::abs(alpha) <= std::numeric_limits<float>::max();
  impl.alpha = fits ? static_cast<float>(alpha) : 0;
  // 0 means "scale 1" and is what an alpha too small for float32 would become.
  if (!fits || (impl.alpha == 0) != (alpha == 0)) {
    ThrowUser("'", path, "': ", kAlphaKey, " is ", alpha, ", expected a number that float32 can hold");
  }
  impl.invocation = ReadInvocation(file, base.vocab_size);
  if (const auto identity = file.Find<std::string>(kIdentityKey); identity && !identity->empty()) {
    impl.base_sha256 = CheckedIdentity(path, *identity);
  }
  impl.budget = ReadBudgetMetadata(file);
  if (const auto card = file.Find<std::string>(kCardKey)) impl.card = ReadCard(path, *card);
  impl.proof = ReadProofMetadata(file);
  impl.template_now = file.Find<std::string>(kNowKey).value_or("");
  if (!impl.template_now.empty() && !ParseIsoTime(impl.template_now)) {
    ThrowUser("'", path, "': ", kNowKey, " is '", impl.template_now, "', expected a time like 2024-07-26T10:00:00");
  }
  impl.template_kwargs = file.Find<std::string>(kKwargsKey).value_or("");
  CheckTemplateKwargs(path, kKwargsKey, impl.template_kwargs);
  impl.layers.resize(static_cast<size_t>(base.num_layers));
  impl.ReadTensors(base);
  impl.CheckPairs(base);
  impl.ReorderRows(base);
  impl.Finish(base);
  if (impl.rank == 0) ThrowUser("'", path, "' has no tensors; expected lora_a and lora_b of at least one layer");
  return adapter;
}

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

std::shared_ptr<const PackedAdapter> PackedAdapter::Scaled(std::shared_ptr<const PackedAdapter> adapter, float factor) {
  if (factor == 1.0f) return adapter;
  const Impl& from = *adapter->impl_;
  std::shared_ptr<PackedAdapter> scaled(new PackedAdapter());
  Impl& impl = *scaled->impl_;
  impl.name = from.name;
  impl.arch = from.arch;
  impl.base_sha256 = from.base_sha256;
  impl.template_now = from.template_now;
  impl.template_kwargs = from.template_kwargs;
  impl.rope = from.rope;
  impl.gguf_rope = from.gguf_rope;
  impl.invocation = from.invocation;
  impl.budget = from.budget;
  impl.card = from.card;
  impl.rank = from.rank;
  impl.modules = from.modules;
  impl.layers = from.layers;
  for (auto& layer : impl.layers) {
    for (PackedPair& pair : layer) pair.scale *= factor;
  }
  impl.whole = std::move(adapter);
  return scaled;
}

const std::string& PackedAdapter::name() const { return impl_->name; }
Activation PackedAdapter::activation() const {
  return impl_->invocation.empty() ? Activation::kAlways : Activation::kInvocation;
}
const std::vector<int32_t>& PackedAdapter::invocation() const { return impl_->invocation; }
const std::string& PackedAdapter::base_sha256() const { return impl_->base_sha256; }
const std::optional<AdapterBudget>& PackedAdapter::budget() const { return impl_->budget; }
const std::optional<AdapterCard>& PackedAdapter::card() const { return impl_->card; }
const std::optional<AdapterProof>& PackedAdapter::proof() const { return impl_->proof; }
const std::string& PackedAdapter::template_now() const { return impl_->template_now; }
const std::string& PackedAdapter::template_kwargs() const { return impl_->template_kwargs; }
int64_t PackedAdapter::rank() const { return impl_->rank; }

int64_t PackedAdapter::bytes() const {
  size_t bytes = 0;
  for (const auto& layer : impl_->layers) {
    for (const int kind : impl_->modules) {
      const PackedPair& pair = layer[static_cast<size_t>(kind)];
      if (pair.a) bytes += pair.a.bytes() + pair.b.bytes();
    }
  }
  return static_cast<int64_t>(bytes);
}

const PackedPair& PackedAdapter::pair(int64_t layer, int kind) const {
  PITH_CHECK(layer >= 0 && layer < static_cast<int64_t>(impl_->layers.size()) && kind >= 0 && kind < kNumLinearKinds,
             "layer ", layer, ", kind ", kind);
  return impl_->layers[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
}

const PackedPair& PackedAdapter::module_pair(int64_t layer, int kind) const {
  PITH_CHECK(layer >= 0 && layer < static_cast<int64_t>(impl_->layers.size()) && kind >= 0 && kind < kNumModuleKinds,
             "layer ", layer, ", kind ", kind);
  return impl_->layers[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
}

void PackedAdapter::WriteGguf(const std::string& path) const {
  if (impl_->rope != impl_->gguf_rope) {
    ThrowUser("cannot write '", path, "': a GGUF adapter of architecture ", impl_->arch, " has the row order of a GGUF base; ",
              "make it for the GGUF that pith-export convert writes");
  }
  if (impl_->whole) ThrowUser("cannot write '", path, "': its scale was changed for a request; write the adapter that it was made from");
  GgufWriter writer;
  writer.Set("general.architecture", impl_->arch);
  writer.Set("general.type", std::string("adapter"));
  writer.Set("general.name", std::filesystem::path(path).stem().string());
  writer.Set("adapter.type", std::string("lora"));
  writer.Set(kAlphaKey, static_cast<double>(impl_->alpha));
  if (!impl_->invocation.empty()) {
    writer.Set(kInvocationKey, std::vector<int64_t>(impl_->invocation.begin(), impl_->invocation.end()));
  }
  if (!impl_->base_sha256.empty()) writer.Set(kIdentityKey, impl_->base_sha256);
  if (!impl_->template_now.empty()) writer.Set(kNowKey, impl_->template_now);
  if (!impl_->template_kwargs.empty()) writer.Set(kKwargsKey, impl_->template_kwargs);
  if (impl_->budget) SetBudgetMetadata(*impl_->budget, &writer);
  if (impl_->card) SetCardMetadata(*impl_->card, &writer);
  if (impl_->proof) SetProofMetadata(*impl_->proof, &writer);
  for (size_t layer = 0; layer < impl_->layers.size(); ++layer) {
    for (const int kind : impl_->modules) {
      const PackedPair& pair = impl_->layers[layer][static_cast<size_t>(kind)];
      if (!pair.a) continue;
      const std::string weight = GgufFileName({static_cast<int64_t>(layer), kind});
      writer.Add(weight + kSuffixA, pair.a);
      writer.Add(weight + kSuffixB, pair.b);
    }
  }
  writer.Write(path);
}

void CheckSameBase(const PackedAdapter& adapter, const std::string& base_sha256, bool any_base) {
  CheckSameBase(adapter, base_sha256, any_base, adapter.name(), "name the right base, or say --any-base", "--any-base");
}

void CheckSameBase(const PackedAdapter& adapter, const std::string& base_sha256, bool any_base, const std::string& name,
                   const std::string& advice, const std::string& override_name) {
  const std::string& named = adapter.base_sha256();
  if (named.empty()) {
    LogWarning(Str("adapter '", name, "' does not name the base it was trained on; its results may be poor on another"));
    return;
  }
  if (named == base_sha256) return;
  const std::string difference = Str("adapter '", name, "' was trained on base ", named.substr(0, 12), "…, this one is ", base_sha256.substr(0, 12), "…");
  if (!any_base) ThrowUser(difference, "; ", advice);
  LogWarning(Str(difference, "; going on because of ", override_name));
}

}  // namespace pith
