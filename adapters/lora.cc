#include "adapters/lora.h"

#include <algorithm>
#include <cmath>

#include "adapters/lora_names.h"
#include "adapters/lora_plan.h"
#include "base/error.h"
#include "base/json_text.h"
#include "base/log.h"

namespace pith {

namespace {

double Scale(double alpha, int64_t rank, bool rslora) {
  PITH_CHECK(rank > 0, "rank ", rank);
  const auto r = static_cast<double>(rank);
  return alpha / (rslora ? std::sqrt(r) : r);
}

// Files carry s · R in float32, where 0 would be read as "scale 1".
void CheckScale(const std::string& what, double alpha, double scale, int64_t rank) {
  const auto written = static_cast<float>(scale * static_cast<double>(rank));
  if (!std::isfinite(written) || written <= 0) {
    ThrowUser(what, " is ", alpha, ", expected a positive number that float32 can hold");
  }
}

}  // namespace

int64_t LoraPair::num_trained() const {
  const int64_t trained_rank = pissa() ? rank / 2 : rank;
  return trained_rank * (in + out) + static_cast<int64_t>(magnitude.size());
}

double LoraAdapter::scale() const { return Scale(alpha, rank, rslora); }
double LoraAdapter::scale(const LoraPair& pair) const { return Scale(pair.alpha.value_or(alpha), pair.rank, rslora); }

bool LoraAdapter::pissa() const {
  return std::any_of(pairs.begin(), pairs.end(), [](const auto& entry) { return entry.second.pissa(); });
}

bool SameForm(const LoraAdapter& a, const LoraAdapter& b) {
  if (a.rslora != b.rslora || a.dora != b.dora || a.activation != b.activation || a.invocation != b.invocation) return false;
  return std::equal(a.pairs.begin(), a.pairs.end(), b.pairs.begin(), b.pairs.end(), [&](const auto& x, const auto& y) {
    const LoraPair &p = x.second, &q = y.second;
    return x.first == y.first && p.rank == q.rank && p.in == q.in && p.out == q.out &&
           p.alpha.value_or(a.alpha) == q.alpha.value_or(b.alpha) && p.pissa() == q.pissa();
  });
}

void CheckAdapterFits(const LoraAdapter& adapter, const ModelConfig& config) {
  if (adapter.rank < 1) ThrowUser("the adapter's rank is ", adapter.rank, ", expected 1 or more");
  CheckScale("the adapter's alpha", adapter.alpha, adapter.scale(), adapter.rank);
  if (adapter.pairs.empty()) ThrowUser("the adapter acts on no layer; expected at least one pair of factors");
  if (adapter.activation == Activation::kInvocation && adapter.invocation.empty()) {
    ThrowUser("the adapter acts from its invocation on but names no invocation tokens; give them, or use activation always");
  }
  if (adapter.activation == Activation::kAlways && !adapter.invocation.empty()) {
    ThrowUser("the adapter always acts but names invocation tokens; remove them, or use activation invocation");
  }
  if (adapter.dora && adapter.activation != Activation::kAlways) {
    ThrowUser("a DoRA adapter rescales whole rows of the base, so it can only act always, not from an invocation on");
  }
  for (const int32_t id : adapter.invocation) {
    if (id < 0 || id >= config.vocab_size) {
      ThrowUser("the adapter's invocation token ", id, " is outside the base's vocabulary of ", config.vocab_size,
                "; it belongs to another base");
    }
  }
  for (const auto& [name, pair] : adapter.pairs) {
    const auto place = ParseWeightName(name);
    if (!place || place->layer >= config.num_layers) {
      ThrowUser("the adapter acts on '", name, "', which the base (", config.arch, ", ", config.num_layers,
                " layers) lacks; it belongs to another base");
    }
    const std::vector<int> kinds = ModuleKinds(config);
    if (std::find(kinds.begin(), kinds.end(), place->kind) == kinds.end()) {
      ThrowUser("the adapter acts on ", kLinearKinds[place->kind].target, ", and a base of architecture ", config.arch, " has ", ShownTargets(config),
                "; it belongs to another base");
    }
    const int64_t in = LinearCols(config, place->kind), out = LinearRows(config, place->kind);
    if (pair.in != in || pair.out != out) {
      ThrowUser("the adapter's '", name, "' is made for a weight of ", pair.out, "×", pair.in, ", the base's is ", out, "×",
                in, "; it belongs to another base");
    }
    if (pair.rank < 1) ThrowUser("the adapter's '", name, "' has rank ", pair.rank, ", expected 1 or more");
    CheckScale(Str("the alpha of the adapter's '", name, "'"), pair.alpha.value_or(adapter.alpha), adapter.scale(pair), pair.rank);
    PITH_CHECK_EQ(pair.a.size(), static_cast<size_t>(pair.rank * in));
    PITH_CHECK_EQ(pair.b.size(), static_cast<size_t>(out * pair.rank));
    PITH_CHECK_EQ(pair.magnitude.size(), static_cast<size_t>(adapter.dora ? out : 0));
    if (pair.pissa()) PITH_CHECK_EQ(pair.start_a.size() * 2, pair.a.size());
  }
}

void CheckSameBase(const LoraAdapter& adapter, const std::string& origin, const BaseModel& base, bool any_base) {
  if (adapter.base_sha256.empty()) {
    LogWarning(Str("'", origin, "' does not name the base it was trained on; '", base.path(), "' is taken to be it"));
    return;
  }
  const std::string identity = base.Identity();
  if (adapter.base_sha256 == identity) return;
  const std::string difference = Str("'", origin, "' was trained on base ", adapter.base_sha256.substr(0, 12), "…, '", base.path(),
                                     "' is ", identity.substr(0, 12), "…");
  if (!any_base) ThrowUser(difference, "; name the base it was trained on, or say --any-base where a command takes it");
  LogWarning(difference + "; going on because of --any-base");
}

void CheckTemplateKwargs(const std::string& origin, const std::string& key, const std::string& kwargs) {
  if (kwargs.empty()) return;
  const std::string problem = kwargs.size() > kMaxJsonBytes ? "is too long" : JsonObjectProblem(kwargs);
  if (!problem.empty()) ThrowUser("'", origin, "': ", key, " ", problem, "; expected an object such as {\"enable_thinking\": false}");
}

}  // namespace pith
