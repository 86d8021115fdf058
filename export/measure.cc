#include "export/measure.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "runtime/engine.h"

namespace pith {
namespace {

constexpr int64_t kLogitBytes = int64_t{64} << 20;  // of both models: all logits of a window would be a gigabyte where vocabularies are large
constexpr int64_t kMostRows = 256;

// One of the two models, on one window after the other.
class Side {
 public:
  Side(std::shared_ptr<const BaseModel> base, AdapterRef adapter, int64_t window) : engine_(std::move(base), Options(window)), adapter_(std::move(adapter)) {}

  void BeginWindow() {
    if (sequence_ >= 0) engine_.Free(sequence_);
    sequence_ = engine_.NewSequence();
    engine_.SetAdapter(sequence_, adapter_);
  }
  void Read(std::span<const int32_t> ids) { engine_.Prefill(sequence_, ids, nullptr); }
  // The logits of each of `ids`, one row after the other.
  const float* Predict(std::span<const int32_t> ids) {
    std::vector<ForwardRow> rows;
    for (const int32_t id : ids) rows.push_back({sequence_, id, true});
    logits_.resize(ids.size() * static_cast<size_t>(engine_.config().vocab_size));
    engine_.Forward(rows, logits_.data());
    return logits_.data();
  }
  Engine& engine() { return engine_; }

 private:
  static EngineOptions Options(int64_t window) {
    EngineOptions options;
    options.activations = ActivationType::kF32;
    options.kv_type = KvType::kF32;
    options.kv_tokens = window + Engine::kPageTokens;
    options.share_prefixes = false;
    return options;
  }

  Engine engine_;
  AdapterRef adapter_;
  SequenceId sequence_ = -1;
  std::vector<float> logits_;
};

std::vector<TokenDivergence> CompareOn(const MeasuredText& text, Side& q, Side& base) {
  const int64_t vocab = base.engine().config().vocab_size, counted = text.counted_per_window();
  const int64_t chunk = std::clamp<int64_t>(kLogitBytes / (2 * vocab * static_cast<int64_t>(sizeof(float))), 1, kMostRows);
  std::vector<TokenDivergence> tokens(static_cast<size_t>(text.num_windows * counted));
  ProgressBar progress("measure", text.num_windows * (text.window - 1));
  for (int64_t w = 0; w < text.num_windows; ++w) {
    const std::span<const int32_t> ids = text.Window(w);
    const std::span<const int32_t> context = ids.first(static_cast<size_t>(text.first()));
    for (Side* side : {&q, &base}) {
      side->BeginWindow();
      side->Read(context);
    }
    progress.Update(w * (text.window - 1) + text.first());
    for (int64_t begin = 0; begin < counted; begin += chunk) {
      const int64_t rows = std::min(chunk, counted - begin);
      const std::span<const int32_t> part = ids.subspan(static_cast<size_t>(text.first() + begin), static_cast<size_t>(rows));
      const float *of_q = q.Predict(part), *of_base = base.Predict(part);
      q.engine().pool().ParallelFor(rows, 1, [&](int64_t from, int64_t to, int) {
        for (int64_t r = from; r < to; ++r) {
          const int32_t next = ids[static_cast<size_t>(text.first() + begin + r + 1)];
          tokens[static_cast<size_t>(w * counted + begin + r)] = CompareLogits(of_q + r * vocab, of_base + r * vocab, vocab, next);
        }
      });
      progress.Update(w * (text.window - 1) + text.first() + begin + rows);
    }
  }
  return tokens;
}

double BitsPerWeight(const BaseModel& base) {
  double bits = 0, values = 0;
  for (const std::string& name : base.names()) {
    const TensorView view = base.Tensor(name);
    bits += 8.0 * static_cast<double>(view.bytes());
    values += static_cast<double>(view.rows) * static_cast<double>(view.cols);
  }
  return bits / values;
}

}  // namespace

Measurement Measure(std::shared_ptr<const BaseModel> q, std::shared_ptr<const BaseModel> base, std::shared_ptr<const PackedAdapter> adapter,
                    const MeasuredText& text) {
  PITH_CHECK_EQ(q->config().vocab_size, base->config().vocab_size);
  Side side_q(q, nullptr, text.window), side_base(base, std::move(adapter), text.window);
  const std::vector<TokenDivergence> tokens = CompareOn(text, side_q, side_base);
  for (const TokenDivergence& token : tokens) {
    if (std::isfinite(token.kld) && std::isfinite(token.nll_q) && std::isfinite(token.nll_base)) continue;
    ThrowUser("nothing can be measured: '", std::isfinite(token.nll_base) ? q->path() : base->path(), "' gives logits that are not numbers");
  }
  Measurement measurement{text.name, text.window, text.num_windows, text.num_in_text, BitsPerWeight(*q), 0, Summarise(tokens)};
  for (const std::string& file : q->files()) measurement.file_bytes += std::filesystem::file_size(file);
  return measurement;
}

}  // namespace pith
