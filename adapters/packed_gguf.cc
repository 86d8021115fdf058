// From and to GGUF files.
#include <cmath>
#include <filesystem>
#include <limits>

#include "adapters/packed_impl.h"
#include "base/base_identity.h"
#include "base/error.h"
#include "base/iso_time.h"

namespace pith {
namespace {

constexpr char kSuffixA[] = ".lora_a", kSuffixB[] = ".lora_b";
constexpr char kAlphaKey[] = "adapter.lora.alpha";
constexpr char kInvocationKey[] = "adapter.alora.invocation_tokens";
constexpr char kNowKey[] = "pith.template.now", kKwargsKey[] = "pith.template.kwargs";

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
  impl.verifier = ReadVerifierMetadata(file);
  if (impl.verifier) CheckVerifierFits(path, *impl.verifier, base);
  impl.switcher = ReadSwitcherMetadata(file);
  if (impl.switcher) CheckSwitcherFits(path, *impl.switcher, base);
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
  if (impl_->verifier) SetVerifierMetadata(*impl_->verifier, &writer);
  if (impl_->switcher) SetSwitcherMetadata(*impl_->switcher, &writer);
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

}  // namespace pith
