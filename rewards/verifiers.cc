#include "rewards/verifiers.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/thread_pool.h"
#include "rewards/judgement_cache.h"
#include "rewards/text_verifier.h"

namespace pith {
namespace {

constexpr const char* kMath = "math";

std::string CutReason(EndedBy limit) {
  switch (limit) {
    case EndedBy::kThinking: return "the limit of the reasoning ended it before it gave an answer";
    case EndedBy::kAnswer: return "the limit of the answer ended it before it gave one";
    default: return "the limit of its length ended it before it gave an answer";
  }
}

void MarkCuts(std::span<const Attempt> attempts, std::vector<Judgement>* judgements) {
  for (size_t i = 0; i < attempts.size(); ++i) {
    Judgement& j = (*judgements)[i];
    if (!attempts[i].truncated() || (j.verdict != Verdict::kUnparsed && j.verdict != Verdict::kCut)) continue;
    j.verdict = Verdict::kCut;
    j.score = 0;
    if (j.reason.empty()) j.reason = CutReason(attempts[i].ended_by);
  }
}

std::vector<Judgement> Failed(size_t n, const std::string& reason) { return std::vector<Judgement>(n, Judgement{Verdict::kError, 0, reason, ""}); }

// The contract of Verifier, kept whatever the verifier does.
std::vector<Judgement> SafeJudge(Verifier& verifier, std::span<const Attempt> attempts) {
  try {
    std::vector<Judgement> out = verifier.Judge(attempts);
    if (out.size() != attempts.size()) return Failed(attempts.size(), Str("the verifier gave ", out.size(), " judgements of ", attempts.size(), " attempts"));
    return out;
  } catch (const std::exception& error) {
    return Failed(attempts.size(), Str("the verifier failed: ", error.what()));
  } catch (...) {
    return Failed(attempts.size(), "the verifier failed");
  }
}

std::string Pack(const std::vector<Judgement>& judgements) {
  nlohmann::json list = nlohmann::json::array();
  for (const Judgement& j : judgements) list.push_back({static_cast<int>(j.verdict), j.score, j.reason, j.extracted});
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<Judgement> Unpack(const std::string& text) {
  std::vector<Judgement> out;
  for (const auto& j : nlohmann::json::parse(text)) {
    out.push_back({static_cast<Verdict>(j.at(0).get<int>()), j.at(1).get<double>(), j.at(2).get<std::string>(), j.at(3).get<std::string>()});
  }
  return out;
}

}  // namespace

struct Verifiers::Impl {
  // What a verifier has said lately, and whether that is still worth going on with.
  class ErrorRecord {
   public:
    void Add(const std::vector<Judgement>& judgements) {
      const std::lock_guard lock(mutex_);
      for (const Judgement& j : judgements) {
        ++total_;
        failures_ += j.failed();
        window_.push_back(j.failed());
        failed_in_window_ += j.failed();
        if (static_cast<int64_t>(window_.size()) > Verifiers::kErrorWindow) {
          failed_in_window_ -= window_.front();
          window_.pop_front();
        }
        if (j.failed()) last_reason_ = j.reason;
      }
    }
    void Check(double max_share) const {
      const std::lock_guard lock(mutex_);
      if (total_ == 0) return;
      if (failures_ == total_) {
        ThrowUser("the verifier has judged none of the first ", total_, total_ == 1 ? " attempt" : " attempts", "; the last reason: ", last_reason_);
      }
      const auto size = static_cast<int64_t>(window_.size());
      if (size < Verifiers::kErrorWindow || static_cast<double>(failed_in_window_) <= max_share * static_cast<double>(size)) return;
      ThrowUser("the verifier failed on ", failed_in_window_, " of the last ", size, " attempts, more than max_error_share = ", max_share,
                "; the last reason: ", last_reason_);
    }

   private:
    mutable std::mutex mutex_;
    std::deque<bool> window_;
    int64_t failed_in_window_ = 0, total_ = 0, failures_ = 0;
    std::string last_reason_;
  };

  // An attempt with texts of its own.
  struct KeptAttempt {
    explicit KeptAttempt(const Attempt& a)
        : problem(a.problem), kind(a.kind), payload(a.payload), question(a.question), gold(a.gold), response(a.response), rest(a) {}
    Attempt View() const {
      Attempt view = rest;
      view.problem = problem, view.kind = kind, view.payload = payload;
      view.question = question, view.gold = gold, view.response = response;
      return view;
    }
    std::string problem, kind, payload, question, gold, response;
    Attempt rest;
  };

  struct Route {
    explicit Route(std::shared_ptr<Verifier> v) : verifier(std::move(v)), identity(verifier->Identity()), pure(verifier->IsPure()) {}
    std::shared_ptr<Verifier> verifier;
    std::string identity;
    bool pure;
    ErrorRecord record;
  };

