// logits: the runtime's logits for given ids, for parity with the trainer and with other programs.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/model_path.h"
#include "data/template/prompt.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"

namespace pith {

int LogitsCommand(const Arguments& args) {
  ModelOptions model;
  model.activations = "f32";
  model.kv = "f32";
  std::string ids_text;
  bool json = false;
  CLI::App app("Logits of every position. An invocation adapter acts from the last match of its invocation on.", "logits");
  model.AddTo(app, /*many_adapters=*/false);
  app.add_option("--ids", ids_text, "token ids, separated by commas")->required();
  app.add_flag("--json", json, "print {\"logits\": [[...], ...]}, a row per position (the only form)");
  if (!ParseArguments(app, args)) return 0;

  const std::shared_ptr<const BaseModel> base = BaseModel::Load(ResolveModelPath(model.model));
  const auto adapters = LoadAdapters(model, *base);
  const auto last_id = static_cast<double>(base->config().vocab_size - 1);
  const std::vector<int32_t> ids = ParseNumbers<int32_t>("logits: --ids", ids_text, Between(0, last_id));
  const int64_t count = static_cast<int64_t>(ids.size());
  int64_t adapter_from = count;
  if (!adapters.empty()) {
    const PackedAdapter& adapter = *adapters[0].adapter;
    adapter_from = 0;
    if (adapter.activation() == Activation::kInvocation) {
      const auto found = FindInvocation(ids, adapter.invocation());
      if (!found) LogWarning("the adapter's invocation tokens are not among --ids: the adapter stays off");
      adapter_from = found.value_or(count);
    }
  }

  Engine engine(base, model.Engine(count + 64));
  const SequenceId sequence = engine.NewSequence();
  const int64_t vocab = base->config().vocab_size;
  std::vector<float> logits(static_cast<size_t>(count * vocab));
  const auto run = [&](int64_t begin, int64_t end) {
    if (begin == end) return;
    std::vector<ForwardRow> rows;
    for (int64_t i = begin; i < end; ++i) rows.push_back({sequence, ids[i], true});
    engine.Forward(rows, logits.data() + begin * vocab);
  };
  run(0, adapter_from);
  if (adapter_from < count) engine.SetAdapter(sequence, adapters[0].adapter);
  run(adapter_from, count);

  nlohmann::json rows = nlohmann::json::array();
  for (int64_t i = 0; i < count; ++i) {
    rows.push_back(std::vector<float>(logits.begin() + i * vocab, logits.begin() + (i + 1) * vocab));
  }
  std::cout << nlohmann::json{{"logits", std::move(rows)}}.dump() << "\n";
  return 0;
}

}  // namespace pith
