#include "data/curriculum.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/rng.h"

namespace pith {
namespace {

constexpr uint64_t kStream = 0x63757272;  // "curr"

}  // namespace

Curriculum::Curriculum(const CurriculumSettings& settings, std::vector<std::string> ids)
    : settings_(settings), ids_(std::move(ids)), records_(ids_.size()) {
  PITH_CHECK(!ids_.empty());
  std::set<std::string> seen;
  for (const std::string& id : ids_) {
    if (!seen.insert(id).second) ThrowUser("the curriculum tells problems apart by their id, but two are called '", id, "'");
  }
}

Pool Curriculum::PoolOf(size_t problem) const {
  const Record& r = records_.at(problem);
  if (r.visits == 0) return Pool::kFresh;
  if (r.visits >= settings_.visits && r.pass_rate > settings_.solved_above) return Pool::kSolved;
  if (r.visits >= settings_.visits && r.pass_rate < settings_.hopeless_below) return Pool::kHopeless;
  return Pool::kLearning;
}

std::array<int64_t, kNumPools> Curriculum::Counts() const {
  std::array<int64_t, kNumPools> counts = {};
  for (size_t i = 0; i < records_.size(); ++i) ++counts[static_cast<size_t>(PoolOf(i))];
  return counts;
}

std::vector<size_t> Curriculum::Draw(uint64_t seed, int64_t step, int64_t n) const {
  Rng random(seed, {kStream, static_cast<uint64_t>(step)});
  std::vector<size_t> order(ids_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  random.Shuffle(order);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return records_[a].visits < records_[b].visits; });
  std::vector<size_t> wanted, rest;  // fresh and learning; solved and hopeless
  for (size_t i : order) {
    const Pool pool = PoolOf(i);
    (pool == Pool::kSolved || pool == Pool::kHopeless ? rest : wanted).push_back(i);
  }
  if (wanted.empty() && settings_.revisit == 0) {
    const auto counts = Counts();
    ThrowUser("the curriculum has nothing left to learn from: ", counts[static_cast<size_t>(Pool::kSolved)], " problems are solved and ",
              counts[static_cast<size_t>(Pool::kHopeless)], " hopeless; give harder problems, or set curriculum.revisit above 0");
  }
  std::vector<size_t> out;
  size_t next_wanted = 0, next_rest = 0;
  while (static_cast<int64_t>(out.size()) < n) {
    const bool revisit = random.Uniform() < settings_.revisit;  // drawn for every place, so that places do not shift each other
    const bool wanted_left = next_wanted < wanted.size();
    const bool rest_left = next_rest < rest.size() && settings_.revisit > 0;
    if (!wanted_left && !rest_left) {  // more places than problems
      next_wanted = next_rest = 0;
      continue;
    }
    out.push_back(rest_left && (revisit || !wanted_left) ? rest[next_rest++] : wanted[next_wanted++]);
  }
  return out;
}

void Curriculum::Observe(size_t problem, double pass_rate) {
  Record& r = records_.at(problem);
  r.pass_rate = r.visits == 0 ? pass_rate : settings_.ema * r.pass_rate + (1.0 - settings_.ema) * pass_rate;
  ++r.visits;
}

std::string Curriculum::Save() const {
  nlohmann::json json = nlohmann::json::object();
  for (size_t i = 0; i < ids_.size(); ++i) {
    if (records_[i].visits > 0) json[ids_[i]] = {records_[i].visits, records_[i].pass_rate};
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void Curriculum::Load(const std::string& text) {
  try {
    const auto saved = nlohmann::json::parse(text).get<std::map<std::string, std::pair<int64_t, double>>>();
    std::vector<Record> records(ids_.size());
    size_t known = 0;
    for (size_t i = 0; i < ids_.size(); ++i) {
      const auto it = saved.find(ids_[i]);
      if (it == saved.end()) continue;
      ++known;
      const auto& [visits, rate] = it->second;
      if (visits < 1 || !(rate >= 0 && rate <= 1)) ThrowUser("the curriculum's state of problem '", ids_[i], "' is damaged");
      records[i] = {visits, rate};
    }
    if (known == 0 && !saved.empty()) {
      ThrowUser("the curriculum's state is of ", saved.size(), " other problems ('", saved.begin()->first, "' for one, where this run's first is '", ids_[0],
                "'); put the data back as they were, or begin anew with --overwrite");
    }
    records_ = std::move(records);
  } catch (const nlohmann::json::exception& e) {
    ThrowUser("the curriculum's state cannot be read: ", e.what());
  }
}

}  // namespace pith