  explicit Impl(const VerifiersOptions& o) : options(o), cache(o.cache_bytes) {
    for (MathReading reading : {MathReading::kStrict, MathReading::kLenient, MathReading::kPrediction}) {
      math.push_back(std::make_unique<Route>(std::make_shared<MathVerifier>(reading, o.pay_unsimplified)));
    }
    for (const TextKind& kind : kTextKinds) texts[kind.name] = std::make_unique<Route>(std::make_shared<TextVerifier>(kind.rule));
  }
  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      queue.clear();
    }
    changed.notify_all();
    if (!background.joinable()) return;
    if (every_kind) every_kind->verifier->Stop();
    for (const auto& [kind, route] : routes) route->verifier->Stop();
    background.join();
  }

  Route& RouteOf(std::string_view kind, MathReading reading) const {
    if (const auto found = routes.find(std::string(kind)); found != routes.end()) return *found->second;
    if (every_kind) return *every_kind;
    if (const auto found = texts.find(std::string(kind)); found != texts.end()) return *found->second;
    PITH_CHECK(kind == kMath, "kind ", kind);  // CheckKind() has seen it
    return *math[static_cast<size_t>(reading)];
  }

  // Pieces of a batch on several threads; the judge of mathematics takes from microseconds to milliseconds.
  std::vector<Judgement> JudgePure(Verifier& verifier, std::span<const Attempt> attempts) {
    constexpr size_t kFew = 4;
    if (attempts.size() <= kFew || options.threads == 1) return SafeJudge(verifier, attempts);
    std::vector<Judgement> out(attempts.size());
    const std::lock_guard lock(pool_mutex);
    if (!pool) pool = std::make_unique<ThreadPool>(options.threads);
    pool->ParallelFor(static_cast<int64_t>(attempts.size()), 1, [&](int64_t begin, int64_t end, int) {
      std::vector<Judgement> part = SafeJudge(verifier, attempts.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
      std::move(part.begin(), part.end(), out.begin() + begin);
    });
    return out;
  }

  // What the cache does not know, each once.
  std::vector<Judgement> JudgeBy(Route& route, std::span<const Attempt> attempts) {
    std::vector<Judgement> out(attempts.size());
    std::vector<JudgementCache::Key> keys;
    std::vector<Attempt> open;
    std::vector<std::vector<size_t>> places;  // of each open one
    std::map<JudgementCache::Key, size_t> open_at;
    for (size_t i = 0; i < attempts.size(); ++i) {
      const JudgementCache::Key key = JudgementCache::KeyOf(route.identity, route.pure, attempts[i]);
      if (auto known = cache.Find(key)) {
        out[i] = std::move(*known);
        continue;
      }
      const auto [at, fresh] = open_at.try_emplace(key, open.size());
      if (fresh) {
        open.push_back(attempts[i]);
        keys.push_back(key);
        places.emplace_back();
      }
      places[at->second].push_back(i);
    }
    if (open.empty()) return out;
    const std::vector<Judgement> judged = route.pure ? JudgePure(*route.verifier, open) : SafeJudge(*route.verifier, open);
    route.record.Add(judged);
    for (size_t k = 0; k < open.size(); ++k) {
      if (!judged[k].failed()) cache.Insert(keys[k], judged[k]);
      for (size_t i : places[k]) out[i] = judged[k];
    }
    return out;
  }

  std::vector<Judgement> JudgeWaited(Route& route, std::span<const Attempt> attempts) {
    if (route.pure) return JudgeBy(route, attempts);
    const auto ask = [&] {
      std::vector<Attempt> rest;
      std::vector<size_t> places;
      std::vector<Judgement> out(attempts.size());
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return queue.empty() && !preparing; });
        for (size_t i = 0; i < attempts.size(); ++i) {  // an error that was prepared is not asked for anew
          const auto found = prepared_errors.find(JudgementCache::KeyOf(route.identity, false, attempts[i]));
          if (found != prepared_errors.end()) {
            out[i] = found->second;
          } else {
            rest.push_back(attempts[i]);
            places.push_back(i);
          }
        }
        prepared_errors.clear();
      }
      std::vector<Judgement> judged = JudgeBy(route, rest);
      for (size_t k = 0; k < rest.size(); ++k) out[places[k]] = std::move(judged[k]);
      route.record.Check(options.max_error_share);
      return out;
    };
    return share ? Unpack(share([&] { return Pack(ask()); })) : ask();
  }

  // Runs until the end of this object; takes all that is queued as one batch.
  void Work() {
    while (true) {
      std::deque<KeptAttempt> batch;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stopping || !queue.empty(); });
        if (stopping) return;
        std::swap(batch, queue);
        preparing = true;
      }
      std::map<Route*, std::vector<Attempt>> by_route;
      for (const KeptAttempt& kept : batch) by_route[&RouteOf(kept.kind, MathReading::kStrict)].push_back(kept.View());
      for (const auto& [route, attempts] : by_route) {
        const std::vector<Judgement> judged = JudgeBy(*route, attempts);
        const std::lock_guard lock(mutex);
        for (size_t i = 0; i < attempts.size(); ++i) {
          if (judged[i].failed()) prepared_errors[JudgementCache::KeyOf(route->identity, false, attempts[i])] = judged[i];
        }
      }
      const std::lock_guard lock(mutex);
      preparing = false;
      changed.notify_all();
    }
  }

  const VerifiersOptions options;
  JudgementCache cache;
  std::vector<std::unique_ptr<Route>> math;  // by MathReading
  std::map<std::string, std::unique_ptr<Route>> texts;  // by kind: rewards/text_verifier.h
  std::map<std::string, std::shared_ptr<Route>> routes;
  std::shared_ptr<Route> every_kind;
  std::function<std::string(const std::function<std::string()>&)> share;
  std::mutex pool_mutex;
  std::unique_ptr<ThreadPool> pool;

  std::mutex mutex;  // of what follows
  std::condition_variable changed;
  std::deque<KeptAttempt> queue;
  bool preparing = false, stopping = false;
  std::map<JudgementCache::Key, Judgement> prepared_errors;
  std::thread background;
};

