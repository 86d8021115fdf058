#include "adapters/module_pattern.h"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>

#include "base/error.h"

namespace pith {
namespace {

constexpr int kMaxName = 63;       // the longest module name has 34 letters
constexpr size_t kMaxKey = 1000;   // letters
constexpr int kMaxDepth = 32;      // of parentheses
constexpr int64_t kMaxCount = 1000;

// What a part of the expression matches: ends[i] has bit j when it fits the letters i to j of the name.
using Relation = std::array<uint64_t, kMaxName + 1>;

class Matcher {
 public:
  Matcher(const std::string& key, std::string_view name) : key_(key), name_(name), n_(static_cast<int>(name.size())) {}

  // Whether it fits all of the name or, where `behind_dots`, all of it behind one of its dots.
  bool Run(bool behind_dots) {
    const Relation whole = Alternatives();
    if (at_ < key_.size()) Refuse("has a ) without a (");
    uint64_t starts = 1;
    for (int i = 0; i < n_; ++i) {
      if (behind_dots && name_[i] == '.') starts |= uint64_t{2} << i;
    }
    return (Step(whole, starts) >> n_ & 1) != 0;
  }

 private:
  [[noreturn]] void Refuse(const std::string& why) const {
    ThrowUser("the pattern '", key_, "' ", why, "; expected a regular expression over module names, such as down_proj or ",
              "layers\\.[0-3]\\..*q_proj");
  }

  bool More() const { return at_ < key_.size(); }
  char Peek() const { return key_[at_]; }

  Relation Empty() const {
    Relation r{};
    for (int i = 0; i <= n_; ++i) r[i] = uint64_t{1} << i;
    return r;
  }
  static uint64_t Step(const Relation& r, uint64_t starts) {
    uint64_t ends = 0;
    for (; starts != 0; starts &= starts - 1) ends |= r[static_cast<size_t>(std::countr_zero(starts))];
    return ends;
  }
  static Relation Then(const Relation& a, const Relation& b) {
    Relation out{};
    for (size_t i = 0; i < a.size(); ++i) out[i] = Step(b, a[i]);
    return out;
  }
  static Relation Either(const Relation& a, const Relation& b) {
    Relation out{};
    for (size_t i = 0; i < a.size(); ++i) out[i] = a[i] | b[i];
    return out;
  }
  // `r`, `times` times, by squaring: a hostile key may repeat a hundred times in a hundred places.
  Relation Power(Relation r, int64_t times) const {
    Relation out = Empty();
    for (; times > 0; times /= 2) {
      if (times % 2 != 0) out = Then(out, r);
      if (times > 1) r = Then(r, r);
    }
    return out;
  }
  // `r`, at most `most` times; −1: any number of times. Whatever fits moves on at least a letter each time, or need not be repeated.
  Relation UpTo(const Relation& r, int64_t most) const {
    return Power(Either(Empty(), r), most < 0 || most > kMaxName ? kMaxName + 1 : most);
  }

  template <class Predicate>
  Relation Letter(const Predicate& fits) const {
    Relation r{};
    for (int i = 0; i < n_; ++i) {
      if (fits(static_cast<unsigned char>(name_[i]))) r[i] = uint64_t{2} << i;
    }
    return r;
  }

  Relation Alternatives() {
    if (++depth_ > kMaxDepth) Refuse("nests too many parentheses");
    Relation out = Sequence();
    while (More() && Peek() == '|') {
      ++at_;
      out = Either(out, Sequence());
    }
    --depth_;
    return out;
  }

  Relation Sequence() {
    Relation out = Empty();
    while (More() && Peek() != '|' && Peek() != ')') out = Then(out, Repeated());
    return out;
  }

  Relation Repeated() {
    const Relation one = Atom();
    if (!More()) return one;
    int64_t least = 0, most = -1;
    if (Peek() == '*') {
      ++at_;
    } else if (Peek() == '+') {
      ++at_;
      least = 1;
    } else if (Peek() == '?') {
      ++at_;
      most = 1;
    } else if (Peek() == '{') {
      ++at_;
      least = Count();
      most = least;
      if (More() && Peek() == ',') {
        ++at_;
        most = More() && Peek() == '}' ? -1 : Count();
      }
      if (!More() || Peek() != '}' || (most >= 0 && most < least)) Refuse("has a { that is no count such as {2} or {1,3}");
      ++at_;
    } else {
      return one;
    }
    if (More() && Peek() == '?') ++at_;  // a lazy repetition fits the same names
    if (More() && (Peek() == '*' || Peek() == '+' || Peek() == '{')) Refuse("repeats a repetition");
    return Then(Power(one, least), UpTo(one, most < 0 ? -1 : most - least));
  }

  int64_t Count() {
    int64_t count = 0;
    const size_t begin = at_;
    while (More() && Peek() >= '0' && Peek() <= '9') {
      count = count * 10 + (Peek() - '0');
      if (count > kMaxCount) Refuse("repeats more than 1000 times");
      ++at_;
    }
    if (at_ == begin) Refuse("has a { that is no count such as {2} or {1,3}");
    return count;
  }

