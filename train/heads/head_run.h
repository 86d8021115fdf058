// What runs that fit a head have in common: what their answers hang on, and the hidden states in a checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "configs/train_config.h"
#include "train/session/session.h"

namespace pith {

std::string DatasetNames(const TrainConfig& config);  // separated by commas
// Of all that answers and hidden states hang on, beside the configuration. `asked`: what each answer is followed by, with the token before it; empty: nothing.
std::string HeadInputsHash(const Session& session, const std::vector<int32_t>& asked, int32_t end_id);
// What is said where they are not those that the run began with.
[[noreturn]] void ThrowOtherInputs();
int64_t HeadSteps(const Session& session, const HeadSettings& settings);  // of a run
// Problems of step `step` (from 0), indices.
std::vector<size_t> ProblemsOfStep(const Session& session, const HeadSettings& settings, int64_t step);

// hidden.safetensors in `folder`: N × width values; no file for N = 0.
void SaveHidden(const std::string& folder, size_t rows, size_t width, const std::vector<float>& x);
// UserError where the file does not hold N rows of this width; `of` is what they belong to: "answers".
std::vector<float> LoadHidden(const std::string& folder, size_t rows, size_t width, const std::string& of);

}  // namespace pith