Verifiers::Verifiers(const VerifiersOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Verifiers::~Verifiers() = default;

void Verifiers::Use(std::shared_ptr<Verifier> verifier, const std::vector<std::string>& kinds) {
  const auto route = std::make_shared<Impl::Route>(std::move(verifier));
  if (kinds.empty()) impl_->every_kind = route;
  for (const std::string& kind : kinds) impl_->routes[kind] = route;
}

void Verifiers::Share(std::function<std::string(const std::function<std::string()>&)> share) { impl_->share = std::move(share); }

void Verifiers::CheckKind(std::string_view kind, const std::string& where) const {
  if (impl_->every_kind || kind == kMath || impl_->routes.count(std::string(kind)) > 0 || impl_->texts.count(std::string(kind)) > 0) return;
  std::string names = kMath;
  for (const auto& [name, route] : impl_->routes) {
    if (name != kMath) names += ", " + name;
  }
  for (const TextKind& text : kTextKinds) {
    if (impl_->routes.count(text.name) == 0) names += Str(", ", text.name);
  }
  ThrowUser(where, ": there is no verifier of its kind '", kind, "'; there are ", names, ". Name one that judges it (reward.verifier, or --verifier of pith-run)");
}

std::vector<Judgement> Verifiers::Judge(std::span<const Attempt> attempts, MathReading reading) {
  std::vector<std::pair<Impl::Route*, std::vector<size_t>>> by_route;  // in an order that processes which share have in common
  for (size_t i = 0; i < attempts.size(); ++i) {
    Impl::Route* route = &impl_->RouteOf(attempts[i].kind, reading);
    auto at = std::find_if(by_route.begin(), by_route.end(), [&](const auto& r) { return r.first == route; });
    if (at == by_route.end()) at = by_route.insert(at, {route, {}});
    at->second.push_back(i);
  }
  std::vector<Judgement> out(attempts.size());
  for (const auto& [route, places] : by_route) {
    std::vector<Attempt> own;
    for (size_t i : places) own.push_back(attempts[i]);
    std::vector<Judgement> judged = impl_->JudgeWaited(*route, own);
    for (size_t k = 0; k < places.size(); ++k) out[places[k]] = std::move(judged[k]);
  }
  MarkCuts(attempts, &out);
  return out;
}

std::vector<Judgements> Verifiers::JudgeBoth(std::span<const Attempt> attempts) {
  const std::vector<Judgement> strict = Judge(attempts, MathReading::kStrict);
  std::vector<Judgements> out;
  std::vector<Attempt> open;
  std::vector<size_t> places;
  for (size_t i = 0; i < attempts.size(); ++i) {
    out.push_back({strict[i], strict[i]});
    // A marked answer is what the lenient reading takes too.
    const bool unread = strict[i].verdict == Verdict::kUnparsed || strict[i].verdict == Verdict::kCut;
    if (!unread || !impl_->RouteOf(attempts[i].kind, MathReading::kStrict).pure) continue;
    open.push_back(attempts[i]);
    places.push_back(i);
  }
  std::vector<Judgement> lenient = Judge(open, MathReading::kLenient);
  for (size_t k = 0; k < places.size(); ++k) out[places[k]].lenient = std::move(lenient[k]);
  return out;
}

bool Verifiers::Waits(std::string_view kind) const { return !impl_->share && !impl_->RouteOf(kind, MathReading::kStrict).pure; }

void Verifiers::Prepare(std::span<const Attempt> attempts) {
  std::deque<Impl::KeptAttempt> kept;
  for (const Attempt& attempt : attempts) {
    if (Waits(attempt.kind)) kept.emplace_back(attempt);
  }
  if (kept.empty()) return;
  {
    const std::lock_guard lock(impl_->mutex);
    std::move(kept.begin(), kept.end(), std::back_inserter(impl_->queue));
    if (!impl_->background.joinable()) impl_->background = std::thread([impl = impl_.get()] { impl->Work(); });
  }
  impl_->changed.notify_all();
}

}  // namespace pith