  Relation Atom() {
    const char c = Peek();
    ++at_;
    switch (c) {
      case '.': return Letter([](unsigned char x) { return x != '\n'; });
      case '^': {
        Relation r{};
        r[0] = 1;
        return r;
      }
      case '$': {
        Relation r{};
        r[n_] = uint64_t{1} << n_;
        return r;
      }
      case '(': {
        if (More() && Peek() == '?') {
          if (key_.compare(at_, 2, "?:") != 0) Refuse("uses a group with ?, of which only (?:…) is implemented");
          at_ += 2;
        }
        const Relation r = Alternatives();
        if (!More()) Refuse("has a ( without a )");
        ++at_;
        return r;
      }
      case '[': return Class();
      case '*': case '+': case '?': case '{': Refuse(Str("has nothing to repeat before ", c));
      case '\\': {
        if (More() && (Peek() == 'b' || Peek() == 'B')) return WordBoundary(key_[at_++] == 'b');
        const std::bitset<256> set = Escape();
        return Letter([&](unsigned char x) { return set[x]; });
      }
      default: return Letter([c](unsigned char x) { return x == static_cast<unsigned char>(c); });
    }
  }

  Relation WordBoundary(bool wanted) const {
    const auto word = [&](int i) {
      const char c = i >= 0 && i < n_ ? name_[static_cast<size_t>(i)] : '.';
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    Relation r{};
    for (int i = 0; i <= n_; ++i) {
      if ((word(i - 1) != word(i)) == wanted) r[i] = uint64_t{1} << i;
    }
    return r;
  }

  // Behind a backslash.
  std::bitset<256> Escape() {
    if (!More()) Refuse("ends in a backslash");
    const char c = Peek();
    ++at_;
    std::bitset<256> set;
    const auto range = [&](char low, char high) {
      for (int x = low; x <= high; ++x) set.set(static_cast<size_t>(x));
    };
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == 'd' || c == 'D' || c == 'w' || c == 'W') {
      range('0', '9');
      if (c == 'w' || c == 'W') range('a', 'z'), range('A', 'Z'), range('_', '_');
      if (c == 'D' || c == 'W') set.flip();
    } else if (letter) {
      Refuse(Str("uses \\", c, ", which is not implemented"));
    } else {
      set.set(static_cast<unsigned char>(c));
    }
    return set;
  }

  Relation Class() {
    std::bitset<256> set;
    const bool negated = More() && Peek() == '^';
    if (negated) ++at_;
    for (bool first = true;; first = false) {
      if (!More()) Refuse("has a [ without a ]");
      if (Peek() == ']' && !first) break;
      if (Peek() == '\\') {
        ++at_;
        set |= Escape();
        continue;
      }
      const auto low = static_cast<unsigned char>(Peek());
      ++at_;
      if (at_ + 1 < key_.size() && Peek() == '-' && key_[at_ + 1] != ']') {
        const auto high = static_cast<unsigned char>(key_[at_ + 1]);
        if (high < low || high == '\\') Refuse("has a range in [ ] that is none");
        for (int x = low; x <= high; ++x) set.set(static_cast<size_t>(x));
        at_ += 2;
      } else {
        set.set(low);
      }
    }
    ++at_;
    if (negated) set.flip();
    return Letter([&](unsigned char x) { return set[x]; });
  }

  const std::string& key_;
  std::string_view name_;
  int n_;
  size_t at_ = 0;
  int depth_ = 0;
};

// Whether a key is but letters and dots, as PEFT writes them: a name, or the end of one. Many keys times many modules are then cheap.
bool IsName(const std::string& key) {
  return std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

// The same as Matcher for such a key: its dots fit any letter, all else itself.
bool EndsAs(std::string_view module, const std::string& key) {
  if (key.size() > module.size()) return false;
  const size_t from = module.size() - key.size();
  return (from == 0 || module[from - 1] == '.') &&
         std::equal(key.begin(), key.end(), module.begin() + static_cast<ptrdiff_t>(from),
                    [](char of_key, char of_name) { return of_key == of_name || (of_key == '.' && of_name != '\n'); });
}

void CheckLengths(const std::string& key, std::string_view module) {
  PITH_CHECK(module.size() <= kMaxName, module);
  if (key.empty() || key.size() > kMaxKey) {
    ThrowUser("a pattern over module names has ", key.size(), " letters, expected 1 to ", kMaxKey);
  }
}

}  // namespace

bool MatchesModule(const std::string& key, std::string_view module) {
  CheckLengths(key, module);
  return IsName(key) ? EndsAs(module, key) : Matcher(key, module).Run(/*behind_dots=*/true);
}

bool MatchesWholeModule(const std::string& key, std::string_view module) {
  CheckLengths(key, module);
  return Matcher(key, module).Run(/*behind_dots=*/false);
}

}  // namespace pith
