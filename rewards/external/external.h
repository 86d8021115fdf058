// Judges of the user's: a command that reads JSON lines, or a URL. docs/verifiers.md is for who writes one.
#pragma once

#include <string>

#include "configs/train_config.h"
#include "rewards/verifiers.h"

namespace pith {

// Gives the settings' kinds to their judge; nothing where they name none. `log`: the file that the stderr of its processes is appended
// to; empty: that of this process. Nothing is started, opened or connected before something is judged. UserError for a URL that is none.
void UseExternal(const VerifierSettings& settings, bool pay_unsimplified, const std::string& log, Verifiers* verifiers);

// What a command line says: "http://…", or a command in words, where '…' and "…" hold one with spaces. UserError for a text that is neither.
VerifierSettings ParseVerifier(const std::string& text);

}  // namespace pith
