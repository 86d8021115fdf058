// The prompts of an adapter's proof (adapters/proof.h): sixteen short word problems, each rendered through the base's chat template
// and answered in a few tokens, so that both what the base computes and what the adapter does are exercised.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pith {

class Prompter;

struct ProofPrompts {
  std::vector<std::vector<int32_t>> ids;  // prompt and answer
  std::vector<int64_t> begins;            // where an adapter begins to act: the last match of its invocation; 0: it always acts
  std::string template_sha256;            // over the rendered texts; empty: ids were drawn
};

// By the base's own template and tokenizer; nullptr: it has none. `now`: the time that the template tells; empty: a fixed one. An invocation that the rendered prompt lacks is put where
// the response begins. Prompts longer than `context` lose their beginning. A base without a tokenizer or a template that pith reads, or whose tokens go
// beyond `vocab_size`, gets ids drawn from a fixed seed.
ProofPrompts MakeProofPrompts(const Prompter* prompter, int64_t vocab_size, int64_t context, const std::string& now, const std::string& kwargs_json,
                              std::span<const int32_t> invocation);
// The same of the base at `path`.
ProofPrompts MakeProofPrompts(const std::string& path, int64_t vocab_size, int64_t context, const std::string& now, const std::string& kwargs_json,
                              std::span<const int32_t> invocation);

}  // namespace pith
