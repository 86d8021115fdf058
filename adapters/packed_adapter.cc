#include "adapters/packed_adapter.h"

#include <algorithm>

#include "adapters/packed_impl.h"
#include "base/error.h"
#include "base/log.h"

namespace pith {

void PackedAdapter::Impl::Finish(const ModelConfig& base) {
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

PackedAdapter::PackedAdapter() : impl_(std::make_unique<Impl>()) {}
PackedAdapter::~PackedAdapter() = default;

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
const std::optional<VerifierHead>& PackedAdapter::verifier() const { return impl_->verifier; }
const std::optional<SwitcherHead>& PackedAdapter::switcher() const { return impl_->switcher; }
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
