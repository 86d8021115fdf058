// The names of tokenizer.ggml.pre, and the pre-tokenizers of the models behind them, as their tokenizer.json has them.
#include <algorithm>

#include "data/text/word_splitter.h"

namespace pith {
namespace {

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define TAIL R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define CASED_WORDS(SUFFIX)                                                                                 \
  R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)" SUFFIX                   \
  R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)" SUFFIX

constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)" TAIL;
constexpr const char* kLlama3 =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)" TAIL;
constexpr const char* kQwen35 =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)" TAIL;
constexpr const char* kGpt4o = CASED_WORDS(CONTRACTIONS "?") R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*)" TAIL;
constexpr const char* kTekken = CASED_WORDS("") R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*)" TAIL;
constexpr const char* kSeedCoder =
    CONTRACTIONS "|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\r\n]+|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";
constexpr const char* kBailing =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr const char* kExaoneMoe =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr const char* kJais2 =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|)"
    R"(\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})";
constexpr const char* kMiniCpm5 = CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*)" TAIL;
constexpr const char* kYoutuScripts = "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+";
constexpr const char* kYoutu = CASED_WORDS(CONTRACTIONS "?") R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*)" TAIL;
constexpr const char* kKimi =
    R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)" CONTRACTIONS
    R"(?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)" CONTRACTIONS
    R"(?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)" TAIL;
constexpr const char* kBloom = R"( ?[^(\s|[.,!?…。，、।۔،])]+)";
constexpr const char* kDeepSeek3 =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
    "?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";
// Cased letters, as the model's file lists them.
constexpr const char* kDeepSeekLetters =
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗ\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE"
    "\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134ℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";
constexpr const char* kDeepSeekSigns = "\\s?[!-/:-~！-／：-～‘-‟　-。]+";
constexpr const char* kDeepSeekAsian = "[一-龥ࠀ-一가-퟿]+";

WordStep Split(const char* pattern) {
  WordStep step;
  if (const auto known = PreTokenizerFromPattern(pattern)) {
    step.kind = WordStep::kKnown;
    step.known = *known;
    return step;
  }
  step.kind = WordStep::kRegex;
  step.pattern = pattern;
  step.regex = std::make_shared<Regex>(pattern);
  return step;
}
WordStep Bytes(bool gpt2) {
  WordStep step;
  step.kind = WordStep::kByteLevel;
  step.flag = gpt2;
  return step;
}
WordStep Digits(bool each) {
  WordStep step;
  step.kind = WordStep::kDigits;
  step.flag = each;
  return step;
}
WordStep Punctuation() {
  WordStep step;
  step.kind = WordStep::kPunctuation;
  step.behavior = WordStep::kContiguous;
  return step;
}

using Steps = std::vector<WordStep>;
struct Entry {
  std::vector<std::string_view> names;
  Steps (*steps)();
  bool ignore_merges = false;
};

