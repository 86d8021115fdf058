// pith_adapter_…
#include "runtime/capi/handles.h"

namespace pith::capi {
namespace {

constexpr size_t kKeptScales = 8;

void CheckBase(Model& model, const PackedAdapter& adapter, const std::string& name, bool any_base) {
  const bool names_base = !adapter.base_sha256().empty();  // else the identity, which may cost seconds, tells nothing
  CheckSameBase(adapter, names_base ? model.identity() : "", any_base, name, "open it for the right base, or set options.any_base", "options.any_base");
}

// What its training told the chat template, where the model's options do not say it.
std::unique_ptr<Prompter> PrompterOf(const Model& model, const PackedAdapter& adapter) {
  const ModelSettings& settings = model.settings();
  const std::string& now = settings.template_now.empty() ? adapter.template_now() : settings.template_now;
  const std::string& kwargs = settings.template_kwargs.empty() ? adapter.template_kwargs() : settings.template_kwargs;
  if (!model.has_prompter() || (now == settings.template_now && kwargs == settings.template_kwargs)) return nullptr;
  return model.prompter().Told(now, kwargs);
}

pith_status OpenAdapter(pith_model* model, const pith_adapter_options* options, pith_adapter** out, pith_error* error,
                        const std::function<std::unique_ptr<GgufFile>()>& open) {
  if (out != nullptr) *out = nullptr;
  return Guarded(error, SinkOfHandle(model), [&] {
    NotNull(out, "adapter");
    const std::shared_ptr<Model>& of = Get(model, "model").model;
    const pith_adapter_options given = ReadStruct(options, "options");
    CheckReserved(given.reserved, "options.reserved");
    auto handle = std::make_unique<pith_adapter>();
    handle->model = of;
    handle->named.adapter = PackedAdapter::FromGguf(open(), of->base().config());
    handle->named.name = given.name != nullptr ? Text(given.name, "options.name") : handle->named.adapter->name();
    handle->any_base = given.any_base != 0;
    CheckBase(*of, *handle->named.adapter, handle->named.name, handle->any_base);
    handle->prompter = PrompterOf(*of, *handle->named.adapter);
    of->AddAdapter(handle.get());
    *out = handle.release();
  });
}

}  // namespace
}  // namespace pith::capi

std::vector<pith::AdapterRef> pith::capi::Model::open_adapters() const {
  const std::lock_guard lock(mutex_);
  std::vector<AdapterRef> open;
  for (const pith_adapter* adapter : adapters_) open.push_back(adapter->named.adapter);
  return open;
}

pith::AdapterRef pith_adapter::Scaled(float factor) const {
  if (factor == 1.0f) return named.adapter;
  const std::lock_guard lock(mutex_);
  const auto found = scaled_.find(factor);
  if (found != scaled_.end()) return found->second;
  if (scaled_.size() >= pith::capi::kKeptScales) scaled_.clear();
  return scaled_[factor] = pith::PackedAdapter::Scaled(named.adapter, factor);
}

using namespace pith::capi;

pith_status pith_adapter_open(pith_model* model, const char* path, const pith_adapter_options* options, pith_adapter** adapter, pith_error* error) {
  return OpenAdapter(model, options, adapter, error, [&] { return std::make_unique<pith::GgufFile>(std::string(NotNull(path, "path"))); });
}

pith_status pith_adapter_open_fd(pith_model* model, int fd, uint64_t offset, uint64_t bytes, const pith_adapter_options* options, pith_adapter** adapter,
                                 pith_error* error) {
  return OpenAdapter(model, options, adapter, error, [&] { return OpenDescriptor(fd, offset, bytes); });
}

pith_status pith_adapter_open_memory(pith_model* model, const void* data, size_t bytes, const pith_adapter_options* options, pith_adapter** adapter,
                                     pith_error* error) {
  return OpenAdapter(model, options, adapter, error, [&] { return OpenMemory(data, bytes); });
}

void pith_adapter_close(pith_adapter* adapter) {
  if (!Retire(adapter)) return;
  adapter->model->RemoveAdapter(adapter);
  delete adapter;
}

pith_status pith_adapter_get_info(const pith_adapter* adapter, pith_adapter_info* info, pith_error* error) {
  return Guarded(error, SinkOfHandle(adapter), [&] {
    const pith_adapter& of = Get(adapter, "adapter");
    const pith::PackedAdapter& packed = *of.named.adapter;
    pith_adapter_info about = pith_adapter_info_default();
    about.name = of.named.name.c_str();
    about.base_sha256 = packed.base_sha256().c_str();
    about.close_text = about.sentence = about.announcement = "";
    about.bytes = packed.bytes();
    about.rank = packed.rank();
    about.always = packed.activation() == pith::Activation::kAlways ? 1 : 0;
    if (packed.budget()) {
      about.close_text = packed.budget()->close_text.c_str();
      about.sentence = packed.budget()->sentence.c_str();
      about.announcement = packed.budget()->announcement.c_str();
      about.budget_tokens = packed.budget()->tokens;
      about.reserve_tokens = packed.budget()->reserve_tokens;
    }
    if (packed.verifier()) {
      about.has_verifier = 1;
      about.verifier_auc = packed.verifier()->fit.auc;
      about.verifier_error = packed.verifier()->fit.calibration_error;
    }
    if (packed.switcher()) {
      about.switcher_arms = static_cast<int32_t>(packed.switcher()->arms.size());
      about.switcher_accuracy = packed.switcher()->fit.accuracy;
      about.switcher_tokens = packed.switcher()->fit.mean_tokens;
    }
    WriteStruct(about, info, "info");
  });
}

pith_status pith_model_list_adapters(pith_model* model, pith_adapter** adapters, size_t capacity, size_t* count, pith_error* error) {
  if (count != nullptr) *count = 0;
  return Guarded(error, SinkOfHandle(model), [&] {
    NotNull(count, "count");
    if (capacity > 0) NotNull(adapters, "adapters");
    const std::vector<pith_adapter*> all = Get(model, "model").model->adapters();
    std::copy_n(all.begin(), std::min(capacity, all.size()), adapters);
    *count = all.size();
  });
}
