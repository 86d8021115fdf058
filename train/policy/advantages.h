// How much better than expected each completion of a step was: what the policy gradient is weighed by.
//
// Group-relative: Shao et al., arXiv 2402.03300 (GRPO); without the division: Liu et al., arXiv 2503.20783 (Dr. GRPO).
// Leave-one-out: Ahmadian et al., arXiv 2402.14740 (RLOO). Over the batch, with and without the group's baseline: Hu et al.,
// arXiv 2501.03262 (REINFORCE++).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pith {

// rewards[g·group_size + i] is that of sample i of group g. Standard deviations divide by n − 1 and get 1e-4 added before
// anything is divided by them.
//
//   estimator               A_i                              scale
//   group                   R_i − mean of its group          group: / std of the group's R; batch: / std of all R; none
//   rloo                    R_i − mean of its group's others batch: / std of all A (TRL's normalize_advantages); none
//   reinforce_pp            R_i − mean of all                / std of all R, whatever `scale` says
//   reinforce_pp_baseline   R_i − mean of its group          / std of all A, whatever `scale` says
//
// A group whose rewards are all equal gets exact zeros, except under reinforce_pp, which compares across groups; so do all
// completions there when no two rewards differ. All statistics are over completions; A of rloo and reinforce_pp_baseline then has
// mean 0 by construction. (OpenRLHF and verl weigh the latter's by tokens, and subtract that mean.)
std::vector<double> Advantages(const std::string& estimator, const std::string& scale, const std::vector<double>& rewards,
                               int64_t group_size);

// REINFORCE++ with the KL in its reward (Hu et al., arXiv 2501.03262): the reward R comes with the last token, and each token pays for the KL from itself on,
//
//   A_t = R − β Σ_{i ≥ t} KL_i,   then (A_t − mean) / std over all tokens of the step.
//
// kl[i][t]: of token t of completion i, which has the reward rewards[i]; the result has the same form. The standard deviation is taken as above. Exact
// zeros where no two A differ.
std::vector<std::vector<double>> TokenAdvantages(const std::vector<double>& rewards, double beta, const std::vector<std::vector<double>>& kl);

}  // namespace pith
