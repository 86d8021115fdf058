// What bases and adapters are, as `pith-run info` tells it. Nothing is run. UserError for a file that is damaged, or that pith
// could not use either.
#pragma once

#include <string>

#include "adapters/lora.h"
#include "base/model/base_model.h"
#include "base/gguf.h"
#include "data/text/tokenizer.h"
#include "runtime/programs/info_sheet.h"

namespace pith {

void DescribeBase(const std::string& path, InfoSheet* sheet);

// `base`: of the base it is for; where there is none, what only that can tell is left out.
struct InfoBase {
  const BaseModel* model = nullptr;
  const Tokenizer* tokenizer = nullptr;
};
void DescribeAdapterGguf(const GgufFile& file, const InfoBase& base, InfoSheet* sheet);
void DescribePeft(const std::string& folder, const InfoBase& base, InfoSheet* sheet);

}  // namespace pith