const std::vector<Entry>& Entries() {
  static const std::vector<Entry> entries = {
      {{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"},
       [] { return Steps{Digits(true), Bytes(true)}; }},
      {{"gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "gigachat", "jina-es", "jina-de", "jina-v2-es",
        "jina-v2-de", "jina-v2-code", "jina-v1-en", "roberta-bpe", "a.x-4.0", "mellum", "modern-bert", "exaone4"},
       [] { return Steps{Bytes(true)}; }},
      {{"qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez", "grok-2", "solar-open", "kormo", "f2llmv2"},
       [] { return Steps{Split(kQwen2), Bytes(false)}; }},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"},
       [] { return Steps{Split(kLlama3), Bytes(false)}; }, true},
      {{"dbrx", "smaug-bpe", "chatglm-bpe", "glm4"}, [] { return Steps{Split(kLlama3), Bytes(false)}; }},
      {{"qwen35"}, [] { return Steps{Split(kQwen35), Bytes(false)}; }},
      {{"gpt-4o", "llama4", "minimax-m2", "kanana2", "talkie"}, [] { return Steps{Split(kGpt4o), Bytes(false)}; }},
      {{"granite-embed-multi-97m"}, [] { return Steps{Split(kGpt4o), Bytes(false)}; }, true},
      {{"tiny_aya", "cohere2moe"}, [] { return Steps{Split(R"(\d{1,3}(?=(?:\d{3})*\b))"), Split(kGpt4o), Bytes(false)}; }},
      {{"youtu"}, [] { return Steps{Split(kYoutuScripts), Split(kYoutu), Bytes(false)}; }, true},
      {{"kimi-k2"}, [] { return Steps{Split(kKimi), Bytes(false)}; }, true},
      {{"minicpm5"}, [] { return Steps{Split(R"(\p{N}{1,3})"), Split(kMiniCpm5), Bytes(false)}; }, true},
      {{"exaone-moe"}, [] { return Steps{Split(kExaoneMoe), Bytes(false)}; }},
      {{"jais-2"}, [] { return Steps{Split(kJais2), Bytes(false)}; }},
      {{"superbpe"}, [] { return Steps{Split(R"(\p{N}+)"), Split(R"((?=(\d{3})+(?!\d)))"), Bytes(false)}; }},
      {{"chameleon"},
       [] {
         WordStep each_sign = Punctuation();
         each_sign.behavior = WordStep::kIsolated;
         return Steps{Split("<sentinel:[0-9]+>"), Split("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"), Split(R"(([\t\n]|    |  ))"), Digits(true),
                      each_sign, Bytes(true)};
       }},
      {{"tekken"}, [] { return Steps{Split(kTekken), Bytes(false)}; }, true},
      {{"seed-coder"}, [] { return Steps{Split(kSeedCoder), Bytes(false)}; }},
      {{"bailingmoe", "llada-moe", "bailingmoe2"}, [] { return Steps{Split(kBailing), Bytes(false)}; }},
      {{"bloom", "poro-chat", "gpt3-finnish"}, [] { return Steps{Split(kBloom), Bytes(false)}; }},
      {{"viking"}, [] { return Steps{Split(kBloom), Digits(true), Bytes(false)}; }},
      {{"default"},  // llama.cpp's, for a file that names none
       [] { return Steps{Split(R"([\p{P}$+<=>^~|]+)"), Split(kGpt2), Split(R"(\p{N}+)"), Split("[0-9][0-9][0-9]"), Bytes(false)}; }},
      {{"falcon"}, [] { return Steps{Punctuation(), Bytes(true), Digits(false), Split("[0-9][0-9][0-9]")}; }},
      {{"deepseek-llm"},
       [] {
         return Steps{Split("[\r\n]"), Split(kDeepSeekLetters), Split(kDeepSeekSigns), Split("\\s+$"), Split(kDeepSeekAsian),
                      Digits(true), Bytes(false)};
       }},
      {{"deepseek-coder"},
       [] {
         return Steps{Split("[\r\n]"), Split("\\s?\\p{L}+"), Split("\\s?\\p{P}+"), Split(kDeepSeekAsian), Digits(true), Bytes(false)};
       }},
      {{"deepseek-v3", "hunyuan-dense", "joyai-llm"},
       [] { return Steps{Split("\\p{N}{1,3}"), Split("[一-龥぀-ゟ゠-ヿ]+"), Split(kDeepSeek3), Bytes(false)}; }},
  };
  return entries;
}

bool SameStep(const WordStep& a, const WordStep& b) {
  return a.kind == b.kind && a.behavior == b.behavior && a.known == b.known && a.pattern == b.pattern && a.text == b.text &&
         a.flag == b.flag && a.prefix == b.prefix && a.first == b.first && a.invert == b.invert;
}

}  // namespace

std::optional<WordSplitter> WordSplitterFromGgufName(std::string_view name, bool* ignore_merges) {
  for (const Entry& entry : Entries()) {
    if (std::find(entry.names.begin(), entry.names.end(), name) == entry.names.end()) continue;
    *ignore_merges = entry.ignore_merges;
    return WordSplitter(entry.steps());
  }
  return std::nullopt;
}

std::string_view GgufNameOfArchitecture(std::string_view architecture) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"gpt2", "gpt-2"}, {"gptneox", "gpt-2"}, {"mpt", "mpt"}, {"phi2", "phi-2"}, {"starcoder", "starcoder"}, {"starcoder2", "starcoder"},
      {"refact", "refact"}, {"codeshell", "codeshell"}, {"command-r", "command-r"}, {"falcon", "falcon"}, {"bloom", "bloom"}, {"qwen", "qwen2"},
      {"qwen2", "qwen2"}, {"qwen2moe", "qwen2"}, {"dbrx", "dbrx"}, {"olmo", "olmo"}};
  for (const auto& [have, name] : kNames) {
    if (have == architecture) return name;
  }
  return "";
}

std::string GgufNameOf(const WordSplitter& splitter, bool ignore_merges) {
  std::string found;
  for (const Entry& entry : Entries()) {
    const Steps steps = entry.steps();
    const Steps& mine = splitter.steps();
    if (!std::equal(steps.begin(), steps.end(), mine.begin(), mine.end(), SameStep)) continue;
    if (entry.ignore_merges == ignore_merges) return std::string(entry.names[0]);
    if (found.empty()) found = entry.names[0];
  }
  return found;
}

}  // namespace pith
