#include "data/text/unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/text/utf8.h"

namespace pith {
namespace {

constexpr double kUnknownPenalty = 10.0;  // below the worst piece
constexpr double kFarScore = 100000.0;    // sentencepiece counts anew from here, since single precision runs out

}  // namespace

Unigram::Unigram(const Vocabulary& vocabulary) : vocabulary_(vocabulary), scores_(vocabulary.scores) {
  struct Entry {
    std::string_view piece;
    int32_t id;
  };
  std::vector<Entry> entries;
  double worst = std::numeric_limits<double>::max(), best = std::numeric_limits<double>::lowest();
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const TokenKind kind = vocabulary.kinds[id];
    if (kind == TokenKind::kNormal || !vocabulary.single_precision) {
      worst = std::min(worst, scores_[id]);
      best = std::max(best, scores_[id]);
    }
    if ((kind == TokenKind::kNormal || kind == TokenKind::kUserDefined) && !vocabulary.pieces[id].empty()) {
      entries.push_back({vocabulary.pieces[id], static_cast<int32_t>(id)});
    }
  }
  unknown_score_ = worst - kUnknownPenalty;
  if (vocabulary.single_precision) {  // sentencepiece's bonus, by which a user-defined piece wins
    unknown_score_ = static_cast<float>(worst) - static_cast<float>(kUnknownPenalty);
    for (size_t id = 0; id < scores_.size(); ++id) {
      if (vocabulary.kinds[id] != TokenKind::kUserDefined) continue;
      scores_[id] = static_cast<float>(0.1 * (static_cast<double>(vocabulary.pieces[id].size()) - 1));
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.piece < b.piece; });

  struct Open {
    int32_t node;
    size_t begin, end, depth;  // the entries below, and how many of their bytes are read
  };
  std::vector<Open> open = {{0, 0, entries.size(), 0}};
  nodes_.emplace_back();
  for (size_t next = 0; next < open.size(); ++next) {  // breadth first, so that children stand side by side
    const auto [node, begin, end, depth] = open[next];
    size_t at = begin;
    for (; at < end && entries[at].piece.size() == depth; ++at) {
      if (nodes_[static_cast<size_t>(node)].id < 0) nodes_[static_cast<size_t>(node)].id = entries[at].id;
    }
    nodes_[static_cast<size_t>(node)].children = static_cast<int32_t>(nodes_.size());
    while (at < end) {
      const char byte = entries[at].piece[depth];
      const size_t first = at;
      while (at < end && entries[at].piece[depth] == byte) ++at;
      open.push_back({static_cast<int32_t>(nodes_.size()), first, at, depth + 1});
      Node child;
      child.byte = static_cast<uint8_t>(byte);
      nodes_.push_back(child);
      ++nodes_[static_cast<size_t>(node)].num_children;
    }
  }
  roots_.fill(-1);
  for (int32_t i = 0; i < nodes_[0].num_children; ++i) {
    const int32_t child = nodes_[0].children + i;
    roots_[nodes_[static_cast<size_t>(child)].byte] = child;
  }
}

int32_t Unigram::Child(int32_t node, uint8_t byte) const {
  const Node& from = nodes_[static_cast<size_t>(node)];
  const auto begin = nodes_.begin() + from.children, end = begin + from.num_children;
  const auto found = std::lower_bound(begin, end, byte, [](const Node& child, uint8_t wanted) { return child.byte < wanted; });
  return found != end && found->byte == byte ? static_cast<int32_t>(found - nodes_.begin()) : -1;
}

int32_t Unigram::Find(std::string_view piece) const {
  if (piece.empty()) return -1;
  int32_t node = roots_[static_cast<uint8_t>(piece[0])];
  for (size_t i = 1; i < piece.size() && node >= 0; ++i) node = Child(node, static_cast<uint8_t>(piece[i]));
  return node < 0 ? -1 : nodes_[static_cast<size_t>(node)].id;
}

void Unigram::Encode(std::string_view text, std::vector<int32_t>& ids) const {
  struct Best {
    double score = 0;
    int64_t begin = -1;
    int32_t id = -1;
  };
  std::vector<Best> best(text.size() + 1);  // of the ways that end at each byte
  size_t reached = 0;
  const auto offer = [&](size_t begin, size_t end, int32_t id, double score) {
    reached = std::max(reached, end);
    double sum = best[begin].score + score;
    if (vocabulary_.single_precision) sum = static_cast<float>(best[begin].score) + static_cast<float>(score);
    if (best[end].begin < 0 || sum > best[end].score) best[end] = {sum, static_cast<int64_t>(begin), id};
  };
  for (size_t at = 0; at < text.size();) {
    if (const double far = best[at].score; vocabulary_.single_precision && std::abs(far) > kFarScore) {
      for (size_t i = at; i <= reached; ++i) best[i].score = static_cast<float>(best[i].score - far);
    }
    const size_t character = DecodeUtf8(text, at).size;
    bool whole_character = false;
    int32_t node = roots_[static_cast<uint8_t>(text[at])];
    for (size_t end = at + 1; node >= 0; ++end) {
      const int32_t id = nodes_[static_cast<size_t>(node)].id;
      if (id >= 0) {
        offer(at, end, id, scores_[static_cast<size_t>(id)]);
        whole_character = whole_character || end - at == character;
      }
      if (end >= text.size()) break;
      node = Child(node, static_cast<uint8_t>(text[end]));
    }
    if (!whole_character) offer(at, at + character, -1, unknown_score_);
    at += character;
  }
  struct Piece {
    size_t begin, end;
    int32_t id;
  };
  std::vector<Piece> path;
  for (size_t end = text.size(); end > 0;) {
    const Best& last = best[end];
    const auto begin = static_cast<size_t>(last.begin);
    if (last.id < 0 && vocabulary_.fuse_unknown && !path.empty() && path.back().id < 0) {
      path.back().begin = begin;
    } else {
      path.push_back({begin, end, last.id});
    }
    end = begin;
  }
  for (auto piece = path.rbegin(); piece != path.rend(); ++piece) {
    if (piece->id >= 0) {
      ids.push_back(piece->id);
      continue;
    }
    const std::string_view unknown = text.substr(piece->begin, piece->end - piece->begin);
    const bool bytes = std::all_of(unknown.begin(), unknown.end(),
                                   [&](char c) { return vocabulary_.byte_tokens[static_cast<uint8_t>(c)] >= 0; });
    if (bytes) {
      for (const char c : unknown) ids.push_back(vocabulary_.byte_tokens[static_cast<uint8_t>(c)]);
    } else if (vocabulary_.unknown_id >= 0) {
      ids.push_back(vocabulary_.unknown_id);
    }
  }
}

}  // namespace pith
