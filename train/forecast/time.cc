#include "train/forecast/time.h"

#include <ATen/ops/full_like.h>

#include <algorithm>
#include <chrono>

#include "configs/train_config.h"
#include "train/model/optimizer.h"
#include "train/rollout/rollout.h"
#include "train/supervised/example_order.h"

namespace pith {
namespace {

constexpr int64_t kSampleTokens = 768;   // that are run for a measurement, about
constexpr int64_t kLong = 1536;          // sequences beyond are measured at two lengths:
constexpr int64_t kShortCut = 768, kLongCut = 2048;
constexpr int64_t kDecodeSteps = 8;

template <class Body>
double Seconds(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The least of three: whatever disturbs a measurement makes it longer, and differences of two are multiplied by the number of layers.
template <class Body>
double Undisturbed(const Body& body) {
  const double a = Seconds(body), b = Seconds(body), c = Seconds(body);
  return std::min({a, b, c});
}

// Seconds of a model of so many layers for what is measured; `few`: where the head has one row of each sequence.
struct Depth {
  double encode = 0, forward = 0, both = 0, update = 0;
  double few_forward = 0, few_both = 0;
};

struct Measured {
  Depth seconds;  // at the model's whole depth
  int64_t prompt_tokens = 0, run_tokens = 0, squares = 0;
};

int64_t RunTokens(const TrainSequence& s) { return static_cast<int64_t>(s.ids.size()) - 1; }

class Measuring {
 public:
  Measuring(const Session& session, const RunShapes& shapes, const std::vector<SftExample>& examples)
      : session_(session), config_(session.config), layers_(shapes.model.num_layers), dtype_(config_.model.dtype == "float32" ? at::kFloat : at::kBFloat16) {
    if (config_.run.stage == "rl") {
      for (int64_t i = 0; i < config_.rl.prompts_per_step * config_.rl.group_size; ++i) {  // other prompts side by side, so that they are there to be encoded
        const PreparedProblem& p = session.problems[static_cast<size_t>(i % config_.rl.prompts_per_step) % session.problems.size()];
        Add(p.prompt, {0, std::vector<int32_t>(static_cast<size_t>(config_.rollout.max_completion_tokens), 1)});
      }
      return;
    }
    ExampleOrder order(config_, SourcesOf(session, examples));
    for (int64_t step = 0; step < std::min<int64_t>(4, order.steps()); ++step) {
      for (const size_t i : order.Batch(step)) Add(session.problems[examples[i].problem].prompt, examples[i]);
    }
  }

  // Sequences cut to `cut` tokens, as many as come to a measurement's tokens.
  Measured Run(int64_t cut, bool with_head) const {
    Measured m;
    Depth depths[2];
    const int64_t more = std::min<int64_t>(4, layers_ - 1);
    depths[0] = At(1, with_head, cut, &m);
    depths[1] = more > 0 ? At(1 + more, /*with_head=*/false, cut, &m) : depths[0];
    // The first layer, which nothing trained comes before, and its followers, all of which are alike.
    const auto whole = [&](double Depth::*what, double Depth::*difference) {
      const double layer = more > 0 ? std::max(0.0, depths[1].*difference - depths[0].*difference) / static_cast<double>(more) : 0;
      return depths[0].*what + static_cast<double>(layers_ - 1) * layer;
    };
    m.seconds.encode = whole(&Depth::encode, &Depth::encode);
    m.seconds.forward = whole(&Depth::forward, &Depth::few_forward);
    m.seconds.both = whole(&Depth::both, &Depth::few_both);
    m.seconds.update = whole(&Depth::update, &Depth::update);
    m.seconds.few_forward = whole(&Depth::few_forward, &Depth::few_forward);
    m.seconds.few_both = whole(&Depth::few_both, &Depth::few_both);
    return m;
  }

 private:
  void Add(const Prompt& prompt, SftExample example) {
    prompts_.push_back(&prompt);
    examples_.push_back(std::move(example));
  }

  Depth At(int64_t layers, bool with_head, int64_t cut, Measured* m) const {
    Model model(session_.base, dtype_, &session_.initial, session_.prompter->tokenizer().vocab_size(), layers);
    std::vector<const Prompt*> prompts;
    std::vector<SftExample> examples;
    int64_t tokens = 0;
    for (size_t i = 0; i < prompts_.size() && tokens < kSampleTokens; ++i) {
      prompts.push_back(prompts_[i]);
      SftExample& example = examples.emplace_back(examples_[i]);
      if (const int64_t most = std::max(cut, example.announced + 1); static_cast<int64_t>(example.response.size()) > most) example.response.resize(static_cast<size_t>(most));
      tokens += static_cast<int64_t>(example.response.size());
    }
    const PromptEncoder encoder(model, prompts);
    std::vector<TrainSequence> sequences;
    Depth seconds;
    const auto encode = [&] {
      const std::vector<EncodedPrompt> encoded = encoder.Encode(prompts);
      sequences.clear();
      for (size_t i = 0; i < prompts.size(); ++i) sequences.push_back(SequenceOf(encoded[i], *prompts[i], examples[i]));
    };
    encode();
    seconds.encode = Undisturbed(encode);
    *m = {};
    for (size_t i = 0; i < sequences.size(); ++i) {
      m->prompt_tokens += prompts[i]->invocation_start;
      m->run_tokens += RunTokens(sequences[i]);
      m->squares += RunTokens(sequences[i]) * RunTokens(sequences[i]);
    }
    BatchOptions options;
    options.micro_batch = LimitOf(config_);
    options.forward.gradient_checkpointing = config_.model.gradient_checkpointing;
    const auto gradient = [](const at::Tensor& l, const at::Tensor&, int64_t, int64_t) { return RowGradients{at::full_like(l, 1e-6), {}}; };
    const auto measure = [&](double* both, double* forward) {
      RunBatch(model, sequences, options, gradient);  // products are compiled, and memory taken
      *both = Undisturbed([&] { RunBatch(model, sequences, options, gradient); });
      if (config_.run.stage == "rl") *forward = Undisturbed([&] { RunBatch(model, sequences, options, nullptr); });
    };
    if (with_head) measure(&seconds.both, &seconds.forward);
    for (TrainSequence& s : sequences) s.targets = {static_cast<int64_t>(s.ids.size()) - 1};
    measure(&seconds.few_both, &seconds.few_forward);
    Optimizer optimizer(config_.optimizer, model.parameters());
    seconds.update = Seconds([&] {
      optimizer.Step(0, 1);
      model.AdapterChanged();
    });
    return seconds;
  }

  const Session& session_;
  const TrainConfig& config_;
  const int64_t layers_;
  const at::ScalarType dtype_;
  std::vector<const Prompt*> prompts_;
  std::vector<SftExample> examples_;
};

// Of rollouts: their decoding steps, and their prompts.
double SamplingSeconds(const Session& session) {
  const TrainConfig& c = session.config;
  Sampler sampler(session);
  const int64_t samples = c.rl.prompts_per_step * c.rl.group_size, batch = std::min<int64_t>(c.rollout.max_batch, samples);
  const int64_t behind = c.rollout.max_completion_tokens / 2;
  const AdapterRef adapter = PackForSampling(session, session.initial);
  std::vector<GenerateRequest> requests;
  int64_t prompt_tokens = 0;
  for (int64_t left = batch; left > 0; left -= c.rl.group_size) {
    const PreparedProblem& p = session.problems[requests.size() % session.problems.size()];
    GenerateRequest r;
    r.prompt = p.prompt.ids;
    r.invocation_start = p.prompt.invocation_start;
    r.adapter = adapter;
    r.sampling.temperature = c.rollout.temperature;
    r.response_prefix.assign(static_cast<size_t>(behind), p.prompt.ids.back());
    r.num_samples = static_cast<int>(std::min(left, c.rl.group_size));
    prompt_tokens += static_cast<int64_t>(p.prompt.ids.size()) + behind;
    requests.push_back(std::move(r));
  }
  const auto generate = [&](int64_t tokens) {
    for (GenerateRequest& r : requests) r.max_tokens = r.min_tokens = behind + tokens;
    Generate(*sampler.engine(), session.prompter->tokenizer(), requests, {.max_batch = c.rollout.max_batch});
  };
  const double first = Seconds([&] { generate(1); });   // encodes what the others find in the cache
  const double one = Undisturbed([&] { generate(1); }), more = Undisturbed([&] { generate(1 + kDecodeSteps); });
  const double step = std::max(0.0, more - one) / static_cast<double>(kDecodeSteps), encoding = std::max(0.0, first - one) / static_cast<double>(prompt_tokens);
  double prompts = 0;
  for (int64_t i = 0; i < c.rl.prompts_per_step; ++i) prompts += static_cast<double>(session.problems[static_cast<size_t>(i) % session.problems.size()].prompt.ids.size());
  const double rounds = static_cast<double>(samples) / static_cast<double>(batch);
  return rounds * static_cast<double>(c.rollout.max_completion_tokens) * step + prompts * encoding;
}

}  // namespace

TimeForecast ForecastTime(const Session& session, const RunShapes& shapes, const std::vector<SftExample>& examples) {
  const RlSettings& rl = session.config.rl;
  const bool is_rl = session.config.run.stage == "rl";
  // What a step has, on average.
  double prompt_tokens = 0, run_tokens = 0, squares = 0;
  int64_t longest = 0;
  for (const std::vector<TrainSequence>& step : shapes.steps) {
    for (const TrainSequence& s : step) {
      const auto n = static_cast<double>(RunTokens(s));
      run_tokens += n, squares += n * n;
      longest = std::max(longest, RunTokens(s));
    }
    prompt_tokens += static_cast<double>(EncodedTokens(session.config, step));
  }
  const auto steps = static_cast<double>(shapes.steps.size());
  prompt_tokens /= steps, run_tokens /= steps, squares /= steps;

  const Measuring measuring(session, shapes, examples);
  const Measured at = measuring.Run(longest > kLong ? kShortCut : kLong, /*with_head=*/true);
  // a · tokens + b · tokens²; the head has no part in b.
  const auto of_step = [&](double Depth::*what, double Depth::*few, const Measured* longer) {
    const auto n = static_cast<double>(at.run_tokens);
    double a = at.seconds.*what / n, b = 0;
    if (longer != nullptr) {
      const auto n2 = static_cast<double>(longer->run_tokens), q = static_cast<double>(at.squares), q2 = static_cast<double>(longer->squares);
      b = std::max(0.0, (longer->seconds.*few / n2 - at.seconds.*few / n) / (q2 / n2 - q / n));
      a -= b * q / n;
    }
    return a * run_tokens + b * squares;
  };
  Measured longer;
  if (longest > kLong) longer = measuring.Run(kLongCut, /*with_head=*/false);
  const Measured* second = longest > kLong ? &longer : nullptr;
  const double both = of_step(&Depth::both, &Depth::few_both, second), forward = of_step(&Depth::forward, &Depth::few_forward, second);

  TimeForecast t;
  double updates = 1;
  t.learning = both;
  if (is_rl) {
    updates = static_cast<double>(rl.updates_per_step());
    const double passes = static_cast<double>(rl.updates_per_rollout);
    const bool scores = rl.minibatches > 1 || (rl.kl_beta != 0 && rl.kl_in == "reward");
    t.learning = passes * both + (rl.top_entropy_quantile < 1 ? passes : 0) * forward + (scores ? forward : 0) + (rl.kl_beta != 0 ? forward : 0);
    t.sampling = SamplingSeconds(session);
  }
  t.encoding = at.prompt_tokens == 0 ? 0 : at.seconds.encode / static_cast<double>(at.prompt_tokens) * prompt_tokens;
  t.updating = updates * at.seconds.update;
  return t;
}

}  // namespace pith
