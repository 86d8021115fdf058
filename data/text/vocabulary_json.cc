// tokenizer.json of Hugging Face's tokenizers library: byte-level BPE with the pre-tokenizers that pith knows.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

using Json = nlohmann::json;
constexpr int64_t kMaxTokens = 8'000'000;

std::string Text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// A field that is null or absent counts as `missing`.
template <class T>
T Field(const Json& object, const char* key, T missing) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? missing : found->get<T>();
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), root_(Json::parse(ReadFile(path))) { out_.origin = path; }

  Vocabulary Read() {
    if (!root_.is_object() || !root_.contains("model")) Fail("has no 'model'; expected a tokenizer.json");
    ReadModel(root_.at("model"));
    ReadNormalizer(root_.value("normalizer", Json()));
    ReadPreTokenizer(root_.value("pre_tokenizer", Json()));
    ReadEnds();
    return std::move(out_);
  }

 private:
  std::string path_;
  Json root_;
  Vocabulary out_;
  std::vector<std::string> texts_;

  template <class... Args>
  [[noreturn]] void Fail(const Args&... args) const {
    ThrowUser("'", path_, "' ", args...);
  }

  size_t CheckedId(const Json& id) const {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= kMaxTokens) {
      Fail("has the token id ", Text(id), "; expected an integer from 0 to ", kMaxTokens - 1);
    }
    return id.get<size_t>();
  }

  void Place(size_t id, const std::string& text, TokenKind kind) {
    if (text.empty()) Fail("has an empty token, id ", id);
    if (id >= texts_.size()) {
      texts_.resize(id + 1);
      out_.kinds.resize(id + 1, TokenKind::kUnused);
    }
    if (out_.kinds[id] != TokenKind::kUnused && texts_[id] != text) {
      Fail("gives id ", id, " to '", texts_[id], "' and to '", text, "'; ids must be unique");
    }
    texts_[id] = text;
    out_.kinds[id] = kind;
  }

  void ReadModel(const Json& model) {
    const auto type = Field<std::string>(model, "type", "BPE");
    if (type != "BPE") Fail("has a tokenizer model of type '", type, "', but pith knows byte-level BPE only");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!Field<std::string>(model, key, "").empty()) Fail("sets '", key, "', which pith lacks");
    }
    if (Field<double>(model, "dropout", 0.0) != 0.0) Fail("sets BPE 'dropout', which pith lacks");
    if (Field<bool>(model, "byte_fallback", false)) Fail("uses 'byte_fallback', but pith knows byte-level BPE only");
    out_.ignore_merges = Field<bool>(model, "ignore_merges", false);
    out_.fuse_unknown = Field<bool>(model, "fuse_unk", false);

    const Json& vocab = model.at("vocab");
    if (!vocab.is_object() || vocab.empty()) Fail("has no vocabulary");
    for (const auto& [text, id] : vocab.items()) Place(CheckedId(id), text, TokenKind::kNormal);
    const Json added = root_.value("added_tokens", Json::array());
    for (const Json& token : added) {
      const auto text = token.at("content").get<std::string>();
      for (const char* key : {"single_word", "lstrip", "rstrip"}) {
        if (Field<bool>(token, key, false)) Fail("sets '", key, "' on the token '", text, "', which pith lacks");
      }
      Place(CheckedId(token.at("id")), text,
            Field<bool>(token, "special", false) ? TokenKind::kControl : TokenKind::kUserDefined);
    }
    out_.tokens.resize(texts_.size());
    for (size_t id = 0; id < texts_.size(); ++id) {
      if (out_.kinds[id] != TokenKind::kNormal || !AlphabetToBytes(texts_[id], &out_.tokens[id])) {
        out_.tokens[id] = texts_[id];
      }
    }

    const MergeResolver resolver(path_, texts_, out_.kinds);
    for (const Json& merge : model.at("merges")) {
      if (merge.is_array() && merge.size() == 2) {
        resolver.Add(merge[0].get<std::string>(), merge[1].get<std::string>(), &out_);
        continue;
      }
      const auto text = merge.get<std::string>();
      const size_t space = text.find(' ');
      if (space == std::string::npos) Fail("has the merge '", text, "', expected two tokens and a space between");
      resolver.Add(text.substr(0, space), text.substr(space + 1), &out_);
    }
    const auto unknown = Field<std::string>(model, "unk_token", "");
    if (!unknown.empty()) {
      out_.unknown_id = resolver.Find(unknown);
      if (out_.unknown_id < 0) Fail("names the unknown token '", unknown, "', which its vocabulary lacks");
    }
  }

  void ReadNormalizer(const Json& normalizer) {
    if (normalizer.is_null()) return;
    const auto type = Field<std::string>(normalizer, "type", "");
    if (type == "Sequence") {
      for (const Json& part : normalizer.at("normalizers")) ReadNormalizer(part);
    } else if (type == "NFC") {
      out_.compose_nfc = true;
    } else {
      Fail("needs the normalizer '", type, "', which pith lacks; it has NFC");
    }
  }

  void ReadPreTokenizer(const Json& pre) {
    if (pre.is_null()) Fail("has no pre-tokenizer; byte-level BPE needs one");
    Json parts = Json::array({pre});
    if (Field<std::string>(pre, "type", "") == "Sequence") parts = pre.at("pretokenizers");
    std::optional<PreTokenizer> pattern;
    bool digits = false, bytes = false;
    for (const Json& part : parts) {
      const auto type = Field<std::string>(part, "type", "");
      if (bytes) Fail("has the pre-tokenizer '", type, "' after ByteLevel, which pith lacks");
      if (type == "Digits" && Field<bool>(part, "individual_digits", false) && !pattern && !digits) {
        digits = true;
      } else if (type == "Split" && !pattern && !digits) {
        const Json& regex = part.at("pattern");
        const auto source = Field<std::string>(regex, "Regex", "");
        pattern = PreTokenizerFromPattern(source);
        if (!pattern) Fail("splits words by the pattern ", Text(regex), ", which pith lacks");
        const auto behavior = Field<std::string>(part, "behavior", "");
        if (behavior != "Isolated" || Field<bool>(part, "invert", false)) {
          Fail("has a Split pre-tokenizer with behavior '", behavior, "'; pith knows Isolated, not inverted");
        }
      } else if (type == "ByteLevel") {
        bytes = true;
        if (Field<bool>(part, "add_prefix_space", true)) Fail("sets 'add_prefix_space', which pith lacks");
        const bool gpt2 = Field<bool>(part, "use_regex", true);
        if (gpt2 == pattern.has_value()) Fail("combines pre-tokenizers in a way that pith lacks: ", Text(pre));
      } else {
        Fail("needs the pre-tokenizer '", type, "' (", Text(part), "), which pith lacks");
      }
    }
    if (!bytes) Fail("has no ByteLevel pre-tokenizer, but pith knows byte-level BPE only");
    out_.pre_tokenizer = pattern ? *pattern : digits ? PreTokenizer::kSmolLm : PreTokenizer::kGpt2;
  }

  int32_t FindText(const std::string& text) const {
    for (size_t id = 0; id < texts_.size(); ++id) {
      if (texts_[id] == text && out_.kinds[id] != TokenKind::kUnused) return static_cast<int32_t>(id);
    }
    return -1;
  }

  Json Neighbour(const char* name) const {
    const std::string path = (std::filesystem::path(path_).parent_path() / name).string();
    if (!FileExists(path)) return Json::object();
    Json parsed = Json::parse(ReadFile(path), nullptr, false);
    if (!parsed.is_object()) ThrowUser("'", path, "' is not a JSON object");
    return parsed;
  }

  // The end tokens live beside tokenizer.json; a lone tokenizer.json has none but those known by name.
  void ReadEnds() {
    Json eos = Neighbour("tokenizer_config.json").value("eos_token", Json());
    if (eos.is_object()) eos = eos.value("content", Json());
    if (eos.is_string()) out_.eos_id = FindText(eos.get<std::string>());
    for (const char* name : {"generation_config.json", "config.json"}) {
      Json ids = Neighbour(name).value("eos_token_id", Json());
      if (ids.is_null()) continue;
      if (!ids.is_array()) ids = Json::array({ids});
      for (const Json& id : ids) {
        const size_t checked = CheckedId(id);
        if (checked >= texts_.size()) Fail("has no token ", checked, ", which ", name, " names as its end");
        if (out_.eos_id < 0) out_.eos_id = static_cast<int32_t>(checked);
        out_.end_ids.push_back(static_cast<int32_t>(checked));
      }
    }
  }
};

}  // namespace

Vocabulary VocabularyFromJson(const std::string& tokenizer_json_path) {
  try {
    return Reader(tokenizer_json_path).Read();
  } catch (const Json::exception& error) {
    ThrowUser("'", tokenizer_json_path, "' is not a usable tokenizer.json: ", error.what());
  }
}

}  // namespace pith
