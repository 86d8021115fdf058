// pith_model_…, and the texts of its tokenizer.
#include "runtime/capi/handles.h"

namespace pith::capi {
namespace {

constexpr uint64_t kAlignment = 4;  // of a GGUF's beginning: what an APK's tools give what they store uncompressed

pith_status OpenModel(const pith_model_options* options, pith_model** out, pith_error* error, const std::function<std::unique_ptr<BaseModel>()>& load) {
  if (out != nullptr) *out = nullptr;
  LogSink sink;
  // What a struct that cannot be read would say of its log is not listened to.
  const pith_status status = Guarded(error, nullptr, [&] { sink = SinkOf(ReadStruct(options, "options").log, ReadStruct(options, "options").log_user_data); });
  if (status != PITH_OK) return status;
  return Guarded(error, &sink, [&] {
    NotNull(out, "model");
    ModelSettings settings = ReadSettings(options);
    auto handle = std::make_unique<pith_model>();
    handle->model = std::make_shared<Model>(load(), std::move(settings));
    handle->model->Start();
    *out = handle.release();
  });
}

}  // namespace

std::unique_ptr<GgufFile> OpenDescriptor(int fd, uint64_t offset, uint64_t bytes) {
  if (offset % kAlignment != 0) ThrowUser("offset is ", offset, ", expected a multiple of ", kAlignment, "; align the file (zipalign does)");
  return std::make_unique<GgufFile>(MappedFile::OfDescriptor(fd, offset, bytes, Str("descriptor ", fd)));
}

std::unique_ptr<GgufFile> OpenMemory(const void* data, size_t bytes) {
  NotNull(data, "data");
  if (reinterpret_cast<uintptr_t>(data) % kAlignment != 0) ThrowUser("data is at an address that is not a multiple of ", kAlignment, "; align it");
  if (bytes > static_cast<size_t>(PTRDIFF_MAX)) ThrowUser("bytes is ", bytes, ", which is no size of a memory");
  return std::make_unique<GgufFile>(MappedFile::OfMemory({static_cast<const uint8_t*>(data), bytes}, "memory"));
}

}  // namespace pith::capi

using namespace pith::capi;

pith_status pith_model_open(const char* path, const pith_model_options* options, pith_model** model, pith_error* error) {
  return OpenModel(options, model, error, [&] { return pith::BaseModel::Load(NotNull(path, "path")); });
}

pith_status pith_model_open_fd(int fd, uint64_t offset, uint64_t bytes, const pith_model_options* options, pith_model** model, pith_error* error) {
  return OpenModel(options, model, error, [&] { return pith::BaseModel::FromGguf(OpenDescriptor(fd, offset, bytes)); });
}

pith_status pith_model_open_memory(const void* data, size_t bytes, const pith_model_options* options, pith_model** model, pith_error* error) {
  return OpenModel(options, model, error, [&] { return pith::BaseModel::FromGguf(OpenMemory(data, bytes)); });
}

pith_status pith_model_close(pith_model* model) {
  if (model == nullptr) return PITH_OK;
  return Guarded(nullptr, SinkOfHandle(model), [&] {
    if (Get(model, "model").model->InOwnThread()) throw StatusError(PITH_IN_CALLBACK, "a model cannot be closed by its own callback");
    if (model->closing.exchange(true)) pith::ThrowUser("model is being closed by another thread already");
    model->model->Close();  // callbacks may still use the handle
    if (Retire(model)) delete model;
  });
}

pith_status pith_model_cancel(pith_model* model, pith_error* error) {
  return Guarded(error, SinkOfHandle(model), [&] { Get(model, "model").model->CancelAll(); });
}

pith_status pith_model_get_info(const pith_model* model, pith_model_info* info, pith_error* error) {
  return Guarded(error, SinkOfHandle(model), [&] {
    const Model& of = *Get(model, "model").model;
    const pith::ModelConfig& config = of.base().config();
    pith_model_info about = pith_model_info_default();
    about.architecture = config.arch.c_str();
    about.name = config.name.c_str();
    about.context_tokens = config.context_length;
    about.vocabulary = of.vocabulary();
    about.layers = config.num_layers;
    about.has_chat_template = of.has_prompter() ? 1 : 0;
    about.has_think_token = of.tokenizer().FindToken(pith::kThinkClose) ? 1 : 0;
    WriteStruct(about, info, "info");
  });
}

pith_status pith_model_identity(pith_model* model, const char** sha256, pith_error* error) {
  if (sha256 != nullptr) *sha256 = nullptr;
  return Guarded(error, SinkOfHandle(model), [&] { *NotNull(sha256, "sha256") = Get(model, "model").model->identity().c_str(); });
}

pith_status pith_tokenize(const pith_model* model, const char* text, int32_t special, int32_t* ids, size_t capacity, size_t* count, pith_error* error) {
  if (count != nullptr) *count = 0;
  return Guarded(error, SinkOfHandle(model), [&] {
    NotNull(count, "count");
    if (capacity > 0) NotNull(ids, "ids");
    const auto mode = special != 0 ? pith::SpecialTokens::kParse : pith::SpecialTokens::kAsText;
    const std::vector<int32_t> all = Get(model, "model").model->tokenizer().Encode(Text(text, "text"), mode);
    std::copy_n(all.begin(), std::min(capacity, all.size()), ids);
    *count = all.size();
  });
}

pith_status pith_token_bytes(const pith_model* model, int32_t id, const char** bytes, size_t* num_bytes, pith_error* error) {
  if (bytes != nullptr) *bytes = nullptr;
  if (num_bytes != nullptr) *num_bytes = 0;
  return Guarded(error, SinkOfHandle(model), [&] {
    NotNull(bytes, "bytes");
    NotNull(num_bytes, "num_bytes");
    const pith::Tokenizer& tokenizer = Get(model, "model").model->tokenizer();
    if (id < 0 || id >= tokenizer.vocab_size()) pith::ThrowUser("token ", id, " is not in the vocabulary of ", tokenizer.vocab_size());
    const std::string_view text = tokenizer.TokenBytes(id);
    *bytes = text.data() == nullptr ? "" : text.data();
    *num_bytes = text.size();
  });
}
