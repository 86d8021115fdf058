// The "normalizer" and "pre_tokenizer" of a tokenizer.json, step by step.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

using Json = nlohmann::json;
constexpr int kMaxNesting = 20;

std::string StepText(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

template <class T>
T StepField(const Json& object, const char* key, T missing) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? missing : found->get<T>();
}

std::string Base64(const std::string& text, const std::string& origin) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
    if (c == '=' || c == '\n') continue;
    if (value < 0) ThrowUser("'", origin, "' has a precompiled_charsmap that is not base64");
    bits = bits << 6 | static_cast<uint32_t>(value);
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8) & 0xFF);
  }
  return out;
}

class StepReader {
 public:
  explicit StepReader(const std::string& origin) : origin_(origin) {}

  void Normalizers(const Json& json, Normalizer* out, int depth = 0) {
    if (json.is_null()) return;
    const auto type = StepField<std::string>(json, "type", "");
    using S = NormalizerStep;
    S step;
    if (type == "Sequence") {
      if (depth > kMaxNesting) Fail("nests normalizers too deeply");
      for (const Json& part : json.at("normalizers")) Normalizers(part, out, depth + 1);
      return;
    }
    if (type == "NFC") {
      step.kind = S::kNfc;
    } else if (type == "NFD") {
      step.kind = S::kNfd;
    } else if (type == "NFKC") {
      step.kind = S::kNfkc;
    } else if (type == "NFKD") {
      step.kind = S::kNfkd;
    } else if (type == "Lowercase") {
      step.kind = S::kLowercase;
    } else if (type == "StripAccents") {
      step.kind = S::kStripAccents;
    } else if (type == "Nmt") {
      step.kind = S::kNmt;
    } else if (type == "ByteLevel") {
      step.kind = S::kByteLevel;
    } else if (type == "BertNormalizer") {
      const bool lowercase = StepField<bool>(json, "lowercase", true);
      for (S& bert : BertSteps(StepField<bool>(json, "clean_text", true), StepField<bool>(json, "handle_chinese_chars", true),
                               StepField<bool>(json, "strip_accents", lowercase), lowercase)) {
        out->steps.push_back(std::move(bert));
      }
      return;
    } else if (type == "Strip") {
      step.kind = S::kStrip;
      step.left = StepField<bool>(json, "strip_left", false);
      step.right = StepField<bool>(json, "strip_right", false);
    } else if (type == "Prepend") {
      step.kind = S::kPrepend;
      step.text = json.at("prepend").get<std::string>();
    } else if (type == "Replace") {
      step.text = StepField<std::string>(json, "content", "");
      Pattern(json.at("pattern"), &step.pattern, &step.regex);
      step.kind = step.regex != nullptr ? S::kReplaceRegex : S::kReplace;
    } else if (type == "Precompiled") {
      const auto blob = StepField<std::string>(json, "precompiled_charsmap", "");
      if (blob.empty()) return;
      step.kind = S::kCharsmap;
      step.charsmap = std::make_shared<Charsmap>(Base64(blob, origin_), origin_);
    } else {
      Fail("needs the normalizer '", type,
           "', which pith lacks; it has NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Nmt, Prepend, Replace, Precompiled, BertNormalizer, ByteLevel");
    }
    out->steps.push_back(std::move(step));
  }

  void PreTokenizers(const Json& json, std::vector<WordStep>* out, int depth = 0) {
    if (json.is_null()) return;
    const auto type = StepField<std::string>(json, "type", "");
    using S = WordStep;
    S step;
    if (type == "Sequence") {
      if (depth > kMaxNesting) Fail("nests pre-tokenizers too deeply");
      for (const Json& part : json.at("pretokenizers")) PreTokenizers(part, out, depth + 1);
      return;
    }
    if (type == "Split") {
      step.behavior = Behavior(json);
      step.invert = StepField<bool>(json, "invert", false);
      const Json& pattern = json.at("pattern");
      if (pattern.contains("Regex") && step.behavior == S::kIsolated && !step.invert) {
        if (const auto known = PreTokenizerFromPattern(pattern.at("Regex").get<std::string>())) {
          step.kind = S::kKnown;
          step.known = *known;
          out->push_back(step);
          return;
        }
      }
      Pattern(pattern, &step.text, &step.regex);
      step.kind = step.regex != nullptr ? S::kRegex : S::kText;
      if (step.regex != nullptr) std::swap(step.pattern, step.text);
    } else if (type == "ByteLevel") {
      step.kind = S::kByteLevel;
      step.prefix = StepField<bool>(json, "add_prefix_space", true);
      step.flag = StepField<bool>(json, "use_regex", true);
    } else if (type == "Digits") {
      step.kind = S::kDigits;
      step.flag = StepField<bool>(json, "individual_digits", false);
    } else if (type == "Punctuation") {
      step.kind = S::kPunctuation;
      step.behavior = Behavior(json);
    } else if (type == "Whitespace") {
      step.kind = S::kWhitespace;
    } else if (type == "WhitespaceSplit") {
      step.kind = S::kWhitespaceSplit;
    } else if (type == "BertPreTokenizer") {
      step.kind = S::kBert;
    } else if (type == "CharDelimiterSplit") {
      step.kind = S::kText;
      step.behavior = S::kRemoved;
      step.text = json.at("delimiter").get<std::string>();
    } else if (type == "Metaspace") {
      step.kind = S::kMetaspace;
      step.text = StepField<std::string>(json, "replacement", std::string(kSpaceMark));
      step.flag = StepField<bool>(json, "split", true);
      const bool prefix = StepField<bool>(json, "add_prefix_space", true);  // older files
      const auto scheme = StepField<std::string>(json, "prepend_scheme", prefix ? "always" : "never");
      if (scheme != "always" && scheme != "first" && scheme != "never") Fail("has Metaspace's prepend_scheme '", scheme, "'");
      step.prefix = scheme != "never";
      step.first = scheme == "first";
    } else {
      Fail("needs the pre-tokenizer '", type, "' (", StepText(json), "), which pith lacks");
    }
    out->push_back(std::move(step));
  }

 private:
  std::string origin_;

  template <class... Args>
  [[noreturn]] void Fail(const Args&... args) const {
    ThrowUser("'", origin_, "' ", args...);
  }

  void Pattern(const Json& json, std::string* text, std::shared_ptr<const Regex>* regex) {
    if (json.contains("String")) {
      *text = json.at("String").get<std::string>();
      return;
    }
    *text = json.at("Regex").get<std::string>();
    try {
      *regex = std::make_shared<Regex>(*text);
    } catch (const UserError& error) {
      Fail("cannot be used: ", error.what());
    }
  }

  WordStep::Behavior Behavior(const Json& json) const {
    const auto name = StepField<std::string>(json, "behavior", "Isolated");
    if (name == "Removed") return WordStep::kRemoved;
    if (name == "Isolated") return WordStep::kIsolated;
    if (name == "MergedWithPrevious") return WordStep::kMergedWithPrevious;
    if (name == "MergedWithNext") return WordStep::kMergedWithNext;
    if (name == "Contiguous") return WordStep::kContiguous;
    Fail("splits with the behavior '", name, "', which pith lacks");
  }
};

}  // namespace

Normalizer NormalizerFromJson(const std::string& json, const std::string& origin) {
  Normalizer out;
  StepReader(origin).Normalizers(Json::parse(json), &out);
  return out;
}

std::vector<WordStep> WordStepsFromJson(const std::string& json, const std::string& origin) {
  std::vector<WordStep> out;
  StepReader(origin).PreTokenizers(Json::parse(json), &out);
  return out;
}

}  // namespace pith
